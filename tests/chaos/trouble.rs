//! What happens to the servers and the files: each its own kind of trouble, at random.

use std::{sync::Arc, time::Duration};

use nix::sys::signal::Signal;
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    Failure,
    cast::{Actor, Fate, Speech},
    processes::signal,
    random::Random,
    servers::Mood,
    world::World,
};

/// Trouble, until it is told to stop.
pub(crate) struct Trouble {
    tasks: JoinSet<Result<(), Failure>>,
    stop: CancellationToken,
    world: Arc<World>,
}

impl Trouble {
    /// Troubles every wild server, and the files.
    pub(crate) fn start(world: &Arc<World>, random: &mut Random) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for actor in Actor::all(Fate::Wild) {
            let (world, random, stop) = (world.clone(), random.fork(), stop.clone());
            match actor.speech {
                Speech::Child | Speech::Example => {
                    tasks.spawn(children(world, actor, random, stop));
                }
                Speech::Sessions | Speech::Stateless | Speech::Legacy => {
                    tasks.spawn(remote(world, actor, random, stop));
                }
            }
        }
        tasks.spawn(files(world.clone(), random.fork(), stop.clone()));
        let world = world.clone();
        Self { tasks, stop, world }
    }

    /// Stops, and leaves everybody well and the files as they were.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        self.world.files.lock().await.reset()?;
        Ok(())
    }
}

async fn rest(random: &mut Random, stop: &CancellationToken, most: u64) {
    let time = random.millis(50, most);
    stop.run_until_cancelled(sleep(time)).await;
}

/// A server over HTTP: in a mood, without its memory, or away.
async fn remote(
    world: Arc<World>,
    actor: &'static Actor,
    mut random: Random,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let house = world.servers.of(actor).ok_or("no such server")?;
    let moods = [
        (Mood::Hang, "hangs"),
        (Mood::Garble, "garbles"),
        (Mood::Cut, "breaks off"),
        (Mood::Fail, "fails"),
    ];
    while !stop.is_cancelled() {
        rest(&mut random, &stop, 1000).await;
        match random.below(7) {
            0 => {
                world.ledger.count("trouble: a server forgets its sessions");
                house.peer.forget();
            }
            1 | 2 => {
                world
                    .ledger
                    .count("trouble: a server goes away and returns");
                house.leave().await?;
                rest(&mut random, &stop, 2000).await;
                house.come_back()?;
            }
            _ => {
                let (mood, word) = random.pick(&moods, (Mood::Hang, "hangs"));
                world.ledger.count(&format!("trouble: a server {word}"));
                house.peer.feel(mood);
                rest(&mut random, &stop, 2500).await;
                house.peer.feel(Mood::Well);
            }
        }
    }
    Ok(())
}

/// Ends the processes of all wild servers: some have been told never to answer again.
pub(crate) async fn renew(world: &World) {
    let gateway = world.gateway.lock().await;
    for actor in Actor::all(Fate::Wild) {
        for pid in gateway.children(&process(actor)) {
            signal(pid, Signal::SIGKILL);
        }
    }
}

/// What is in the command line of a server's processes, and in no other.
fn process(actor: &Actor) -> String {
    format!("--name {} ", actor.name)
}

/// A launched server: each of its processes is killed, or stands still for a while.
async fn children(
    world: Arc<World>,
    actor: &'static Actor,
    mut random: Random,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let name = process(actor);
    while !stop.is_cancelled() {
        rest(&mut random, &stop, 2000).await;
        let all = world.gateway.lock().await.children(&name);
        let Some(pid) = all.first().map(|first| random.pick(&all, *first)) else {
            continue;
        };
        match random.below(3) {
            0 => {
                world.ledger.count("trouble: a child stands still");
                signal(pid, Signal::SIGSTOP);
                rest(&mut random, &stop, 3000).await;
                signal(pid, Signal::SIGCONT);
            }
            1 => {
                world.ledger.count("trouble: a child is told to end");
                signal(pid, Signal::SIGTERM);
            }
            _ => {
                world.ledger.count("trouble: a child is killed");
                signal(pid, Signal::SIGKILL);
            }
        }
    }
    Ok(())
}

/// The files: rewritten with what is valid and what is not, with a SIGHUP now and then.
async fn files(
    world: Arc<World>,
    mut random: Random,
    stop: CancellationToken,
) -> Result<(), Failure> {
    while !stop.is_cancelled() {
        rest(&mut random, &stop, 1500).await;
        let mut files = world.files.lock().await;
        if random.percent(35) {
            world.ledger.count("files: broken, and mended");
            let time = random.millis(0, 1000);
            files.spoil(&mut random, time).await?;
        } else {
            world.ledger.count("files: changed");
            files.change(&mut random)?;
        }
        drop(files);
        if random.percent(30) {
            world.ledger.count("files: SIGHUP");
            world.gateway.lock().await.signal(Signal::SIGHUP)?;
        }
    }
    Ok(())
}

/// Restarts the gateway as a service manager does, and now and then by SIGKILL.
pub(crate) async fn restart(world: &World, kill: bool) -> Result<(), Failure> {
    // Nobody rewrites the files meanwhile: it would not start on broken ones.
    let _files = world.files.lock().await;
    let mut gateway = world.gateway.lock().await;
    world.turmoil.begins(kill);
    if kill {
        world.ledger.count("restarts: by SIGKILL");
        gateway.end(Signal::SIGKILL).await?;
    } else {
        world.ledger.count("restarts: by SIGTERM");
        let ended = gateway.end(Signal::SIGTERM).await?;
        if !ended.success() {
            let words = format!("the gateway ended with {ended} after SIGTERM");
            world.ledger.fault(words);
        }
    }
    bury(world, &gateway.orphans().await, kill);
    gateway.start().await?;
    world.turmoil.ends();
    Ok(())
}

/// Notes what is left of the servers of a gateway that has ended.
pub(crate) fn bury(world: &World, left: &[String], killed: bool) {
    for line in left {
        // What a server has started is in its process group, which only the gateway knows of.
        if killed && line.starts_with("sleep 3600") {
            world
                .ledger
                .count("processes: left by servers of a gateway that was killed");
            continue;
        }
        world.ledger.fault(format!("an orphan: {line}"));
    }
}

/// How long after trouble a wild server may take to be well again.
pub(crate) const HEALING: Duration = Duration::from_secs(30);
