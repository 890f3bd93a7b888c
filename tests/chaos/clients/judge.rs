//! What may come of a request, and what must not.

use serde_json::Value;
use tokio::time::{Duration, Instant};

use super::ask::{Ask, Kind};
use crate::{cast::Fate, turmoil::Moment, world::World};

/// How long a call may take at most: `connect_timeout` for a session that has to be opened, twice if
/// it was forgotten, `timeout_total`, and as much for two busy cores.
const LIMIT: Duration = Duration::from_secs(12);
/// How much longer it may take while the gateway is restarted: to drain, and to start.
const RESTART: Duration = Duration::from_secs(30);
/// What has not ended by now never will.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

/// How a request ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// With a JSON-RPC response, or what stands for it.
    Answer(Value),
    /// With a status and these words.
    Status(u16, String),
    /// The connection broke.
    Broken(String),
    /// It did not.
    Never,
}

/// What a request is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The servers are all well, so that each has to answer.
    pub(crate) all_well: bool,
    /// The caller's role changes, so that it may be refused.
    pub(crate) fickle: bool,
    /// It asks another gateway, which may refuse what the one that is tested never hears of.
    pub(crate) apart: bool,
}

/// Notes how a request ended that began then.
pub(crate) fn judge(
    world: &World,
    (ask, ending): (&Ask, &Ending),
    (began, before): (Instant, Moment),
    terms: Terms,
) {
    let ledger = &world.ledger;
    let after = world.turmoil.moment();
    let calm = before.is_calm(after);
    let fault = |words: &str| {
        let (tool, nonce) = (ask.exposed(), ask.nonce);
        let method = ask.method();
        ledger.fault(format!("{method} {tool}, nonce {nonce}: {words}"));
    };
    let limit = if calm { LIMIT } else { LIMIT + RESTART };
    if began.elapsed() > limit {
        fault(&format!("it took {:?}: {ending:?}", began.elapsed()));
    }
    let due = match ask.kind {
        Kind::List => true,
        Kind::Echo => terms.all_well || ask.actor.fate == Fate::Calm,
        Kind::Rude | Kind::Secret => false,
    };
    let due = due && calm && !terms.fickle && !terms.apart;
    match ending {
        Ending::Answer(answer) => {
            let result = answer.get("result");
            if ask.nonce > 0 && (result.is_some() || !terms.apart) {
                ledger.answered(ask.nonce, result.is_some());
            }
            match result.map(|result| ask.fault(result)) {
                // During a restart the servers are still to be connected to.
                Some(Some(words)) if ask.kind != Kind::List || due => {
                    fault(&format!("{words}: {}", short(answer)));
                }
                Some(_) => ledger.count("calls: answered, and right"),
                None if due => fault(&format!("refused: {}", short(answer))),
                None => ledger.count(&format!("refused: {}", reason(answer))),
            }
        }
        Ending::Status(status, words) if calm || *status == 404 => {
            fault(&format!("status {status}: {words}"));
        }
        Ending::Status(..) => ledger.count("calls: turned away in a restart"),
        Ending::Broken(words) if calm && ask.actor.fate != Fate::Wild => {
            fault(&format!("broken off: {words}"));
        }
        Ending::Broken(_) if calm => ledger.count("calls: broken off by a wild server"),
        Ending::Broken(words) => {
            let kept = ask.actor.is_ours() && ask.actor.fate == Fate::Calm;
            if kept && !before.is_killed(after) && ledger.was_executed(ask.nonce) {
                fault(&format!("lost in a restart without SIGKILL: {words}"));
            }
            ledger.count("calls: broken off by a restart");
        }
        Ending::Never => fault("it never ended"),
    }
}

fn short(answer: &Value) -> String {
    answer.to_string().chars().take(400).collect()
}

/// The words of a refusal, without what differs each time.
fn reason(answer: &Value) -> String {
    let words = answer["error"]["message"].as_str().unwrap_or_default();
    let words: String = words.chars().filter(|c| !c.is_ascii_digit()).collect();
    let kinds = [
        "unknown tool",
        "is not available",
        "did not answer as MCP has it",
        "did not answer within",
        "stopped during the call",
        "times in a row",
        "too many calls",
        "Rate limit exceeded",
        "may not call",
        "has no role",
    ];
    let kind = kinds.iter().find(|kind| words.contains(**kind));
    kind.map_or_else(
        || words.chars().take(60).collect(),
        |kind| (*kind).to_owned(),
    )
}
