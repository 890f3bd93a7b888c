//! The names and the number of tools, beside what the known clients bear.

use super::{Finding, Report, plural};
use crate::{
    clients::{Client, OURS},
    config::Config,
};

/// Looks whether each client can have all of them.
pub(super) fn look(config: &Config, tools: &[String], report: &mut Report) {
    let mut fits = 0;
    for client in Client::ALL {
        let findings = [names(config, client, tools), number(client, tools.len())];
        let findings: Vec<Finding> = findings.into_iter().flatten().collect();
        fits += usize::from(findings.is_empty());
        findings.into_iter().for_each(|finding| report.add(finding));
    }
    if fits == Client::ALL.len() {
        let words = format!(
            "{} fit all of {} known clients",
            plural(tools.len(), "tool"),
            fits
        );
        report.add(Finding::good("clients", words));
    }
}

fn names(config: &Config, client: Client, tools: &[String]) -> Option<Finding> {
    let limits = client.facts().limits;
    let full = |tool: &String| limits.full_name(OURS, tool).chars().count();
    let long: Vec<&String> = tools
        .iter()
        .filter(|tool| full(tool) > limits.longest_name)
        .collect();
    let first = long.first()?;
    let words = format!(
        "{client} takes names of {} characters, and {} of {} are longer there, such as {}",
        limits.longest_name,
        long.len(),
        plural(tools.len(), "tool"),
        limits.full_name(OURS, first),
    );
    let room = limits.room(OURS);
    let fix = match config.gateway.names {
        crate::gateway::Names::Portable => {
            format!("`name_budget = {room}` in [gateway] shortens them")
        }
        crate::gateway::Names::Verbatim => {
            format!("`names = \"portable\"` and `name_budget = {room}` in [gateway] shorten them")
        }
    };
    Some(Finding::warning("clients", words, fix))
}

fn number(client: Client, count: usize) -> Option<Finding> {
    let limits = client.facts().limits;
    let fix =
        "a view (/v/NAME/mcp, [views.*]) or a role with fewer; /s/SERVER/mcp has one server's";
    let words = match (limits.most_tools, limits.most_tools_once) {
        (Some(most), _) if count > most => {
            format!("{client} takes {most} tools, and there are {count}")
        }
        (_, Some(once)) if count > once => {
            format!("{client} took {once} tools before its newest versions, and there are {count}")
        }
        _ => return None,
    };
    Some(Finding::warning("clients", words, fix))
}
