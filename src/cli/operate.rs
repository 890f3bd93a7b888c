//! What an operator does with the running gateway: `servers`, `restart`, `disable`, `enable`,
//! `logs`, `reload`.

use std::process::ExitCode;

use clap::Subcommand;
use http::Method;
use http_body_util::BodyExt;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

use super::{
    CliError, Options,
    check::table,
    control::{At, Control},
    health::{self, Probe},
    log,
};

/// What an operator can want.
#[derive(Debug, Subcommand)]
pub(super) enum Operation {
    /// Show how each server of the running gateway is doing
    Servers {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        at: At,
    },
    /// Connect a server of the running gateway anew; its processes end, and with them its calls
    Restart {
        /// The name of its `[servers.<name>]` table
        name: String,
        #[command(flatten)]
        at: At,
    },
    /// Take a server of the running gateway down, until `enable` or the gateway's own restart
    Disable {
        /// The name of its `[servers.<name>]` table
        name: String,
        #[command(flatten)]
        at: At,
    },
    /// Let a server up again that was disabled
    Enable {
        /// The name of its `[servers.<name>]` table
        name: String,
        #[command(flatten)]
        at: At,
    },
    /// Print what a server wrote to stderr last, and what became of it
    Logs {
        /// The name of its `[servers.<name>]` table
        name: String,
        /// Go on with each line that comes
        #[arg(short, long)]
        follow: bool,
        /// At most this many of the last lines [default: all that are kept, 1,000 or 64 KiB]
        #[arg(short = 'n', long, value_name = "N")]
        lines: Option<usize>,
        #[command(flatten)]
        at: At,
    },
    /// Have the running gateway read its config anew
    Reload {
        #[command(flatten)]
        at: At,
    },
    /// Ask a running gateway whether it is ready (`/readyz`), as a container's health check
    #[command(after_help = "Exit codes: 0 ready · 1 not ready, or nobody answers")]
    Health {
        #[command(flatten)]
        probe: Probe,
    },
}

/// What `/servers` says, in the order of the file.
#[derive(Default, Deserialize)]
struct Page {
    servers: IndexMap<String, Value>,
}

pub(super) async fn run(operation: Operation, options: &Options) -> Result<ExitCode, CliError> {
    match operation {
        Operation::Servers { json, at } => servers(&options.control(at)?, json).await,
        Operation::Restart { name, at } => order(&options.control(at)?, &name, "restart").await,
        Operation::Disable { name, at } => order(&options.control(at)?, &name, "disable").await,
        Operation::Enable { name, at } => order(&options.control(at)?, &name, "enable").await,
        Operation::Logs {
            name,
            follow,
            lines,
            at,
        } => logs(&options.control(at)?, &name, follow, lines).await,
        Operation::Reload { at } => {
            let said = options.control(at)?.told(Method::POST, "/reload").await?;
            log::print(&word(&parsed(&said), "done"))?;
            Ok(ExitCode::SUCCESS)
        }
        Operation::Health { probe } => health::run(probe, options).await,
    }
}

async fn servers(control: &Control, json: bool) -> Result<ExitCode, CliError> {
    let said = control.told(Method::GET, "/servers").await?;
    if json {
        log::print(&said)?;
        return Ok(ExitCode::SUCCESS);
    }
    let head = [
        "NAME",
        "STATE",
        "SINCE",
        "TRANSPORT",
        "REVISION",
        "VERSION",
        "TOOLS",
        "RESTARTS",
        "LAST ERROR",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let page: Page = serde_json::from_str(&said).unwrap_or_default();
    for (name, server) in &page.servers {
        rows.push(row(name, server));
        let replicas = server.get("replicas").and_then(Value::as_array);
        let each = replicas.into_iter().flatten();
        rows.extend(each.map(|replica| row(&format!("- {}", word(replica, "at")), replica)));
    }
    log::print(&table(&rows))?;
    Ok(ExitCode::SUCCESS)
}

fn row(name: &str, server: &Value) -> Vec<String> {
    let cell = |key| word(server, key);
    let since: Option<jiff::Timestamp> = cell("since").parse().ok();
    let since = since.map_or("-".to_owned(), |since| format!("{since:.0}"));
    let error = cell("last_error");
    vec![
        name.to_owned(),
        cell("state"),
        since,
        cell("transport"),
        cell("revision"),
        cell("version"),
        cell("tools"),
        cell("restarts"),
        error.lines().next().unwrap_or("-").to_owned(),
    ]
}

async fn order(control: &Control, name: &str, order: &str) -> Result<ExitCode, CliError> {
    let path = format!("/servers/{}/{order}", in_path(name)?);
    let state = parsed(&control.told(Method::POST, &path).await?);
    match word(&state, "state").as_str() {
        "down" => Err(CliError::Answer(format!(
            "server `{name}` is down: {}",
            word(&state, "error")
        ))),
        "disabled" => {
            let until = format!("until `mcpgate enable {name}`, or until the gateway restarts");
            log::print(&format!("server `{name}` is disabled, {until}"))?;
            Ok(ExitCode::SUCCESS)
        }
        state => {
            log::print(&format!("server `{name}` is {state}"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn logs(
    control: &Control,
    name: &str,
    follow: bool,
    lines: Option<usize>,
) -> Result<ExitCode, CliError> {
    let lines = lines.unwrap_or(usize::MAX);
    let path = format!(
        "/servers/{}/logs?lines={lines}&follow={}",
        in_path(name)?,
        u8::from(follow)
    );
    let mut body = control.ask(Method::GET, &path).await?.into_body();
    // Whole lines come, in pieces that need not end with one.
    while let Some(piece) = body.frame().await {
        let piece =
            piece.map_err(|error| CliError::Answer(format!("the gateway hung up: {error}")))?;
        if let Some(bytes) = piece.data_ref() {
            log::write(bytes)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A name as it may stand in a path: what else somebody types is nobody's.
fn in_path(name: &str) -> Result<&str, CliError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match !name.is_empty() && name.bytes().all(fits) {
        true => Ok(name),
        false => Err(CliError::Usage(format!(
            "`{name}` is no name of a server: those have letters, digits, `_` and `-`"
        ))),
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What stands under a key, for a person.
fn word(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(other) => other.to_string(),
    }
}
