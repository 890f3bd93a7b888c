//! Where words go: logs and notes to stderr, always. stdout belongs to results and to MCP.

use std::io::{IsTerminal, Write};

use tracing_subscriber::EnvFilter;

use super::{CliError, Command, Format};

impl Command {
    /// How much is logged unless it is said.
    pub(super) const fn level(&self) -> &'static str {
        match self {
            Self::Serve { .. } | Self::Stdio { .. } => "info",
            Self::Check
            | Self::Explain { .. }
            | Self::List { .. }
            | Self::Operate(_)
            | Self::Aid(_)
            | Self::Call { .. } => "error",
            Self::Connect(_)
            | Self::HashKey { .. }
            | Self::Example { .. }
            | Self::Launch { .. } => "warn",
        }
    }
}

/// Starts to log. `level` is a level, or a list of `module=level`.
///
/// # Errors
/// When `level` is not understood.
pub(super) fn start(level: &str, format: Format) -> Result<(), CliError> {
    let wrong = |error| CliError::Usage(format!("--log-level {level}: {error}"));
    let plain = level.parse::<tracing::Level>().is_ok() || level == "off";
    // A bare level is for us; libraries are chatty.
    let filter = if plain {
        format!("warn,mcpgate={level}")
    } else {
        level.to_owned()
    };
    let filter = if plain && matches!(level, "error" | "off") {
        level.to_owned()
    } else {
        filter
    };
    let filter = EnvFilter::try_new(filter).map_err(wrong)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false) // to a closed stderr it would panic
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        Format::Text => subscriber.with_target(false).init(),
        Format::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Tells the person at the terminal.
pub(super) fn say(words: &str) {
    // A closed stderr is no reason to stop serving.
    drop(writeln!(std::io::stderr(), "{words}"));
}

/// Prints a result.
///
/// # Errors
/// When nobody reads it (any more).
pub(super) fn print(words: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{words}")
}

/// Prints what comes in pieces, at once.
///
/// # Errors
/// When nobody reads it (any more).
pub(super) fn write(bytes: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
