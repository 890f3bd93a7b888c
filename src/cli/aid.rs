//! What helps the person at the terminal: `init`, `doctor`, `top`, `completions`, `man`.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use clap_complete::Shell;

use super::{CliError, Options, doctor, init, manual, top};

/// What somebody at a terminal can want.
#[derive(Debug, Subcommand)]
pub(super) enum Aid {
    /// Ask three questions and write a config: servers.toml, and policies where others come in
    #[command(
        after_help = "Exit codes: 0 written · 1 written, and something is missing, such as a variable · \
                      2 nothing written\n\
                      Example: mcpgate init --for network --server ~/notes --server 'uvx mcp-server-fetch' --yes"
    )]
    Init(init::Init),
    /// Watch the running gateway: servers, tools, callers, refusals, and how long it all takes
    #[command(
        after_help = "Keys: q quits, tab and arrows move, s sorts, p pauses, ? shows them all\n\
                      Example: mcpgate top --url https://gate.lan --key mcpg_…"
    )]
    Top(top::Watch),
    /// Look for what is known to go wrong: config, port, secrets, programs, servers, clients' limits
    #[command(
        after_help = "Exit codes: 0 nothing that does not work (warnings may be) · 1 a problem was found"
    )]
    Doctor(doctor::Doctor),
    /// Print what a shell completes commands and options by
    #[command(
        after_help = "bash: mcpgate completions bash > ~/.local/share/bash-completion/completions/mcpgate\n\
                      zsh:  mcpgate completions zsh > _mcpgate, into a folder of $fpath\n\
                      fish: mcpgate completions fish > ~/.config/fish/completions/mcpgate.fish"
    )]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the man page, or write it and one for each command into a folder
    #[command(after_help = "Example: mcpgate man | man -l -")]
    Man {
        /// The folder, such as ~/.local/share/man/man1
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

pub(super) async fn run(aid: Aid, options: &Options) -> Result<ExitCode, CliError> {
    match aid {
        Aid::Init(init) => init::run(init, options),
        Aid::Doctor(doctor) => Box::pin(doctor::run(doctor, options)).await,
        Aid::Completions { shell } => manual::completions(shell),
        Aid::Man { dir } => manual::pages(dir.as_deref()),
        Aid::Top(watch) => Box::pin(top::run(watch, options)).await,
    }
}
