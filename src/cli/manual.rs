//! What shells complete by, and man pages: made of the commands themselves, so that they are never
//! behind them. Hidden commands are in neither.

use std::{fs, io, path::Path, process::ExitCode};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Cli, CliError, log};

pub(super) fn completions(shell: Shell) -> Result<ExitCode, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown(), "mcpgate", &mut script);
    log::write(&script)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the page of `mcpgate`, or writes those of all commands into a folder.
pub(super) fn pages(folder: Option<&Path>) -> Result<ExitCode, CliError> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        Man::new(shown()).render(&mut page)?;
        log::write(&page)?;
        return Ok(ExitCode::SUCCESS);
    };
    let failed = |error: io::Error| {
        CliError::Answer(format!("cannot write to {}: {error}", folder.display()))
    };
    fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(shown(), folder).map_err(failed)?;
    let pages = shown().get_subcommands().count() + 1;
    log::print(&format!("{pages} pages in {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// All commands but the hidden ones, and but `help`, which says what `--help` does.
fn shown() -> Command {
    let whole = Cli::command();
    let commands = whole.get_subcommands();
    let commands = commands.filter(|command| !command.is_hide_set()).cloned();
    Command::new("mcpgate")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .after_help(whole.get_after_help().cloned().unwrap_or_default())
        .args(whole.get_arguments().cloned())
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommands(commands)
}
