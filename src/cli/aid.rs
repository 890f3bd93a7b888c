//! What helps the person at the terminal: `init`, `doctor`, `top`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{CliError, Options, doctor, init, top};

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
}

pub(super) async fn run(aid: Aid, options: &Options) -> Result<ExitCode, CliError> {
    match aid {
        Aid::Init(init) => init::run(init, options),
        Aid::Doctor(doctor) => Box::pin(doctor::run(doctor, options)).await,
        Aid::Top(watch) => Box::pin(top::run(watch, options)).await,
    }
}
