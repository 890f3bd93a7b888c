//! `top`: the running gateway, as it is now.

mod cells;
mod draw;
mod keys;
mod live;
mod page;
mod sheets;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod window;

use std::{
    io::{IsTerminal, stdin, stdout},
    process::ExitCode,
    time::Duration,
};

use clap::Args;

use super::{CliError, Options, Remote, control::At, log};
use source::Source;
use window::Window;

/// What is watched, and how.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Print it once as text, with what was counted since the start; so it is where stdout is no
    /// terminal
    #[arg(long)]
    once: bool,
    /// Print it once as JSON (`/stats`)
    #[arg(long, conflicts_with = "once")]
    json: bool,
    /// How often to look, in seconds
    #[arg(short = 'd', long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    interval: Duration,
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    at: At,
}

pub(super) async fn run(watch: Watch, options: &Options) -> Result<ExitCode, CliError> {
    let source = match watch.remote.url {
        Some(url) => Source::url(&url, watch.remote.key.as_deref(), &watch.remote.trust)?,
        None => Source::Here(options.control(watch.at)?),
    };
    // Before the screen is taken: who cannot look is told so in plain words.
    let said = source.ask().await?;
    if watch.json {
        log::print(&said)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut window = Window::default();
    window.push(page::read(&said)?);
    if watch.once || !stdout().is_terminal() || !stdin().is_terminal() {
        log::print(&text::whole(&window))?;
        return Ok(ExitCode::SUCCESS);
    }
    live::run(source, window, watch.interval).await
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text
        .parse()
        .ok()
        .filter(|seconds| (0.1..=3600.0).contains(seconds));
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| "expected seconds, 0.1 to 3600".to_owned())
}
