//! Many clients at once, in every form there is.

mod ask;
mod judge;
mod legacy;
mod pipe;
mod session;
mod stateless;
mod visitor;
mod wire;

pub(crate) use judge::NEVER;
pub(crate) use session::{HEARD, Session};
pub(crate) use visitor::Visitor;
pub(crate) use wire::{Wire, request};

use std::sync::Arc;

use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Duration, Instant, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    cast::Actor,
    files::{FICKLE, KEYS},
    random::Random,
    world::World,
};
use ask::Ask;
use judge::{Ending, Terms, judge};
use legacy::Legacy;
use pipe::Pipe;
use stateless::Stateless;

/// So many of them are processes.
const PIPES: usize = 2;

/// A client, by how it speaks.
enum Speaker {
    Session(Session),
    Stateless(Stateless),
    Legacy(Legacy),
    Pipe(Pipe),
}

/// One client, and what it does.
struct Client {
    world: Arc<World>,
    random: Random,
    speaker: Speaker,
    fickle: bool,
    /// Its requests so far: their ids.
    count: u64,
}

/// What a crowd asks for.
#[derive(Clone)]
pub(crate) struct Errand {
    /// Whom they ask.
    pub(crate) actors: Vec<&'static Actor>,
    /// Whether those are all well.
    pub(crate) all_well: bool,
    /// How long each rests between two turns, at most, in milliseconds.
    pub(crate) rest: u64,
}

/// Clients that ask until they are told to stop.
pub(crate) struct Crowd {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Crowd {
    /// So many of them.
    pub(crate) fn gather(
        world: &Arc<World>,
        random: &mut Random,
        (count, errand): (usize, &Errand),
    ) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for number in 0..count {
            let client = Client::new(world, random.fork(), number);
            tasks.spawn(client.live(errand.clone(), stop.clone()));
        }
        tasks.spawn(stranger(world.clone(), stop.clone()));
        Self { tasks, stop }
    }

    /// Has them finish what they do, and leave.
    pub(crate) async fn leave(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Client {
    fn new(world: &Arc<World>, random: Random, number: usize) -> Self {
        let key = KEYS.get(number / 7 % KEYS.len()).copied().unwrap_or(FICKLE);
        let speaker = match number % 7 {
            0 => Speaker::Session(Session::new(key, "2025-11-25", true)),
            1 => Speaker::Session(Session::new(key, "2025-06-18", false)),
            2 => Speaker::Session(Session::new(key, "2025-03-26", false)),
            3 => Speaker::Stateless(Stateless::new(key, false)),
            4 => Speaker::Stateless(Stateless::new(key, true)),
            5 => Speaker::Legacy(Legacy::new(key)),
            _ if number < PIPES * 7 => Speaker::Pipe(Pipe::new(key, number)),
            _ => Speaker::Session(Session::new(key, "2025-11-25", false)),
        };
        Self {
            world: world.clone(),
            random,
            fickle: key == FICKLE,
            speaker,
            count: 0,
        }
    }

    async fn live(mut self, errand: Errand, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let rest = self.random.millis(0, errand.rest);
            stop.run_until_cancelled(sleep(rest)).await;
            self.turn(&errand).await;
        }
        match self.speaker {
            // It may be restarted just now; then it is left behind.
            Speaker::Session(session) => drop(session.leave(&self.world).await),
            Speaker::Pipe(pipe) => {
                if let Err(words) = pipe.leave().await {
                    self.world.ledger.fault(words);
                }
            }
            Speaker::Stateless(_) | Speaker::Legacy(_) => {}
        }
    }

    async fn turn(&mut self, errand: &Errand) {
        let breadth = match &self.speaker {
            Speaker::Session(session) => session.breadth(),
            Speaker::Stateless(_) => 1,
            Speaker::Legacy(_) | Speaker::Pipe(_) => 3,
        };
        let mut asks = Vec::new();
        for _ in 0..=self.random.below(breadth) {
            let whom = (errand.actors.as_slice(), !errand.all_well);
            let mut ask = Ask::any(&mut self.random, &self.world.ledger, whom);
            self.count += 1;
            ask.id = match self.count % 2 {
                0 => Value::from(self.count),
                _ => Value::from(self.count.to_string()),
            };
            asks.push(ask);
        }
        let world = &self.world;
        let began = (Instant::now(), world.turmoil.moment());
        let turn = async {
            match &mut self.speaker {
                Speaker::Session(session) => session.turn(world, &asks).await,
                Speaker::Stateless(client) => client.turn(world, &asks).await,
                Speaker::Legacy(client) => client.turn(world, &asks).await,
                Speaker::Pipe(client) => client.turn(world, &asks).await,
            }
        };
        let endings = timeout(NEVER, turn).await;
        let endings = endings.unwrap_or_else(|_| asks.iter().map(|_| Ending::Never).collect());
        let terms = Terms {
            all_well: errand.all_well,
            fickle: self.fickle,
            apart: matches!(self.speaker, Speaker::Pipe(_)),
        };
        world.ledger.add("calls: made", asks.len() as u64);
        for pair in asks.iter().zip(&endings) {
            judge(world, pair, began, terms);
        }
    }
}

/// Somebody without a key, who never gets in: not while the files are half written either.
async fn stranger(world: Arc<World>, stop: CancellationToken) {
    let mut knocks = interval(Duration::from_millis(100));
    while stop.run_until_cancelled(knocks.tick()).await.is_some() {
        let before = world.turmoil.moment();
        let head = request(&world, "POST", "/mcp", "somebody");
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
        match Wire::default().ask(&world, head, list.to_owned()).await {
            Ok(reply) if reply.status == 401 => world.ledger.count("strangers: turned away"),
            Ok(reply) => {
                let words = format!("a stranger gets {}: {}", reply.status, reply.text);
                world.ledger.fault(words);
            }
            Err(words) if before.is_calm(world.turmoil.moment()) => {
                world
                    .ledger
                    .fault(format!("a stranger is hung up on: {words}"));
            }
            Err(_) => world.ledger.count("strangers: cut off by a restart"),
        }
    }
}
