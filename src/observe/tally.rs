//! What has been counted so far, as numbers to reckon with. The counters cannot be asked; what is
//! read back here is the page that Prometheus reads, so that both always say the same.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Outcome;

/// What has been counted since the start.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests by the server that was to answer; what the gateway answers itself under `mcpgate`.
    pub servers: HashMap<String, Requests>,
    /// Calls by server, tool and role.
    pub tools: HashMap<[String; 3], Outcomes>,
    /// How long calls took by server and tool, in whatever role, as [`Requests::buckets`] has it.
    pub times: HashMap<[String; 2], Vec<(f64, u64)>>,
    /// Refusals by the stage that said no, and why.
    pub refusals: BTreeMap<[String; 2], u64>,
    /// Calls that a limit refused, by limit.
    pub limited: BTreeMap<String, u64>,
    /// Calls that a role does not allow, by tool and role.
    pub denied: BTreeMap<[String; 2], u64>,
    /// Bad credentials, by what was shown and what was wrong with it.
    pub unknown: BTreeMap<[String; 2], u64>,
}

/// How requests ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcomes {
    /// With a result.
    pub ok: u64,
    /// With the server's own error.
    pub error: u64,
    /// With a refusal of the gateway's.
    pub refused: u64,
    /// Before there was an answer: the client did not want it any more.
    pub cancelled: u64,
}

/// How requests ended, and how long they took.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Requests {
    /// How they ended.
    pub outcomes: Outcomes,
    /// All their time, in seconds.
    pub seconds: f64,
    /// How many took up to so many seconds, the shortest first; those that took longer than all of
    /// these are in the last alone, which has no end.
    pub buckets: Vec<(f64, u64)>,
}

impl Outcomes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.ok + self.error + self.refused + self.cancelled
    }

    fn add(&mut self, outcome: &str, count: u64) {
        let known = Outcome::ALL.into_iter().find(|one| one.name() == outcome);
        match known {
            Some(Outcome::Ok) => self.ok += count,
            Some(Outcome::Error) => self.error += count,
            Some(Outcome::Refused) => self.refused += count,
            Some(Outcome::Cancelled) => self.cancelled += count,
            None => {}
        }
    }

    /// These and those.
    pub fn join(&mut self, other: Self) {
        self.ok += other.ok;
        self.error += other.error;
        self.refused += other.refused;
        self.cancelled += other.cancelled;
    }
}

impl Tally {
    /// What a page of Prometheus's text says.
    pub(super) fn read(page: &str) -> Self {
        let mut tally = Self::default();
        for sample in page.lines().filter_map(Sample::read) {
            tally.note(&sample);
        }
        let servers = tally.servers.values_mut();
        let all = servers.map(|requests| &mut requests.buckets);
        for buckets in all.chain(tally.times.values_mut()) {
            buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        }
        tally
    }

    fn note(&mut self, sample: &Sample<'_>) {
        let label = |key| sample.label(key);
        let count = sample.value as u64;
        match sample.name {
            "mcp_requests_total" => {
                let outcomes = &mut self.server(sample).outcomes;
                outcomes.add(&label("outcome"), count);
            }
            "mcp_request_duration_seconds_sum" => self.server(sample).seconds += sample.value,
            "mcp_request_duration_seconds_bucket" => {
                up_to(&mut self.server(sample).buckets, &label("le"), count);
            }
            "mcp_tool_call_duration_seconds_bucket" => {
                let call = ["server", "tool_name"].map(label);
                up_to(self.times.entry(call).or_default(), &label("le"), count);
            }
            "mcp_tool_calls_total" => {
                let call = ["server", "tool_name", "role"].map(label);
                self.tools
                    .entry(call)
                    .or_default()
                    .add(&label("outcome"), count);
            }
            "mcp_refusals_total" => {
                add(&mut self.refusals, ["stage", "reason"].map(label), count);
            }
            "mcp_rate_limited_total" => add(&mut self.limited, label("limit"), count),
            "mcp_permission_denials_total" => {
                add(&mut self.denied, ["tool_name", "role"].map(label), count);
            }
            "mcp_auth_failures_total" => {
                add(&mut self.unknown, ["scheme", "reason"].map(label), count);
            }
            _ => {}
        }
    }

    fn server(&mut self, sample: &Sample<'_>) -> &mut Requests {
        self.servers.entry(sample.label("server")).or_default()
    }
}

/// So many took up to so many seconds.
fn up_to(buckets: &mut Vec<(f64, u64)>, most: &str, count: u64) {
    let Ok(most) = most.replace("+Inf", "inf").parse() else {
        return;
    };
    match buckets.iter_mut().find(|(known, _)| *known == most) {
        Some((_, known)) => *known += count,
        None => buckets.push((most, count)),
    }
}

fn add<K: Ord>(all: &mut BTreeMap<K, u64>, key: K, count: u64) {
    *all.entry(key).or_default() += count;
}

/// One line of the page.
struct Sample<'a> {
    name: &'a str,
    labels: &'a str,
    value: f64,
}

impl<'a> Sample<'a> {
    /// Nothing for a comment, and for what has no labels: that is not reckoned with here.
    fn read(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('{')?;
        // The value has no brace, and what a label says may have.
        let (labels, value) = rest.rsplit_once('}')?;
        let value = value.trim().parse().ok()?;
        Some(Self {
            name,
            labels,
            value,
        })
    }

    /// What a label says; nothing if it is not there.
    fn label(&self, key: &str) -> String {
        let mut rest = self.labels;
        while let Some((name, after)) = rest.split_once("=\"") {
            let (text, left) = quoted(after);
            if name.trim_start_matches([',', ' ']) == key {
                return text;
            }
            rest = left;
        }
        String::new()
    }
}

/// What stands before the closing quotation mark, and what after.
fn quoted(text: &str) -> (String, &str) {
    let mut said = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (said, text.get(at + 1..).unwrap_or_default()),
            '\\' => match letters.next() {
                Some((_, 'n')) => said.push('\n'),
                Some((_, other)) => said.push(other),
                None => {}
            },
            other => said.push(other),
        }
    }
    (said, "")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::{
        call::ServerName,
        observe::{Metrics, MetricsConfig, Outcome, counted::ToolCall, metrics::Ended},
        refusal::Reason,
    };

    fn ended(outcome: Outcome, elapsed: Duration) -> Ended {
        Ended {
            outcome,
            elapsed,
            bytes_in: 1,
            bytes_out: 1,
        }
    }

    fn server(name: &str) -> ServerName {
        ServerName::try_from(name.to_owned()).unwrap()
    }

    #[test]
    fn what_was_counted_is_read_back_whatever_the_names() {
        let files = server("files");
        let metrics = Metrics::new(&MetricsConfig::default(), [&files].into_iter());
        let tool = "say \"hi\\n\", {x} = \n=\"";
        let call = ToolCall {
            server: files.clone(),
            tool: tool.into(),
            role: None,
        };
        for _ in 0..3 {
            metrics.answered(Some(&files), &ended(Outcome::Ok, Duration::from_millis(2)));
            metrics
                .counted
                .tool_called(&call, Outcome::Ok, Duration::ZERO);
        }
        metrics.answered(
            Some(&files),
            &ended(Outcome::Error, Duration::from_secs(500)),
        );
        metrics.answered(None, &ended(Outcome::Refused, Duration::ZERO));
        metrics.refused(Reason::Limited);
        metrics.counted.limited(&"overall".into());
        metrics.counted.denied(tool, None);
        metrics.counted.unknown("key", "unknown");

        let tally = metrics.tally();

        let requests = &tally.servers["files"];
        assert_eq!((requests.outcomes.ok, requests.outcomes.error), (3, 1));
        assert!((500.0..501.0).contains(&requests.seconds), "{requests:?}");
        let longest = requests.buckets.last().unwrap();
        assert_eq!((longest.0.is_infinite(), longest.1), (true, 4));
        let short = requests.buckets.iter().find(|(most, _)| *most >= 0.002);
        assert_eq!(short.map(|(_, count)| *count), Some(3), "{requests:?}");
        assert_eq!(tally.servers["mcpgate"].outcomes.refused, 1);
        let key = ["files".to_owned(), tool.to_owned(), "none".to_owned()];
        assert_eq!(tally.tools[&key].total(), 3);
        let times = &tally.times[&["files".to_owned(), tool.to_owned()]];
        assert_eq!(times.last().map(|(_, count)| *count), Some(3));
        assert_eq!(
            tally.refusals[&["limit".to_owned(), "limited".to_owned()]],
            1
        );
        assert_eq!(tally.limited["overall"], 1);
        assert_eq!(tally.denied[&[tool.to_owned(), "none".to_owned()]], 1);
        assert_eq!(tally.unknown[&["key".to_owned(), "unknown".to_owned()]], 1);
    }
}
