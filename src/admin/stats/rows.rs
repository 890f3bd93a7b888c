//! What stands in the lists of `/stats`.

use std::{cmp::Reverse, collections::BTreeMap, time::SystemTime};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    forward::State,
    observe::{Finished, Outcome, Outcomes, Requests, Tally, quantile},
    pipeline::Pipeline,
};

/// Tools that are listed, the most called first, and callers, those with the most requests.
const MOST: usize = 200;

/// A request that is over.
#[derive(Serialize)]
pub(super) struct RecentRequest {
    time: Timestamp,
    caller: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    outcome: &'static str,
    duration: f64,
}

/// A server, and the requests that it was to answer.
#[derive(Serialize)]
pub(super) struct Server {
    #[serde(flatten)]
    pub(super) state: State,
    /// How many it offers, once it has been up.
    pub(super) tools: Option<usize>,
    pub(super) requests: Timed,
}

/// Requests, and how long they took.
#[derive(Serialize, Default)]
pub(super) struct Timed {
    #[serde(flatten)]
    outcomes: Outcomes,
    seconds: f64,
    #[serde(flatten)]
    times: Times,
}

/// Within which time so many of a hundred ended.
#[derive(Serialize, Default)]
pub(super) struct Times {
    p50: Option<f64>,
    p90: Option<f64>,
    p99: Option<f64>,
    /// How many took up to so long; the last has no end.
    buckets: Vec<(f64, u64)>,
}

/// A tool, as one role calls it; how long that takes is told of all roles together.
#[derive(Serialize)]
pub(super) struct Tool {
    server: String,
    tool: String,
    role: String,
    #[serde(flatten)]
    outcomes: Outcomes,
    #[serde(flatten)]
    times: Times,
}

/// Whoever has a session, or stands among the last requests.
#[derive(Serialize, Default)]
pub(super) struct Caller {
    caller: String,
    sessions: usize,
    /// Of the last requests, so many.
    recent_requests: usize,
    /// Those that did not end with a result.
    recent_failed: usize,
    last_request: Option<Timestamp>,
}

/// Sessions that came in like this.
#[derive(Serialize)]
pub(super) struct Sessions {
    transport: &'static str,
    revision: &'static str,
    count: u64,
}

#[derive(Serialize)]
pub(super) struct Refusals {
    reasons: Vec<Reason>,
    limits: BTreeMap<String, u64>,
    denied: Vec<Denied>,
    sign_ins: Vec<SignIns>,
}

#[derive(Serialize)]
pub(super) struct Reason {
    stage: String,
    reason: String,
    count: u64,
}

#[derive(Serialize)]
pub(super) struct Denied {
    tool: String,
    role: String,
    count: u64,
}

#[derive(Serialize)]
pub(super) struct SignIns {
    scheme: String,
    reason: String,
    count: u64,
}

impl From<Requests> for Timed {
    fn from(requests: Requests) -> Self {
        Self {
            outcomes: requests.outcomes,
            seconds: requests.seconds,
            times: requests.buckets.into(),
        }
    }
}

impl From<Vec<(f64, u64)>> for Times {
    fn from(buckets: Vec<(f64, u64)>) -> Self {
        let within = |share| quantile(&buckets, share);
        Self {
            p50: within(0.5),
            p90: within(0.9),
            p99: within(0.99),
            buckets,
        }
    }
}

pub(super) fn recent_request(time: SystemTime, one: Finished) -> RecentRequest {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    let cut = jiff::TimestampRound::new().smallest(jiff::Unit::Millisecond);
    RecentRequest {
        time: time.round(cut).unwrap_or(time),
        caller: one.caller.to_string(),
        method: one.method,
        server: one.server.map(|server| server.to_string()),
        tool: one.tool.map(|tool| tool.to_string()),
        outcome: one.outcome.name(),
        duration: one.duration.as_secs_f64(),
    }
}

pub(super) fn sessions(pipeline: &Pipeline) -> Vec<Sessions> {
    let census = pipeline.sessions.census().sessions.into_iter();
    let mut rows: Vec<Sessions> = census
        .map(|((transport, revision), count)| Sessions {
            transport: transport.name(),
            revision: revision.as_str(),
            count,
        })
        .collect();
    rows.sort_by_key(|row| Reverse(row.count));
    rows
}

/// Who has sessions, and who has asked for something lately.
pub(super) fn callers(pipeline: &Pipeline, recent: &[RecentRequest]) -> Vec<Caller> {
    let mut callers: BTreeMap<String, Caller> = BTreeMap::new();
    for session in pipeline.sessions.all() {
        let caller = session.identity().to_string();
        callers.entry(caller).or_default().sessions += 1;
    }
    for request in recent {
        let caller = callers.entry(request.caller.clone()).or_default();
        caller.recent_requests += 1;
        caller.recent_failed += usize::from(request.outcome != Outcome::Ok.name());
        caller.last_request = caller.last_request.or(Some(request.time));
    }
    let named = callers.into_iter().map(|(name, caller)| Caller {
        caller: name,
        ..caller
    });
    let mut callers: Vec<Caller> = named.collect();
    callers.sort_by_key(|caller| Reverse((caller.recent_requests, caller.sessions)));
    callers.truncate(MOST);
    callers
}

pub(super) fn roles(tally: &Tally) -> BTreeMap<String, Outcomes> {
    let mut roles: BTreeMap<String, Outcomes> = BTreeMap::new();
    for ([_, _, role], outcomes) in &tally.tools {
        roles.entry(role.clone()).or_default().join(*outcomes);
    }
    roles
}

pub(super) fn tools(tally: &mut Tally) -> Vec<Tool> {
    let tools = std::mem::take(&mut tally.tools).into_iter();
    let mut tools: Vec<_> = tools.collect();
    tools.sort_by(|(one, ours), (other, theirs)| {
        theirs
            .total()
            .cmp(&ours.total())
            .then_with(|| one.cmp(other))
    });
    tools.truncate(MOST);
    let rows = tools.into_iter().map(|([server, tool, role], outcomes)| {
        let call = [server, tool];
        let times = tally.times.get(&call).cloned().unwrap_or_default();
        let [server, tool] = call;
        Tool {
            server,
            tool,
            role,
            outcomes,
            times: times.into(),
        }
    });
    rows.collect()
}

pub(super) fn refusals(tally: Tally) -> Refusals {
    let denied = tally.denied.into_iter().take(MOST);
    let sign_ins = tally.unknown.into_iter();
    let reasons = tally.refusals.into_iter().filter(|(_, count)| *count > 0);
    Refusals {
        reasons: reasons
            .map(|([stage, reason], count)| Reason {
                stage,
                reason,
                count,
            })
            .collect(),
        limits: tally.limited,
        denied: denied
            .map(|([tool, role], count)| Denied { tool, role, count })
            .collect(),
        sign_ins: sign_ins
            .map(|([scheme, reason], count)| SignIns {
                scheme,
                reason,
                count,
            })
            .collect(),
    }
}
