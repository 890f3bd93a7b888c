//! What the gateway holds while nobody asks anything.

use std::time::Duration;

use tokio::time::{Instant, interval};

use crate::{
    Failure,
    clients::{Wire, request},
    files::KEYS,
    world::World,
};

/// How long it may take to give back what it has held: connections to servers rest for a minute.
const SETTLING: Duration = Duration::from_secs(90);
/// How long nothing becomes less before it is measured what is there.
const STILL: Duration = Duration::from_secs(2);
/// How many more files may be open than before: as many connections to servers may rest as there were
/// calls at once.
const FILES: usize = 16;
/// How many more sessions: each caller has one for all requests that stand for themselves.
const SESSIONS: u64 = 3;

/// What the gateway holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    pub(crate) files: usize,
    /// In KiB.
    pub(crate) memory: u64,
    pub(crate) sessions: u64,
}

impl State {
    /// What it holds now.
    pub(crate) async fn of(world: &World) -> Result<Self, Failure> {
        let [key, ..] = KEYS;
        let head = request(world, "GET", "/health", key);
        let mut wire = Wire::default();
        let reply = wire.ask(world, head, String::new()).await?;
        let page = reply.messages.into_iter().next().unwrap_or_default();
        let sessions = page["active_sessions"].as_u64();
        let holdings = world.gateway.lock().await.holdings()?;
        Ok(Self {
            files: holdings.files,
            memory: holdings.memory,
            sessions: sessions.ok_or("/health does not tell of sessions")?,
        })
    }

    /// A tenth more memory, and what noise there is.
    fn is_like(self, before: Self) -> bool {
        self.files <= before.files + FILES
            && self.memory <= before.memory * 11 / 10 + 8 * 1024
            && self.sessions <= before.sessions + SESSIONS
    }

    fn note(self, world: &World, when: &str) {
        let ledger = &world.ledger;
        ledger.add(&format!("gateway: open files, {when}"), self.files as u64);
        ledger.add(&format!("gateway: memory in KiB, {when}"), self.memory);
        ledger.add(&format!("gateway: sessions, {when}"), self.sessions);
    }
}

/// What it holds once it has settled; that must be like what it has held before.
pub(crate) async fn settled(world: &World, before: Option<State>) -> Result<State, Failure> {
    let start = Instant::now();
    let mut looks = interval(Duration::from_millis(250));
    let mut least = State::of(world).await?;
    let mut since = start;
    loop {
        looks.tick().await;
        let now = State::of(world).await?;
        if now.files < least.files || now.memory < least.memory || now.sessions < least.sessions {
            (least, since) = (now, Instant::now());
        }
        match before {
            Some(before) if now.is_like(before) => {
                now.note(world, "after");
                return Ok(now);
            }
            Some(before) if start.elapsed() > SETTLING => {
                now.note(world, "after");
                let words = format!("the gateway holds {now:?}, and has held {before:?}");
                world.ledger.fault(words);
                return Ok(now);
            }
            None if since.elapsed() > STILL => {
                now.note(world, "before");
                return Ok(now);
            }
            _ => {}
        }
    }
}
