//! `check`: what a person wants to know before others do.

use std::{process::ExitCode, time::Duration};

use super::{CliError, log};
use crate::{call::ServerName, config::Config, forward::State, gateway::Gateway};

const HEAD: [&str; 8] = [
    "SERVER",
    "TRANSPORT",
    "STATE",
    "REVISION",
    "TOOLS",
    "RESOURCES",
    "TEMPLATES",
    "PROMPTS",
];

pub(super) async fn run(mut config: Config) -> Result<ExitCode, CliError> {
    config.may_serve(config.gateway.listen)?;
    // Each server gets the time that its own table gives it.
    let longest = config
        .servers
        .values()
        .map(|server| server.connect_timeout)
        .max();
    config.gateway.first_list_wait = longest.unwrap_or_default() + Duration::from_secs(1);
    let gateway = Gateway::start(&config);
    let pipeline = gateway.pipeline().clone();
    pipeline.start.over().await;

    let plan = pipeline.plan();
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    let mut problems: Vec<String> = plan.views.whole().warnings.clone();
    for (name, server) in plan.servers.iter() {
        let state = server.state();
        rows.push(row(name, &state, pipeline.offered(name)));
        if let Some(error) = &state.error {
            problems.push(format!("server `{name}`: {error}"));
        }
    }
    log::print(&table(&rows))?;
    for problem in &problems {
        log::print(&format!("problem: {problem}"))?;
    }
    gateway.stop().await;
    Ok(if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn row(name: &ServerName, state: &State, offered: Option<[usize; 4]>) -> Vec<String> {
    let count = |index: usize| {
        offered
            .and_then(|counts| counts.get(index).map(usize::to_string))
            .unwrap_or("-".to_owned())
    };
    vec![
        name.to_string(),
        state.transport.to_owned(),
        state.state.to_owned(),
        state.revision.clone().unwrap_or("-".to_owned()),
        count(0),
        count(1),
        count(2),
        count(3),
    ]
}

/// Columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column| {
        rows.iter()
            .filter_map(|row: &Vec<String>| row.get(column))
            .map(String::len)
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
