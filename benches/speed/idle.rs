//! What sessions cost that do nothing: memory for each, and whether others' calls cost more.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{
    Settings,
    behind::Upstream,
    mcp_proxy::McpProxy,
    quiet::Patience,
    rivals::{MCP_PROXY, MCPGATE, through_mcp_proxy},
    round,
};
use crate::bed::{
    Failure,
    gateway::Running,
    load::{Aim, Client},
    median,
    process::Process,
};

/// Sessions are opened over so many connections.
const CONNECTIONS: usize = 8;

/// Sessions with a stream, or with a call behind them.
const STREAMS: usize = 1000;

const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody fresh, who has served nobody yet.
enum Fresh {
    Mcpgate(Running),
    McpProxy(McpProxy, Aim),
}

impl Fresh {
    /// With the policy, in front of 1,000 tools.
    async fn start(name: &str, address: SocketAddr) -> Result<Self, Failure> {
        Self::in_front_of(Upstream::Http, true, name, address).await
    }

    async fn in_front_of(
        upstream: Upstream,
        policy: bool,
        name: &str,
        address: SocketAddr,
    ) -> Result<Self, Failure> {
        let gateway = Running::in_front_of(&upstream.servers(address)?, policy).await?;
        if name == MCPGATE {
            return Ok(Self::Mcpgate(gateway));
        }
        let backends = upstream.backends(address)?.unwrap_or_default();
        let proxy = McpProxy::start(&backends).await?;
        let aim = through_mcp_proxy(&gateway.aim, proxy.address);
        Ok(Self::McpProxy(proxy, aim))
    }

    fn process(&self) -> &Process {
        match self {
            Self::Mcpgate(gateway) => &gateway.process,
            Self::McpProxy(proxy, _) => &proxy.process,
        }
    }

    fn aim(&self) -> Aim {
        match self {
            Self::Mcpgate(gateway) => gateway.aim.clone(),
            Self::McpProxy(_, aim) => aim.clone(),
        }
    }
}

/// KiB of idle processes, and for each session and stream.
pub(super) async fn memory(upstream: SocketAddr, settings: &Settings) -> Value {
    let mut all = serde_json::Map::new();
    for name in [MCPGATE, MCP_PROXY] {
        let mut figures = Vec::new();
        for _ in 0..settings.fresh {
            match timeout(PATIENCE, weigh(name, upstream)).await {
                Ok(Ok(weighed)) => figures.push(weighed),
                Ok(Err(failure)) => super::say(&format!("  {name}: {failure}")),
                Err(_) => super::say(&format!("  {name}: hung")),
            }
        }
        super::say(&format!("  {name:<10} {figures:?}"));
        all.insert(name.to_owned(), json!(figures));
    }
    Value::Object(all)
}

/// In this order: the process with 5 tools, no policy and no audit; the process with 1,000 tools and,
/// if it is mcpgate, all of that, as in what follows; each of 1,000 sessions; each of 10,000; each of
/// 1,000 that have called once; each stream beyond its session.
async fn weigh(name: &str, upstream: SocketAddr) -> Result<[f64; 6], Failure> {
    let each = |before: f64, after: f64, count: usize| (after - before) / count as f64;
    let fresh = Fresh::in_front_of(Upstream::Few, false, name, upstream).await?;
    let small = settled(fresh.process()).await?;
    drop(fresh);

    let fresh = Fresh::start(name, upstream).await?;
    let process = settled(fresh.process()).await?;
    let mut sessions = open(&fresh.aim(), 1000, false).await?;
    let first = settled(fresh.process()).await?;
    sessions.extend(open(&fresh.aim(), 9000, false).await?);
    let all = settled(fresh.process()).await?;
    drop(fresh);

    let fresh = Fresh::start(name, upstream).await?;
    let before = settled(fresh.process()).await?;
    drop(open(&fresh.aim(), STREAMS, true).await?);
    let called = settled(fresh.process()).await?;
    drop(fresh);

    let fresh = Fresh::start(name, upstream).await?;
    let opened = open(&fresh.aim(), STREAMS, false).await?;
    let without = settled(fresh.process()).await?;
    let mut streams = Vec::new();
    for session in &opened {
        streams.push(Client::listen(fresh.aim(), session).await?);
    }
    let with = settled(fresh.process()).await?;
    Ok([
        small,
        process,
        each(process, first, 1000),
        each(process, all, 10_000),
        each(before, called, STREAMS),
        each(without, with, streams.len()),
    ])
}

/// The memory in KiB once it does not change any more: some is given back a while after its use.
async fn settled(process: &Process) -> Result<f64, Failure> {
    let (mut last, mut still) = (process.resident()?, 0);
    for _ in 0..100 {
        sleep(Duration::from_millis(50)).await;
        let now = process.resident()?;
        still = if now == last { still + 1 } else { 0 };
        last = now;
        if still == 10 {
            break;
        }
    }
    Ok(last)
}

/// Opens so many sessions, and has each call once if `call` says so.
async fn open(aim: &Aim, count: usize, call: bool) -> Result<Vec<String>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(aim.clone()).await?);
    }
    let mut sessions = Vec::with_capacity(count);
    while sessions.len() < count {
        for client in clients.iter_mut().take(count - sessions.len()) {
            client.initialize().await?;
            if call {
                client.turn().await?;
            }
            sessions.push(client.session());
        }
    }
    Ok(sessions)
}

/// CPU for each call in 64 sessions: in a gateway of their own, and in one with 10,000 idle ones.
pub(super) async fn beside(upstream: SocketAddr, settings: &Settings) -> Result<Value, Failure> {
    let servers = Upstream::Http.servers(upstream)?;
    let alone = Running::in_front_of(&servers, true).await?;
    let crowded = Running::in_front_of(&servers, true).await?;
    open(&crowded.aim, 10_000, false).await?;
    let both = [&alone, &crowded];
    let mut patience = Patience::new(settings.quick);
    patience.wait().await;
    let mut done = [Vec::new(), Vec::new()];
    for round in 0..=settings.rounds(true) {
        let time = if round == 0 {
            settings.warm
        } else {
            settings.time
        };
        for turn in 0..both.len() {
            let index = (turn + round) % both.len();
            let (Some(gateway), Some(done)) = (both.get(index), done.get_mut(index)) else {
                continue;
            };
            let figures = round::undisturbed(
                &gateway.aim,
                Some(&gateway.process),
                64,
                time,
                &mut patience,
            )
            .await?;
            if round > 0 {
                done.push(figures.cpu_or_nan());
            }
        }
    }
    let [alone, crowded] = done;
    let medians = [median(alone.clone()), median(crowded.clone())];
    super::say(&format!(
        "  CPU µs alone, beside 10,000 idle: {medians:.1?}"
    ));
    Ok(json!({ "alone": alone, "beside": crowded }))
}
