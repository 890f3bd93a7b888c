//! So many calls at once at one server; others wait for a place, and are let in by turns.
//!
//! Without a line, a place costs an atomic on the way in and one on the way out. Whoever finds none
//! stands in line (`line.rs`), and from then on places go through it alone, until it is empty: who
//! comes later never overtakes. Each caller has one turn in each round, so that a flood of one costs
//! another no more than the place that is handed on before its own. How long that takes is bounded by
//! how long calls take: nobody is put out who is inside.

mod admitting;
mod line;
#[cfg(test)]
mod tests;

use std::{
    borrow::Borrow,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use super::ServerConfig;
pub(super) use line::Asker;
use line::{Line, Word};

/// Somebody stands in line.
const LINE: i64 = 1;
/// A place that is taken.
const PLACE: i64 = 2;

impl ServerConfig {
    /// How many calls it serves at once.
    pub fn max_in_flight(&self) -> usize {
        self.max_in_flight.unwrap_or(1024)
    }

    /// How many calls wait for a place.
    pub fn queue(&self) -> usize {
        self.queue.unwrap_or(1024)
    }

    /// How long a call waits for a place: never for longer than it would wait for its answer.
    pub fn queue_wait(&self) -> Duration {
        let wait = self.queue_wait.unwrap_or(Duration::from_secs(10));
        wait.min(self.timeout)
    }
}

/// The places at one server, and the line in front of them.
pub(super) struct Queue {
    /// Places that are taken, in steps of [`PLACE`], and whether there is a [`LINE`]. While there is
    /// one, it is only changed by who holds it. It may pass `most`: see [`Queue::lend`].
    state: AtomicI64,
    most: i64,
    waiting: usize,
    wait: Duration,
    line: Mutex<Line>,
    refused: AtomicU64,
}

/// Why a call was not let in: the key of `[servers.<name>]` that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turned(pub(super) &'static str);

impl Queue {
    pub(super) fn new(config: &ServerConfig) -> Arc<Self> {
        let most = i64::try_from(config.max_in_flight()).unwrap_or(i64::MAX);
        Arc::new(Self {
            state: AtomicI64::new(0),
            most: most.min(i64::MAX / PLACE - 1),
            waiting: config.queue(),
            wait: config.queue_wait(),
            line: Mutex::default(),
            refused: AtomicU64::new(0),
        })
    }

    /// A place, if there is one and nobody waits for it.
    pub(super) fn try_enter(self: &Arc<Self>) -> Option<Place<&Arc<Self>>> {
        let enter = |state: i64| {
            let free = state & LINE == 0 && state / PLACE < self.most;
            free.then_some(state + PLACE)
        };
        let entered = self
            .state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter);
        entered.ok().map(|_| Place(self))
    }

    /// A place, now or when it is this caller's turn. To drop the future is to leave the line.
    ///
    /// # Errors
    /// When the line is full, or the wait is over.
    pub(super) async fn enter(self: &Arc<Self>, asker: Asker) -> Result<Place<&Arc<Self>>, Turned> {
        let entered = match self.stand(asker) {
            Ok(Stands::In) => Ok(Place(self)),
            Ok(Stands::Waits(waiter)) => waiter.turn().await,
            Err(turned) => Err(turned),
        };
        entered.inspect_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Goes in or stands in line.
    fn stand(self: &Arc<Self>, asker: Asker) -> Result<Stands<'_>, Turned> {
        let mut line = self.line();
        // Places that become free from now on are handed on here.
        let before = self.state.fetch_or(LINE, Ordering::Relaxed);
        if line.is_empty() && before / PLACE < self.most {
            self.state.fetch_add(PLACE, Ordering::Relaxed);
            self.close(&line);
            return Ok(Stands::In);
        }
        let Some((number, word)) = line.join(&asker, self.waiting) else {
            self.close(&line);
            return Err(Turned(match self.waiting {
                0 => "max_in_flight",
                _ => "queue",
            }));
        };
        Ok(Stands::Waits(Waiter {
            queue: self,
            asker,
            number,
            word,
        }))
    }

    /// Gives a place back: to whose turn it is, if anybody waits.
    fn leave(&self) {
        let leave = |state: i64| (state & LINE == 0).then_some(state - PLACE);
        let left = self
            .state
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, leave);
        if left.is_err() {
            self.hand_on();
        }
    }

    #[cold]
    fn hand_on(&self) {
        let mut line = self.line();
        let lent = self.state.load(Ordering::Relaxed) / PLACE > self.most;
        if lent || !line.let_in() {
            self.state.fetch_sub(PLACE, Ordering::Relaxed);
        }
        self.close(&line);
    }

    /// The line is over when nobody stands in it.
    fn close(&self, line: &Line) {
        if line.is_empty() {
            self.state.fetch_and(!LINE, Ordering::Relaxed);
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// While a client is asked, its call leaves its place to others: people take their time. When it
    /// goes on it does not wait again, for it is half done: for as long as that, one more is inside
    /// than there may be.
    pub(super) fn lend(self: &Arc<Self>) -> Lent {
        self.leave();
        Lent(self.clone())
    }

    /// Calls inside.
    pub(super) fn in_flight(&self) -> u64 {
        let state = self.state.load(Ordering::Relaxed);
        u64::try_from(state / PLACE).unwrap_or(0)
    }

    /// Calls in line.
    pub(super) fn waiting(&self) -> u64 {
        match self.state.load(Ordering::Relaxed) & LINE {
            0 => 0,
            _ => self.line().len() as u64,
        }
    }

    /// Calls that were not let in.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// It counts on from another.
    pub(super) fn succeed(&self, before: &Self) {
        self.refused.store(before.refused(), Ordering::Relaxed);
    }
}

enum Stands<'a> {
    In,
    Waits(Waiter<'a>),
}

/// A call in line.
struct Waiter<'a> {
    queue: &'a Arc<Queue>,
    asker: Asker,
    number: u64,
    word: oneshot::Receiver<Word>,
}

impl<'a> Waiter<'a> {
    async fn turn(mut self) -> Result<Place<&'a Arc<Queue>>, Turned> {
        match timeout(self.queue.wait, &mut self.word).await {
            Ok(Ok(Word::Enter)) => Ok(Place(self.queue)),
            Ok(Ok(Word::Go) | Err(_)) => Err(Turned("queue")),
            Err(_elapsed) => Err(Turned("queue_wait")),
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut line = self.queue.line();
        if line.remove(&self.asker, self.number) {
            self.queue.close(&line);
        }
        drop(line); // it is needed again where the place came too late
        if let Ok(Word::Enter) = self.word.try_recv() {
            self.queue.leave();
        }
    }
}

/// A place inside. Dropping it gives it back.
#[must_use]
pub(super) struct Place<Q: Borrow<Arc<Queue>>>(Q);

impl Place<&Arc<Queue>> {
    /// The same, for what outlives the call: an answer that is still arriving.
    pub(super) fn kept(self) -> Place<Arc<Queue>> {
        let queue = self.0.clone();
        std::mem::forget(self);
        Place(queue)
    }
}

impl<Q: Borrow<Arc<Queue>>> Drop for Place<Q> {
    fn drop(&mut self) {
        self.0.borrow().leave();
    }
}

/// A place that is lent to others, until this is dropped.
pub(super) struct Lent(Arc<Queue>);

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.state.fetch_add(PLACE, Ordering::Relaxed);
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
