//! The gateway that runs already: its version, its servers, how its last reload went.

use http::Method;
use indexmap::IndexMap;
use serde::Deserialize;

use super::{Finding, Report};
use crate::cli::{CliError, control::Control};

/// A gateway that runs.
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) version: String,
    /// The names of its tools, as clients see them.
    pub(super) tools: Vec<String>,
}

/// What it says of itself (`/stats`).
#[derive(Deserialize, Default)]
#[serde(default)]
struct Page {
    version: String,
    pid: u32,
    servers: IndexMap<String, Server>,
    reload: Option<Reload>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Server {
    state: String,
    error: Option<String>,
    tools: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Reload {
    outcome: String,
    error: Option<String>,
    needs_restart: Vec<String>,
}

/// What `/tools` says.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Tools {
    tools: Vec<String>,
}

/// Asks the gateway that runs; nothing if none does.
pub(super) async fn ask(
    control: Result<Control, CliError>,
    report: &mut Report,
) -> Option<Running> {
    let control = match control {
        Ok(control) => control,
        // It is told with the rest of the config.
        Err(CliError::Config(_)) => return None,
        Err(error) => {
            let words = format!("not asked: {error}");
            report.add(Finding::good("gateway", words));
            return None;
        }
    };
    match page(&control).await {
        Ok((page, tools)) => {
            tell(&page, report);
            let running = Running {
                pid: page.pid,
                version: page.version,
                tools: tools.tools,
            };
            if !running.is_ours() {
                let words = format!(
                    "the gateway that runs is {}, this program {}",
                    running.version,
                    env!("CARGO_PKG_VERSION")
                );
                let fix = "restart it to run the new one (`systemctl restart mcpgate`)";
                report.add(Finding::warning("gateway", words, fix));
            }
            Some(running)
        }
        Err(_nobody) if !control.is_there() => {
            report.add(Finding::good("gateway", "none runs here"));
            None
        }
        Err(error) => {
            let fix = "if one runs, run this as its user; an old socket does no harm";
            report.add(Finding::warning("gateway", error.to_string(), fix));
            None
        }
    }
}

async fn page(control: &Control) -> Result<(Page, Tools), CliError> {
    let said = control.told(Method::GET, "/stats").await?;
    let tools = control.told(Method::GET, "/tools").await?;
    let page = serde_json::from_str(&said).unwrap_or_default();
    Ok((page, serde_json::from_str(&tools).unwrap_or_default()))
}

fn tell(page: &Page, report: &mut Report) {
    let words = format!("{} runs (pid {})", page.version, page.pid);
    report.add(Finding::good("gateway", words));
    match &page.reload {
        Some(reload) if reload.outcome == "failed" => {
            let error = reload.error.as_deref().unwrap_or("it says not why");
            let words =
                format!("its last reload failed, so the config before it is in force: {error}");
            report.add(Finding::problem(
                "reload",
                words,
                "mend that, then `mcpgate reload`",
            ));
        }
        Some(reload) if !reload.needs_restart.is_empty() => {
            let words = format!(
                "changed, and not in force yet: {}",
                reload.needs_restart.join(", ")
            );
            report.add(Finding::warning("reload", words, "restart the gateway"));
        }
        Some(_) | None => {}
    }
    for (name, server) in &page.servers {
        let tools = super::plural(server.tools.unwrap_or_default(), "tool");
        let finding = match server.state.as_str() {
            "up" | "idle" => {
                Finding::good("servers", format!("{name} is {}, {tools}", server.state))
            }
            "connecting" => {
                let words = format!("{name} is being connected to");
                Finding::warning("servers", words, format!("`mcpgate logs {name}`"))
            }
            "disabled" => {
                let fix = format!("`mcpgate enable {name}`");
                Finding::warning("servers", format!("{name} is disabled"), fix)
            }
            state => {
                let error = server.error.as_deref().unwrap_or("it says not why");
                let words = format!("{name} is {state}: {error}");
                let fix = format!("`mcpgate logs {name}`, then `mcpgate restart {name}`");
                Finding::problem("servers", words, fix)
            }
        };
        report.add(finding);
    }
}
