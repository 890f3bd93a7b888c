//! Rounds in turns, and what each of them measured.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Settings, quiet,
    rivals::{MCP_PROXY, Rival, Rivals},
    scenarios::Scenario,
};
use crate::bed::{
    Failure, load,
    load::{Aim, HUNG, Limit},
    median,
    process::{Process, threads_cpu},
    upstream,
};

/// No round makes more calls.
const MOST: usize = 200_000;

/// One round of one rival. Times are in microseconds for one call, memory in MiB.
#[derive(Serialize, Clone, Copy)]
pub(super) struct Round {
    calls: usize,
    rate: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    /// Of the rival.
    cpu: Option<f64>,
    /// Of the clients.
    load_cpu: f64,
    /// Of the server, which a rival may have launched.
    upstream_cpu: f64,
    /// The most memory of the rival.
    peak: Option<f64>,
    /// The share of the machine that was used by others.
    others: f64,
}

impl Round {
    /// Of the rival, if it has a process.
    pub(super) fn cpu(&self) -> f64 {
        self.cpu.unwrap_or(f64::NAN)
    }
}

/// What came of a rival.
#[derive(Default)]
struct Ran {
    rounds: Vec<Round>,
    failure: Option<String>,
}

/// Has all who can take part in it take turns.
pub(super) async fn compare(
    rivals: &mut Rivals,
    scenario: &Scenario,
    settings: &Settings,
) -> Result<Value, Failure> {
    let count = rivals.for_clients(scenario.stateless).len();
    let mut ran: Vec<Ran> = (0..count).map(|_| Ran::default()).collect();
    let rounds = settings.rounds(scenario.bar);
    for round in 0..=rounds {
        // The first is to warm up.
        let time = if round == 0 {
            settings.warm
        } else {
            settings.time
        };
        for turn in 0..count {
            // Who comes later finds the machine as the one before has left it.
            let index = (turn + round) % count;
            let Some(ran) = ran.get_mut(index).filter(|ran| ran.failure.is_none()) else {
                continue;
            };
            let all = rivals.for_clients(scenario.stateless);
            let Some(rival) = all.get(index) else {
                continue;
            };
            let name = rival.name;
            let aim = scenario.aim(&rival.aim);
            let done = undisturbed(&aim, rival.process, scenario.sessions, time, settings).await;
            match done {
                Ok(figures) if round > 0 => ran.rounds.push(figures),
                Ok(_) => {}
                Err(failure) => {
                    let failure = failure.to_string();
                    super::say(&format!(
                        "  {name}: {}",
                        failure.chars().take(300).collect::<String>()
                    ));
                    ran.failure = Some(if failure == HUNG {
                        failure
                    } else {
                        "failed".to_owned()
                    });
                    drop(all);
                    if name == MCP_PROXY {
                        rivals.restart_mcp_proxy().await?;
                    }
                }
            }
        }
    }
    let all = rivals.for_clients(scenario.stateless);
    Ok(record(scenario, &all, &ran))
}

/// A round that others have disturbed is made again, while there are tries left.
pub(super) async fn undisturbed(
    aim: &Aim,
    process: Option<&Process>,
    sessions: usize,
    time: Duration,
    settings: &Settings,
) -> Result<Round, Failure> {
    loop {
        let round = once(aim, process, sessions, time).await?;
        if round.others <= quiet::LITTLE || !settings.try_again() {
            return Ok(round);
        }
    }
}

/// Lets clients of one rival call for a while.
async fn once(
    aim: &Aim,
    process: Option<&Process>,
    sessions: usize,
    time: Duration,
) -> Result<Round, Failure> {
    let clients = load::open(aim, sessions).await?;
    if let Some(process) = process {
        process.forget_peak()?;
    }
    let (machine, before) = (quiet::Time::now(), Cpu::now(process)?);
    let (run, clients) = load::run(clients, Limit { calls: MOST, time }).await?;
    let after = Cpu::now(process)?;
    let others = machine.others(after.all() - before.all());
    let peak = process.map(Process::peak).transpose()?;
    load::close(clients).await?;
    let calls = run.latencies.len();
    let each = |seconds: f64| seconds * 1e6 / calls as f64;
    Ok(Round {
        calls,
        rate: run.rate(),
        p50: run.within(500),
        p90: run.within(900),
        p99: run.within(990),
        p999: run.within(999),
        cpu: process.map(|_| each(after.rival - before.rival)),
        load_cpu: each(after.load - before.load),
        upstream_cpu: each(after.upstream - before.upstream),
        peak,
        others,
    })
}

/// What has been used so far, in seconds.
struct Cpu {
    rival: f64,
    load: f64,
    upstream: f64,
}

impl Cpu {
    fn all(&self) -> f64 {
        self.rival + self.load + self.upstream
    }

    fn now(process: Option<&Process>) -> Result<Self, Failure> {
        let launched = process.map(Process::launched_cpu).transpose()?;
        Ok(Self {
            rival: process.map(Process::cpu).transpose()?.unwrap_or(0.0),
            load: threads_cpu(super::CLIENTS)?,
            upstream: threads_cpu(upstream::THREAD)? + launched.unwrap_or(0.0),
        })
    }
}

fn record(scenario: &Scenario, rivals: &[Rival<'_>], ran: &[Ran]) -> Value {
    let mut all = serde_json::Map::new();
    for (rival, ran) in rivals.iter().zip(ran) {
        let of = |figure: fn(&Round) -> f64| median(ran.rounds.iter().map(figure).collect());
        super::say(&format!(
            "  {:<10} {:>9.0} calls/s  p50 {:>8.0} µs  CPU {:>7.1} µs  clients {:>6.1} µs  server {:>6.1} µs",
            rival.name,
            of(|round| round.rate),
            of(|round| round.p50),
            of(Round::cpu),
            of(|round| round.load_cpu),
            of(|round| round.upstream_cpu),
        ));
        let figures = json!({ "rounds": ran.rounds, "failure": ran.failure });
        all.insert(rival.name.to_owned(), figures);
    }
    json!({
        "name": scenario.name,
        "upstream": format!("{:?}", scenario.upstream),
        "stateless": scenario.stateless,
        "events": scenario.events,
        "size": scenario.size,
        "sessions": scenario.sessions,
        "job": format!("{:?}", scenario.job),
        "rivals": all,
    })
}
