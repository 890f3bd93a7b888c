//! What helps the person at the terminal: `top`.

use std::process::ExitCode;

use clap::Subcommand;

use super::{CliError, Options, top};

/// What somebody at a terminal can want.
#[derive(Debug, Subcommand)]
pub(super) enum Aid {
    /// Watch the running gateway: servers, tools, callers, refusals, and how long it all takes
    #[command(
        after_help = "Keys: q quits, tab and arrows move, s sorts, p pauses, ? shows them all\n\
                      Example: mcpgate top --url https://gate.lan --key mcpg_…"
    )]
    Top(top::Watch),
}

pub(super) async fn run(aid: Aid, options: &Options) -> Result<ExitCode, CliError> {
    match aid {
        Aid::Top(watch) => Box::pin(top::run(watch, options)).await,
    }
}
