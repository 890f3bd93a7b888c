//! The chaos run: trouble and restarts; trouble alone, to be warm; the same again, after which the gateway
//! holds no more than before; the end.

use std::{sync::Arc, time::Duration};

use nix::sys::signal::Signal;
use tokio::time::{Instant, interval, sleep_until, timeout};

use crate::{
    Failure,
    cast::CAST,
    clients::{Crowd, Errand, Visitor},
    measure::{State, settled},
    random::Random,
    trouble::{self, HEALING, Trouble},
    verdict::{self, say},
    world::World,
};

/// Clients at once.
const CROWD: usize = 42;
/// How long everybody calls everybody while all are well.
const LAP: Duration = Duration::from_secs(2);
/// How often it is said what the gateway holds.
const LOOK: Duration = Duration::from_secs(30);

/// Runs it for so long; true if all was as it should be.
pub(crate) async fn run(time: Duration, seed: u64) -> Result<bool, Failure> {
    let mut random = Random::new(seed);
    let required = random.percent(50);
    let settings = "max_connections = 3000\nmax_sessions = 10000\nmax_sessions_per_caller = 5000\n";
    let world = World::build((settings, required)).await?;
    let played = play(&world, time, &mut random).await;
    if let Err(error) = &played {
        world.ledger.fault(error.to_string());
    }
    let well = verdict::print(&world, &format!("chaos, {time:?}, --seed {seed}"))?;
    if !well {
        world.keep();
        say(&format!("the files are in {}", world.folder().display()));
    }
    Ok(well)
}

async fn play(world: &Arc<World>, time: Duration, random: &mut Random) -> Result<(), Failure> {
    healed(world).await;
    say("trouble, and restarts");
    let (crowd, trouble) = begin(world, random);
    restarts(world, time.mul_f64(0.4), random).await?;
    trouble.stop().await?;
    crowd.leave().await;
    all_well(world, random).await;

    // Memory is compared with what it is after some trouble: only then it is what it stays.
    say("trouble alone");
    alone(world, random, time.mul_f64(0.25)).await?;
    let before = settled(world, None).await?;
    say("trouble again");
    alone(world, random, time.mul_f64(0.35)).await?;
    settled(world, Some(before)).await?;
    end(world).await?;
    verdict::audit(world)
}

/// Clients and trouble.
fn begin(world: &Arc<World>, random: &mut Random) -> (Crowd, Trouble) {
    let errand = Errand {
        actors: CAST.iter().collect(),
        all_well: false,
        rest: 60,
    };
    let crowd = Crowd::gather(world, random, (CROWD, &errand));
    (crowd, Trouble::start(world, random))
}

/// Trouble without restarts, and then none.
async fn alone(world: &Arc<World>, random: &mut Random, time: Duration) -> Result<(), Failure> {
    let (crowd, trouble) = begin(world, random);
    watched(world, time).await?;
    trouble.stop().await?;
    crowd.leave().await;
    all_well(world, random).await;
    Ok(())
}

/// Restarts the gateway time and again: in each lot of three, once by SIGKILL.
async fn restarts(world: &World, time: Duration, random: &mut Random) -> Result<(), Failure> {
    let until = Instant::now() + time;
    let apart = u64::try_from(time.as_millis() / 4)?.min(15_000);
    for number in 0_u64.. {
        let next = Instant::now() + random.millis(apart / 2, apart + apart / 2);
        if next >= until && number >= 3 {
            break;
        }
        sleep_until(next).await;
        trouble::restart(world, number % 3 == 1).await?;
    }
    sleep_until(until).await;
    Ok(())
}

/// Says now and then what the gateway holds.
async fn watched(world: &World, time: Duration) -> Result<(), Failure> {
    let until = Instant::now() + time;
    while Instant::now() < until {
        sleep_until(until.min(Instant::now() + LOOK)).await;
        let now = State::of(world).await?;
        let (memory, files) = (now.memory / 1024, now.files);
        say(&format!(
            "  {memory:>5} MiB  {files:>5} files  {} sessions",
            now.sessions
        ));
    }
    Ok(())
}

/// All are well: everybody calls everybody, and all are served.
async fn all_well(world: &Arc<World>, random: &mut Random) {
    trouble::renew(world).await;
    healed(world).await;
    say("all are well");
    let errand = Errand {
        actors: CAST.iter().collect(),
        all_well: true,
        rest: 30,
    };
    let crowd = Crowd::gather(world, random, (CROWD, &errand));
    sleep_until(Instant::now() + LAP).await;
    crowd.leave().await;
}

/// Waits until every server answers again.
async fn healed(world: &Arc<World>) {
    let mut visitor = Visitor::new(world);
    for actor in &CAST {
        let answers = async {
            let mut tries = interval(Duration::from_millis(100));
            loop {
                tries.tick().await;
                if visitor.is_served_by(actor).await {
                    return;
                }
            }
        };
        if timeout(HEALING, answers).await.is_err() {
            let words = format!("{} does not come back", actor.name);
            world.ledger.fault(words);
        }
    }
    visitor.leave().await;
}

/// Ends the gateway, and sees what is left of it.
pub(crate) async fn end(world: &World) -> Result<(), Failure> {
    let mut gateway = world.gateway.lock().await;
    world.turmoil.begins(false);
    let ended = gateway.end(Signal::SIGTERM).await?;
    if !ended.success() {
        world
            .ledger
            .fault(format!("the gateway ended with {ended}"));
    }
    trouble::bury(world, &gateway.orphans().await, false);
    Ok(())
}
