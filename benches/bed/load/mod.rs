//! Calls over connections that stay open, each with a session of its own.

mod client;
mod message;
pub(crate) mod threads;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::Failure;
pub(crate) use client::Client;

/// Calls that are under way when the time is over have so long to be answered.
const PATIENCE: Duration = Duration::from_secs(6);

/// What is asked, and where.
#[derive(Clone, Debug)]
pub(crate) struct Aim {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// `/mcp`.
    pub(crate) path: String,
    /// The key to show, if one is asked for.
    pub(crate) key: Option<String>,
    /// Whether requests stand for themselves (2026-07-28).
    pub(crate) stateless: bool,
    /// What each turn does.
    pub(crate) job: Job,
    /// The tool, by its exposed name.
    pub(crate) tool: String,
    /// What stands at the end of the answer.
    pub(crate) answer: String,
    /// How long an answer is at least.
    pub(crate) least: usize,
}

/// What each turn does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// Calls the tool.
    Call,
    /// Lists the tools, of which there are so many at least.
    List(usize),
    /// Opens a session, calls the tool and ends the session.
    Churn,
}

/// How long a run lasts: until one of them is reached.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    /// So many calls.
    pub(crate) calls: usize,
    /// So much time.
    pub(crate) time: Duration,
}

/// How it went.
pub(crate) struct Run {
    /// From the first call to the last answer.
    pub(crate) elapsed: Duration,
    /// How long each call took, sorted.
    pub(crate) latencies: Vec<Duration>,
}

impl Run {
    /// Calls in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// So many of a thousand calls took no longer, in microseconds.
    pub(crate) fn within(&self, of_thousand: usize) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let found = self.latencies.get(last * of_thousand / 1000);
        found.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    }
}

/// Clients that have each called once.
pub(crate) async fn open(aim: &Aim, sessions: usize) -> Result<Vec<Client>, Failure> {
    let opening = async {
        let mut clients = Vec::with_capacity(sessions);
        for number in 0..sessions {
            let client = opened(aim.clone());
            clients.push(threads::of(number).spawn(client).await??);
        }
        Ok(clients)
    };
    in_time(PATIENCE, opening).await
}

async fn opened(aim: Aim) -> Result<Client, Failure> {
    let mut client = Client::connect(aim).await?;
    client.begin().await?;
    client.turn().await?;
    Ok(client)
}

/// Has each client call until the limit, and sees that each call is answered as it should be.
pub(crate) async fn run(clients: Vec<Client>, limit: Limit) -> Result<(Run, Vec<Client>), Failure> {
    let left = Arc::new(AtomicUsize::new(limit.calls));
    let start = Instant::now();
    let mut calling = tokio::task::JoinSet::new();
    for client in clients {
        let thread = client.thread.clone();
        calling.spawn_on(turns(client, left.clone(), start + limit.time), &thread);
    }
    let mut latencies = Vec::new();
    let mut done = Vec::new();
    let all = async {
        while let Some(ended) = calling.join_next().await {
            let (client, times) = ended??;
            latencies.extend(times);
            done.push(client);
        }
        Ok::<_, Failure>(start.elapsed())
    };
    // What hangs is dropped with the set of tasks.
    let elapsed = in_time(limit.time + PATIENCE, all).await?;
    latencies.sort_unstable();
    Ok((Run { elapsed, latencies }, done))
}

/// Has each client end its session.
pub(crate) async fn close(clients: Vec<Client>) -> Result<(), Failure> {
    let closing = async {
        for mut client in clients {
            client.end().await?;
        }
        Ok(())
    };
    in_time(PATIENCE, closing).await
}

/// What a run says that was not answered in time.
pub(crate) const HUNG: &str = "hung";

async fn in_time<T>(
    time: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(time, work)
        .await
        .unwrap_or_else(|_late| Err(HUNG.into()))
}

async fn turns(
    mut client: Client,
    left: Arc<AtomicUsize>,
    until: Instant,
) -> Result<(Client, Vec<Duration>), Failure> {
    let mut latencies = Vec::new();
    let mut now = Instant::now();
    let take = |left: usize| left.checked_sub(1);
    while now < until
        && left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    {
        client.turn().await?;
        let end = Instant::now();
        latencies.push(end - now);
        now = end;
    }
    Ok((client, latencies))
}
