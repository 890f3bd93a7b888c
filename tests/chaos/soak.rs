//! The soak: 10,000 sessions that nobody closes, 1,000 idle streams, and a reload each second, under
//! load. Memory stays flat, and no call fails.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};

use crate::{
    Failure,
    cast::{Actor, Fate},
    clients::{Crowd, Errand, HEARD, Session},
    files::KEYS,
    measure::State,
    random::Random,
    verdict::{self, say},
    world::World,
};

/// Sessions that are opened and never closed.
const SESSIONS: usize = 10_000;
/// So many of them keep a stream open.
const STREAMS: usize = 1000;
/// They are opened so many at once.
const AT_ONCE: usize = 16;
/// Clients that call all the while.
const CROWD: usize = 28;
/// How long it lasts at least: what is kept for a while has to be there before it is compared.
pub(crate) const LEAST: Duration = Duration::from_secs(300);
/// How much more memory there may be at the end than half way, in percent: what is kept for a while
/// (256 messages of each stream, answers that may be come back for) has all come by then.
const LATER: u64 = 5;
/// How much more than after a fifth of the time, which is the first minute.
const MORE: u64 = 25;

/// Runs it for so long; true if all was as it should be.
pub(crate) async fn run(time: Duration, seed: u64) -> Result<bool, Failure> {
    let mut random = Random::new(seed);
    let settings =
        "max_connections = 5000\nmax_sessions = 20000\nmax_sessions_per_caller = 20000\n";
    let world = World::build((settings, false)).await?;
    let soaked = soak(&world, time, &mut random).await;
    if let Err(error) = &soaked {
        world.ledger.fault(error.to_string());
    }
    let well = verdict::print(&world, &format!("soak, {time:?}, --seed {seed}"))?;
    if !well {
        world.keep();
        say(&format!("the files are in {}", world.folder().display()));
    }
    Ok(well)
}

async fn soak(world: &Arc<World>, time: Duration, random: &mut Random) -> Result<(), Failure> {
    let before = State::of(world).await?;
    let mut sessions = open(world).await?;
    let opened = State::of(world).await?;
    say(&format!("started {before:?}\nopened  {opened:?}"));
    let errand = Errand {
        actors: Actor::all(Fate::Calm),
        all_well: true,
        rest: 20,
    };
    let crowd = Crowd::gather(world, random, (CROWD, &errand));
    let samples = reloading(world, time).await?;
    crowd.leave().await;
    flat(world, &samples);
    let heard = world.ledger.counts().remove(HEARD).unwrap_or_default();
    if heard < time.as_secs() * STREAMS as u64 {
        let words = format!("streams have heard of {heard} changes: not one each second");
        world.ledger.fault(words);
    }
    let silent = sessions.iter().filter(|session| session.is_deaf()).count();
    if silent > 0 {
        let words = format!("{silent} idle streams have ended");
        world.ledger.fault(words);
    }
    alive(world, &mut sessions).await;
    crate::acts::end(world).await?;
    verdict::audit(world)
}

/// Opens all sessions, some with a stream.
async fn open(world: &Arc<World>) -> Result<Vec<Session>, Failure> {
    let mut opening = JoinSet::new();
    for lot in 0..AT_ONCE {
        let world = world.clone();
        opening.spawn(async move {
            let mut sessions = Vec::new();
            for number in (lot..SESSIONS).step_by(AT_ONCE) {
                let key = KEYS.get(number % 2).copied().unwrap_or_default();
                let mut session = Session::new(key, "2025-11-25", number < STREAMS);
                let opened = session.open(&world).await;
                opened.map_err(|ending| format!("{ending:?}"))?;
                session.hang_up();
                sessions.push(session);
            }
            Ok::<_, Failure>(sessions)
        });
    }
    let mut sessions = Vec::new();
    while let Some(opened) = opening.join_next().await {
        sessions.extend(opened??);
    }
    Ok(sessions)
}

/// Rewrites the files each second; gives the memory that there was then, in KiB.
async fn reloading(world: &World, time: Duration) -> Result<Vec<(Duration, u64)>, Failure> {
    let start = Instant::now();
    let mut seconds = interval(Duration::from_secs(1));
    let mut samples = Vec::new();
    while start.elapsed() < time {
        seconds.tick().await;
        world.files.lock().await.toggle()?;
        world.ledger.count("files: changed");
        let now = State::of(world).await?;
        samples.push((start.elapsed(), now.memory));
        if samples.len() % 15 == 1 {
            let second = start.elapsed().as_secs();
            let (memory, files) = (now.memory / 1024, now.files);
            say(&format!(
                "{second:>5} s  {memory:>5} MiB  {files:>5} files  {} sessions",
                now.sessions
            ));
        }
    }
    Ok(samples)
}

/// Memory is at the end what it was before.
fn flat(world: &World, samples: &[(Duration, u64)]) {
    let whole = samples.last().map(|(time, _)| *time).unwrap_or_default();
    let until = |end: Duration| {
        let start = end.saturating_sub(whole / 15);
        let within = samples
            .iter()
            .filter(|(time, _)| (start..=end).contains(time));
        within.map(|(_, memory)| *memory).max().unwrap_or_default()
    };
    let (early, half, end) = (until(whole / 5), until(whole / 2), until(whole));
    let ledger = &world.ledger;
    ledger.add("gateway: memory in KiB, after a fifth of the time", early);
    ledger.add("gateway: memory in KiB, half way", half);
    ledger.add("gateway: memory in KiB, at the end", end);
    if end > half + half * LATER / 100 || end > early + early * MORE / 100 {
        ledger.fault(format!("memory went from {early} over {half} to {end} KiB"));
    }
}

/// Each session is still there.
async fn alive(world: &Arc<World>, sessions: &mut [Session]) {
    for session in sessions {
        match session.ping(world).await {
            Ok(200) => world.ledger.count("sessions: still there at the end"),
            other => world.ledger.fault(format!("a session is gone: {other:?}")),
        }
        session.hang_up();
    }
}
