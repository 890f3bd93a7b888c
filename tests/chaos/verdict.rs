//! What the audit says, held against what was called; and the counts, as a table.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use crate::{Failure, clients::NEVER, ledger::Called, world::World};

/// What was answered so long before a SIGKILL has to be in the audit: lines wait a moment for
/// others before they are written.
const WRITTEN: Duration = Duration::from_secs(2);

/// What the audit says of one call.
#[derive(Default)]
struct Recorded {
    lines: u32,
    served: bool,
}

/// Holds the audit of a gateway that has ended against what was called.
pub(crate) fn audit(world: &World) -> Result<(), Failure> {
    let text = fs::read(world.folder().join("audit.jsonl"))?;
    let mut recorded: HashMap<u64, Recorded> = HashMap::new();
    let ledger = &world.ledger;
    let kills = world.turmoil.kills();
    let mut torn = 0;
    for line in text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
    {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            torn += 1;
            continue;
        };
        ledger.count("audit: lines");
        let nonce = line["arguments"]["nonce"].as_str();
        let Some(nonce) = nonce.and_then(|nonce| nonce.parse().ok()) else {
            ledger.fault(format!("an audit line of no call: {line}"));
            continue;
        };
        let known = recorded.entry(nonce).or_default();
        known.lines += 1;
        known.served |= line["outcome"] == "ok";
    }
    if torn > kills.len() {
        ledger.fault(format!(
            "{torn} audit lines are torn, at {} kills",
            kills.len()
        ));
    }
    for (nonce, called) in ledger.calls() {
        let found = recorded.remove(&nonce).unwrap_or_default();
        compare(world, &kills, (nonce, &called), &found);
    }
    for nonce in recorded.keys() {
        ledger.fault(format!("an audit line of call {nonce}, which nobody made"));
    }
    Ok(())
}

fn compare(world: &World, kills: &[Instant], (nonce, called): (u64, &Called), found: &Recorded) {
    let ledger = &world.ledger;
    if found.lines > 1 {
        ledger.fault(format!("call {nonce} has {} audit lines", found.lines));
    }
    if found.lines == 0 {
        match missed(kills, called) {
            Missed::Never => {}
            Missed::Killed => ledger.count("audit: lines lost by SIGKILL"),
            Missed::Lost(words) => {
                ledger.fault(format!("call {nonce} {words}, and has no audit line"));
            }
        }
        return;
    }
    if called.answered.is_none() {
        return ledger.count("audit: other calls with just one line");
    }
    ledger.count("audit: answered calls with just one line");
    if called.served && !found.served {
        ledger.fault(format!(
            "call {nonce} was served, and the audit says otherwise"
        ));
    }
}

/// Why a call has no line.
enum Missed {
    /// It need not have one: it may never have come in.
    Never,
    Killed,
    Lost(&'static str),
}

fn missed(kills: &[Instant], called: &Called) -> Missed {
    let killed = |from: Instant, to: Instant| kills.iter().any(|kill| (from..=to).contains(kill));
    match (called.answered, called.reached) {
        (Some(at), _) if killed(at - WRITTEN, at + WRITTEN) => Missed::Killed,
        (Some(_), _) => Missed::Lost("was answered"),
        (None, Some(at)) if killed(at - WRITTEN, at + NEVER) => Missed::Killed,
        (None, Some(_)) => Missed::Lost("has reached a server"),
        (None, None) => Missed::Never,
    }
}

/// Prints the counts, and what must not be. True if there is none of that.
pub(crate) fn print(world: &World, title: &str) -> io::Result<bool> {
    let mut out = io::stdout().lock();
    writeln!(out, "\n{title}")?;
    for (what, count) in world.ledger.counts() {
        writeln!(out, "{count:>10}  {what}")?;
    }
    let faults = world.ledger.faults();
    for fault in &faults {
        writeln!(out, "FAULT: {fault}")?;
    }
    Ok(faults.is_empty())
}

/// Says how far it is.
pub(crate) fn say(words: &str) {
    // Nobody there to read it is no reason to stop.
    drop(writeln!(io::stdout(), "{words}"));
}
