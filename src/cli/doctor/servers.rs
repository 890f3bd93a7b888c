//! Each server, connected to as the gateway does.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::{Finding, Report};
use crate::{call::ServerName, cli::check::started, config::Config, mcp::List};

/// What comes of connecting to one.
struct Met {
    name: ServerName,
    /// In what time, and its revision; or why not.
    met: Result<(Duration, String), String>,
    tools: Vec<String>,
}

/// Connects to each of these, all at once, each in a gateway of its own; gives the names of their
/// tools, as clients see them.
pub(super) async fn connect(
    config: &Config,
    sound: &BTreeSet<ServerName>,
    report: &mut Report,
) -> Vec<String> {
    let meetings = sound.iter().map(|name| meet(config, name));
    let mut tools = Vec::new();
    for met in join_all(meetings).await {
        report.add(finding(config, &met));
        tools.extend(met.tools);
    }
    tools
}

async fn meet(config: &Config, name: &ServerName) -> Met {
    let mut alone = config.clone();
    alone.servers.retain(|other, _| other == name);
    let begun = Instant::now();
    let gateway = started(alone).await;
    let took = begun.elapsed();
    let plan = gateway.pipeline().plan();
    let state = plan.servers.iter().next().map(|(_, server)| server.state());
    let met = match state {
        Some(state) if state.serves() => Ok((took, state.revision.unwrap_or_default())),
        Some(state) => Err(state
            .error
            .unwrap_or_else(|| format!("it is {}", state.state))),
        None => Err("there is no such server".to_owned()),
    };
    let names = plan.views.whole().names(List::Tools).into_iter();
    let tools = names.map(str::to_owned).collect();
    gateway.stop().await;
    Met {
        name: name.clone(),
        met,
        tools,
    }
}

fn finding(config: &Config, met: &Met) -> Finding {
    let name = &met.name;
    let tools = super::plural(met.tools.len(), "tool");
    match &met.met {
        Ok((took, revision)) => {
            let words = format!("{name} answers after {}, {tools}, {revision}", shown(*took));
            match *took > config.gateway.first_list_wait {
                true => {
                    let fix = "clients that list before that see none of it: `first_list_wait` in [gateway]";
                    Finding::warning("servers", words, fix)
                }
                false => Finding::good("servers", words),
            }
        }
        Err(why) => Finding::problem("servers", format!("{name}: {why}"), fix(config, name, why)),
    }
}

fn fix(config: &Config, name: &ServerName, why: &str) -> String {
    let server = config.servers.get(name);
    if let Some(url) = server.and_then(|server| server.url.as_ref()) {
        let url = url.first();
        if why.contains("UnknownIssuer") {
            let place = secure_place(url);
            return format!(
                "`openssl s_client -showcerts -connect {place} </dev/null` shows who has"
            );
        }
        return match why.contains("401") || why.contains("403") {
            true => format!("`headers` in [servers.{name}]: what it wants to be shown"),
            false => format!("`curl -v {url}`; `url` in [servers.{name}]"),
        };
    }
    match why.contains("connect_timeout") || why.contains("within") {
        true => format!(
            "a first `npx` or `uvx` downloads: try again, or `connect_timeout` in [servers.{name}]"
        ),
        false => format!(
            "start its command by hand and see what it says; `command`, `args`, `env` in [servers.{name}]"
        ),
    }
}

/// Host and port.
fn secure_place(url: &str) -> String {
    let uri: http::Uri = url.parse().unwrap_or_default();
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16());
    format!("{host}:{}", port.unwrap_or(443))
}

fn shown(took: Duration) -> String {
    match took.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}
