//! The way back to the client while its request is served.

mod asked;
mod bell;
mod queue;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

pub use asked::Asked;
use bell::Bell;
use queue::Queue;
pub use queue::Told;

use crate::{
    call::{Client, Level},
    mcp::{Frame, Method, Part, fields},
};

/// What precedes the answer to one request, and word that the client no longer wants it.
///
/// Costs nothing but its own size until a message comes.
#[derive(Debug)]
pub struct Exchange {
    client: Arc<Client>,
    /// The level of log messages that this very request asks for.
    level: Option<Level>,
    queue: Queue,
    came: Bell,
    /// What a stateless client is asked: it gets it as a result.
    asked: Mutex<Vec<(u64, Frame)>>,
    asked_came: Bell,
    /// The client's own progress token, where it is not the one that progress comes under.
    token: Mutex<Option<Bytes>>,
    /// The token that the server was given in its place.
    given: Mutex<Option<Bytes>>,
    withdrawn: OnceLock<Frame>,
    withdrawal: Bell,
    begun: Instant,
    /// When the server last showed that it works on the request, in nanoseconds since it began.
    alive: AtomicU64,
    asking: AtomicUsize,
    /// The client cannot be asked before it has its answer.
    mute: AtomicBool,
    /// The answer will take its time.
    slow: AtomicBool,
}

impl Exchange {
    /// The way back to that client.
    pub fn new(client: Arc<Client>, level: Option<Level>) -> Self {
        Self {
            client,
            level,
            queue: Queue::default(),
            came: Bell::default(),
            asked: Mutex::default(),
            asked_came: Bell::default(),
            token: Mutex::default(),
            given: Mutex::default(),
            withdrawn: OnceLock::new(),
            withdrawal: Bell::default(),
            begun: Instant::now(),
            alive: AtomicU64::new(0),
            asking: AtomicUsize::new(0),
            mute: AtomicBool::new(false),
            slow: AtomicBool::new(false),
        }
    }

    /// When the request came in.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Whose request it is.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The level of log messages that this very request asks for.
    pub fn level(&self) -> Option<Level> {
        self.level
    }

    /// Whether the client wants log messages of that level with this request.
    pub fn wants(&self, level: Level) -> bool {
        match (self.client.revision.is_stateless(), self.level) {
            (true, lowest) => lowest.is_some_and(|lowest| level >= lowest),
            (false, _) => self.client.level().is_none_or(|lowest| level >= lowest),
        }
    }

    /// Passes a message to the client ahead of the answer. False when the client reads too
    /// slowly to take it: a server must not wait for that.
    pub fn push(&self, message: Bytes) -> bool {
        self.touch();
        self.tell(Told::Message(message))
    }

    /// Passes a server's notification on: progress of this very request under the client's own
    /// token, a log message only if the request wants it.
    pub fn pass(&self, frame: Frame) -> bool {
        match frame.method() {
            // What serves several calls tells each its own.
            Some(Method::Progress) if self.is_of_another(&frame) => true,
            Some(Method::Progress) => self.progress(&frame, None),
            Some(Method::Message) if self.client.revision.is_stateless() => {
                let level = frame
                    .params()
                    .and_then(|params| fields::field(params, "level"));
                let level = level
                    .and_then(fields::string)
                    .and_then(|name| Level::named(&name));
                !self.wants(level.unwrap_or(Level::Emergency)) || self.push(frame.into_bytes())
            }
            _ => self.push(frame.into_bytes()),
        }
    }

    fn is_of_another(&self, progress: &Frame) -> bool {
        let given = self.given();
        let given = given.as_deref();
        given.is_some_and(|given| progress.raw(Part::Token).map(str::as_bytes) != Some(given))
    }

    fn given(&self) -> MutexGuard<'_, Option<Bytes>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server was given another progress token than the client's.
    pub fn set_given(&self, given: Bytes) {
        // Another one, where a replica has seen nothing of it.
        *self.given() = Some(given);
    }

    /// Whether the server was given another one.
    pub fn has_token(&self) -> bool {
        self.given().is_some()
    }

    /// Passes progress on, under the token that the client gave.
    pub fn progress(&self, frame: &Frame, token: Option<&Bytes>) -> bool {
        let own = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        match own.as_ref().or(token) {
            Some(token) => self.push(frame.with(&[(Part::Token, token)])),
            None => self.push(frame.bytes().clone()),
        }
    }

    /// The client has progress under this token: the server was given another, or the client
    /// comes back for a call that was parked.
    pub fn set_token(&self, token: Bytes) {
        for told in self.queue.lock().iter_mut() {
            let Told::Message(message) = told else {
                continue;
            };
            let progress = Frame::parse(message.clone()).ok();
            if let Some(frame) = progress.filter(|told| told.method() == Some(Method::Progress)) {
                *message = frame.with(&[(Part::Token, &token)]);
            }
        }
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// Waits until a stateless client is to be asked.
    pub async fn asked(&self) -> Vec<(u64, Frame)> {
        let asked = || Some(std::mem::take(&mut *self.questions()));
        let asked = || asked().filter(|asked| !asked.is_empty());
        self.asked_came.until(asked).await
    }

    fn questions(&self) -> MutexGuard<'_, Vec<(u64, Frame)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server works on the request: its time starts anew.
    pub fn touch(&self) {
        self.touch_at(Instant::now());
    }

    /// It works on it since that moment.
    pub fn touch_at(&self, now: Instant) {
        let since = now.saturating_duration_since(self.begun).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.alive.store(since, Ordering::Relaxed);
    }

    /// Whether the client owes it an answer.
    pub fn is_asking(&self) -> bool {
        self.asking.load(Ordering::Relaxed) > 0
    }

    /// When it last showed that.
    pub fn alive(&self) -> Instant {
        self.begun + Duration::from_nanos(self.alive.load(Ordering::Relaxed))
    }

    fn tell(&self, told: Told) -> bool {
        let taken = self.queue.push(told);
        if taken {
            self.came.ring();
        }
        taken
    }

    /// Nothing reaches the client before its answer: a question would wait for ever.
    pub fn mute(&self) {
        if !self.client.revision.is_stateless() {
            self.mute.store(true, Ordering::Relaxed);
        }
    }

    /// Asks the client, and waits for its answer; nothing when it is gone, or cannot be asked.
    /// Given up, the client is told that nobody waits any more.
    pub async fn ask(&self, question: Frame) -> Option<Frame> {
        Asked::new(self, question)?.answer().await
    }

    fn put(&self, id: u64, question: Frame) -> bool {
        if !self.client.revision.is_stateless() {
            return self.tell(Told::Question(id, Box::new(question)));
        }
        self.questions().push((id, question));
        self.asked_came.ring();
        true
    }

    /// The next of what precedes the answer, if it is there.
    pub fn take(&self) -> Option<Told> {
        self.queue.take()
    }

    /// The next of what precedes the answer.
    pub async fn next(&self) -> Told {
        self.came.until(|| self.take()).await
    }

    /// Whether something is there.
    pub fn has_message(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The answer will take its time: the client had better know what to come back for.
    pub fn slow(&self) {
        self.slow.store(true, Ordering::Relaxed);
        self.came.ring();
    }

    /// Waits until something is there, or the answer is known to take its time.
    pub async fn filled(&self) {
        let filled = || self.has_message() || self.slow.load(Ordering::Relaxed);
        self.came.until(|| filled().then_some(())).await;
    }

    /// The client's `notifications/cancelled` has come.
    pub fn withdraw(&self, notification: Frame) {
        if self.withdrawn.set(notification).is_ok() {
            self.withdrawal.ring();
        }
    }

    /// Waits until the client cancels.
    pub async fn withdrawn(&self) {
        let withdrawn = || self.withdrawn.get().map(drop);
        self.withdrawal.until(withdrawn).await;
    }

    /// The notification by which the client cancelled.
    pub fn withdrawal(&self) -> Option<&Frame> {
        self.withdrawn.get()
    }
}
