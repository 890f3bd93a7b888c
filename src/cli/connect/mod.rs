//! What connects: servers to the gateway (`import`, `add`, `remove`), and the gateway to clients
//! (`install`).

mod add;
mod difference;
mod import;
mod install;
mod report;
mod sources;

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;

use super::{CliError, Options};
use crate::{
    clients::Syntax,
    config::{ConfigError, Paths},
};

/// What somebody can want to connect.
#[derive(Debug, Subcommand)]
pub(super) enum Connection {
    /// Take over the servers of MCP clients into servers.toml
    #[command(
        after_help = "Clients: claude-desktop, claude-code, cursor, vscode, windsurf, zed, librechat\n\
                      Example: mcpgate import cursor --dry-run"
    )]
    Import(import::Import),
    /// Put the gateway into an MCP client's own file
    #[command(
        after_help = "Without --url the client launches `mcpgate stdio` with the servers.toml that is found here.\n\
                      Example: mcpgate install claude-desktop\n\
                      Example: mcpgate install cursor --url https://gate.lan/mcp --key-env MCPGATE_KEY"
    )]
    Install(install::Install),
    /// Add a server to servers.toml
    #[command(
        after_help = "Example: mcpgate add files -- npx -y @modelcontextprotocol/server-filesystem /srv/docs\n\
                      Example: mcpgate add oil --url https://oil.lan/mcp --header 'Authorization: Bearer ${OIL_TOKEN}'"
    )]
    Add(add::Add),
    /// Take a server out of servers.toml
    Remove {
        /// The name of its `[servers.<name>]` table
        name: String,
    },
}

pub(super) fn run(connection: Connection, options: &Options) -> Result<ExitCode, CliError> {
    match connection {
        Connection::Import(import) => import::run(&import, options),
        Connection::Install(install) => install::run(&install, options),
        Connection::Add(add) => add::add(&add, options),
        Connection::Remove { name } => add::remove(&name, options),
    }
}

/// The `servers.toml` to be changed: the one that is named, else the one that would be served, else
/// that of this person, which need not be there.
fn target(into: Option<&PathBuf>, options: &Options) -> Result<PathBuf, CliError> {
    let named = into.or(options.config.as_ref()).cloned();
    let found = match named {
        Some(named) => named,
        None => match Paths::find(None, None) {
            Ok(paths) => paths.config().to_path_buf(),
            Err(error @ ConfigError::NotFound(_)) => {
                Paths::of_this_person().ok_or(CliError::Config(error))?
            }
            Err(error) => return Err(error.into()),
        },
    };
    if Syntax::of(&found).is_some() {
        return Err(CliError::Usage(format!(
            "{} is a client's file and stays as it is; name a servers.toml with `--config FILE`",
            found.display()
        )));
    }
    Ok(found)
}
