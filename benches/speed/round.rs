//! One round of one rival: clients that call for a while, and what that took.

use std::time::Duration;

use serde::Serialize;

use super::{quiet, quiet::Patience};
use crate::bed::{
    Failure, load,
    load::{Aim, Limit},
    process::{Process, threads_cpu},
    upstream,
};

/// No round makes more calls.
const MOST: usize = 200_000;

/// One round of one rival. Times are in microseconds for one call, memory in MiB.
#[derive(Serialize, Clone, Copy)]
pub(super) struct Round {
    pub(super) calls: usize,
    pub(super) rate: f64,
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
    /// Of the rival.
    pub(super) cpu: Option<f64>,
    /// Of the clients.
    pub(super) load_cpu: f64,
    /// Of the server, which a rival may have launched.
    pub(super) upstream_cpu: f64,
    /// The most memory of the rival.
    pub(super) peak: Option<f64>,
    /// The share of the machine that was used by others.
    pub(super) others: f64,
}

impl Round {
    /// Of the rival, if it has a process.
    pub(super) fn cpu_or_nan(&self) -> f64 {
        self.cpu.unwrap_or(f64::NAN)
    }
}

/// A round that others have disturbed is made again, while there are tries left.
pub(super) async fn undisturbed(
    aim: &Aim,
    process: Option<&Process>,
    sessions: usize,
    time: Duration,
    patience: &mut Patience,
) -> Result<Round, Failure> {
    loop {
        let round = once(aim, process, sessions, time).await?;
        if round.others <= quiet::LITTLE || !patience.try_again() {
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
