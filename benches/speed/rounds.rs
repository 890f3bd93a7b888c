//! Rounds in turns, of all who can take part.

use serde_json::{Value, json};

use super::{
    Settings,
    quiet::Patience,
    rivals::{MCP_PROXY, Rival, Rivals},
    round::{Round, undisturbed},
    scenarios::Scenario,
};
use crate::bed::{Failure, load::HUNG, median};

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
    let mut patience = Patience::new(settings.quick);
    patience.wait().await;
    for round in 0..=settings.rounds(scenario.bar) {
        // The first is to warm up.
        let time = if round == 0 {
            settings.warm
        } else {
            settings.time
        };
        for turn in 0..count {
            // Who comes later finds the machine as the one before has left it.
            let index = (turn + round) % count;
            let all = rivals.for_clients(scenario.stateless);
            let (Some(ran), Some(rival)) = (ran.get_mut(index), all.get(index)) else {
                continue;
            };
            if ran.failure.is_some() {
                continue;
            }
            let (aim, name) = (scenario.aim(&rival.aim), rival.name);
            let process = rival.process;
            match undisturbed(&aim, process, scenario.sessions, time, &mut patience).await {
                Ok(figures) if round > 0 => ran.rounds.push(figures),
                Ok(_) => {}
                Err(failure) => {
                    drop(all);
                    ran.fail(name, &failure);
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

impl Ran {
    /// It hangs or answers wrongly: no more rounds of this scenario for it.
    fn fail(&mut self, name: &str, failure: &Failure) {
        let failure = failure.to_string();
        let shown: String = failure.chars().take(300).collect();
        super::say(&format!("  {name}: {shown}"));
        let hung = failure == HUNG;
        self.failure = Some(if hung { failure } else { "failed".to_owned() });
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
            of(Round::cpu_or_nan),
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
