//! One client that looks whether servers are there.

use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::{
    Session,
    ask::{Ask, Kind},
    judge::{Ending, NEVER, Terms, judge},
};
use crate::{cast::Actor, files::KEYS, random::Random, world::World};

/// A client that goes round.
pub(crate) struct Visitor {
    world: Arc<World>,
    random: Random,
    session: Session,
}

impl Visitor {
    /// One that has asked nobody yet.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let [key, ..] = KEYS;
        Self {
            world: world.clone(),
            random: Random::new(0),
            session: Session::new(key, "2025-11-25", false),
        }
    }

    /// Whether a server answers it.
    pub(crate) async fn is_served_by(&mut self, actor: &'static Actor) -> bool {
        let world = &self.world;
        let mut ask = Ask::new(&mut self.random, &world.ledger, actor, Kind::Echo);
        ask.id = "visitor".into();
        let began = (Instant::now(), world.turmoil.moment());
        let asks = [ask];
        let turn = timeout(NEVER, self.session.turn(world, &asks)).await;
        let endings = turn.unwrap_or_else(|_| vec![Ending::Never]);
        let terms = Terms {
            all_well: false,
            fickle: false,
            apart: false,
        };
        for pair in asks.iter().zip(&endings) {
            judge(world, pair, began, terms);
        }
        let is_result = |ending: &Ending| match ending {
            Ending::Answer(answer) => answer.get("result").is_some(),
            Ending::Status(..) | Ending::Broken(_) | Ending::Never => false,
        };
        endings.iter().all(is_result)
    }

    /// Ends its session.
    pub(crate) async fn leave(self) {
        // Whoever could not open one has none to end.
        drop(self.session.leave(&self.world).await);
    }
}
