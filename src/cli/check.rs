//! `check`: what a person wants to know before others do.

use std::{process::ExitCode, time::Duration};

use super::{CliError, log};
use crate::{
    call::ServerName,
    config::Config,
    forward::{Servers, State},
    gateway::{self, Case, Gateway, Material, Soundness},
};

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

/// A gateway that has reached every server, or found it to be down.
pub(super) async fn started(mut config: Config) -> Gateway {
    // Each server gets the time that its own table gives it.
    let longest = config
        .servers
        .values()
        .map(|server| server.connect_timeout)
        .max();
    config.gateway.first_list_wait = longest.unwrap_or_default() + Duration::from_secs(1);
    let gateway = Gateway::start(&config);
    gateway.pipeline().start.over().await;
    gateway
}

/// The servers that are not up, and why.
pub(super) fn away(servers: &Servers) -> Vec<String> {
    let states = servers.iter().map(|(name, server)| (name, server.state()));
    let away = states.filter_map(|(name, state)| {
        let error = state.error?;
        Some(format!("server `{name}`: {error}"))
    });
    away.collect()
}

pub(super) async fn run(config: Config) -> Result<ExitCode, CliError> {
    config.may_serve(config.gateway.listen)?;
    let cases = gateway::cases(&config);
    let mut before = config.warnings();
    let soundness = config.tls.as_ref().map(Material::soundness);
    if let Some(Soundness::EndsSoon(ailment) | Soundness::Unusable(ailment)) = soundness {
        before.push(ailment.to_string());
    }
    let (left_out, open) = (config.left_out.clone(), config.open_doors());
    let gateway = started(config).await;
    let pipeline = gateway.pipeline().clone();
    let plan = pipeline.plan();
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    let mut problems: Vec<String> = plan.views.whole().warnings.clone();
    for (name, server) in plan.servers.iter() {
        let state = server.state();
        rows.push(row(name, &state, pipeline.offered(name)));
    }
    problems.extend(before);
    problems.extend(away(&plan.servers));
    problems.extend(cases.iter().filter_map(failed));
    log::print(&table(&rows))?;
    for note in &left_out {
        log::print(&format!("note: {note}"))?;
    }
    for words in &open {
        log::print(&format!("warning: {words}"))?;
    }
    for problem in &problems {
        log::print(&format!("problem: {problem}"))?;
    }
    if !cases.is_empty() {
        let passed = cases.iter().filter(|case| case.failure.is_none()).count();
        log::print(&format!("tests: {passed} of {} passed", cases.len()))?;
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

fn failed(case: &Case) -> Option<String> {
    let failure = case.failure.as_ref()?;
    let place = &case.place;
    Some(match &case.name {
        Some(name) => format!("{place}: {name}: {failure}"),
        None => format!("{place}: {failure}"),
    })
}

/// Columns as wide as their widest cell.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column| {
        rows.iter()
            .filter_map(|row: &Vec<String>| row.get(column))
            .map(|cell: &String| cell.chars().count())
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
