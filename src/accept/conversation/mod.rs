//! One client on a channel that carries messages both ways: a pipe, or a legacy event stream and
//! the POSTs that belong to it.

mod listen;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    begin,
    body::whole,
    initialize::{Lasting, discover, initialize},
    stateless,
};
use crate::{
    call::{Extent, Identity, Visit},
    exchange::{Exchange, Told},
    mcp::{Frame, Kind, Method, Part, frame, message},
    pipeline::Pipeline,
    refusal::Refusal,
    session::{Busy, Reader, Session},
};

/// Requests at once, and messages in a batch; the next one is taken when one is done.
pub(super) const AT_ONCE: usize = 1024;
/// Messages that may wait for the client to read.
const QUEUE: usize = 1024;
/// How long requests may go on after the client has said its last.
const FINISH: Duration = Duration::from_secs(10);

/// Requests by their ids.
type Asked = DashMap<Bytes, Arc<Exchange>>;

/// A client that is talked with.
pub(super) struct Conversation {
    pipeline: Arc<Pipeline>,
    /// Who opened it.
    pub(super) identity: Identity,
    /// By which path.
    pub(super) extent: Extent,
    out: mpsc::Sender<Bytes>,
    /// Busy as long as this is: a client that is there is not idle.
    session: OnceLock<(Arc<Session>, Busy)>,
    /// Requests that stand for themselves, by their ids. What stands for them is shared with other
    /// conversations of the caller, whose ids may be the same.
    stateless: Arc<Asked>,
    room: Arc<Semaphore>,
    requests: TaskTracker,
    over: CancellationToken,
    max_message: usize,
}

impl Conversation {
    /// A conversation that nobody has opened yet, and what is to be sent to the client.
    pub(super) fn new(
        pipeline: Arc<Pipeline>,
        visit: &Visit,
        max_message: usize,
    ) -> (Self, mpsc::Receiver<Bytes>) {
        let (out, queue) = mpsc::channel(QUEUE);
        let conversation = Self {
            pipeline,
            identity: visit.caller.identity.clone(),
            extent: visit.extent.clone(),
            out,
            session: OnceLock::new(),
            stateless: Arc::default(),
            room: Arc::new(Semaphore::new(AT_ONCE)),
            requests: TaskTracker::new(),
            over: CancellationToken::new(),
            max_message,
        };
        (conversation, queue)
    }

    /// Takes what the client says: a message, or a batch of them.
    ///
    /// # Errors
    /// When it is neither.
    pub(super) async fn take(&self, text: &Bytes, visit: &Visit) -> Result<(), Refusal> {
        if frame::is_batch(text) {
            return self.batch(frame::split(text)?, visit).await;
        }
        self.dispatch(Frame::parse(text.clone())?, visit).await;
        Ok(())
    }

    /// Sends the client a message.
    pub(super) async fn say(&self, message: Bytes) {
        send(&self.out, message).await;
    }

    /// Waits until all that the client has asked is answered.
    pub(super) async fn answered(&self) {
        self.requests.close();
        self.requests.wait().await;
    }

    /// The client has said its last: what it has asked is finished, if that does not take long.
    pub(super) async fn finish(&self) {
        // Those that take longer are cancelled by the end.
        drop(timeout(FINISH, self.answered()).await);
    }

    /// Cancelled at its end.
    pub(super) fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// The client is gone.
    pub(super) fn end(&self) {
        self.over.cancel();
        if let Some(session) = self.session() {
            self.pipeline.end(session.id());
        }
    }

    async fn dispatch(&self, frame: Frame, visit: &Visit) {
        if frame.kind() == Kind::Request && frame.raw(Part::Version).is_some() {
            return Box::pin(self.stateless(frame, visit)).await;
        }
        match (frame.kind(), self.session()) {
            (Kind::Request, None) => self.open(&frame, visit).await,
            (Kind::Request, Some(session)) => self.request(session, frame, visit).await,
            (Kind::Notification | Kind::Response, _) => self.hear(frame),
        }
    }

    /// Takes what has no answer.
    pub(super) fn hear(&self, frame: Frame) {
        self.cancel(&frame);
        if let Some(session) = self.session() {
            self.pipeline.hear(session, frame);
        }
    }

    pub(super) fn session(&self) -> Option<&Arc<Session>> {
        self.session.get().map(|(session, _)| session)
    }

    /// Withdraws a request that stands for itself, if that is what it says.
    fn cancel(&self, frame: &Frame) {
        let id = frame.raw_bytes(Part::RequestId);
        let id = id.filter(|_| frame.method() == Some(Method::Cancelled));
        if let Some(exchange) = id.and_then(|id| self.stateless.get(&id)) {
            exchange.withdraw(frame.clone());
        }
    }

    /// The first request should be `initialize`; `ping` may come before it.
    async fn open(&self, frame: &Frame, visit: &Visit) {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let opened = match frame.method() {
            Some(Method::Initialize) => {
                initialize(&self.pipeline, visit, frame, Lasting::Connection)
            }
            Some(Method::Ping) => return self.say(message::result(&id, b"{}")).await,
            _ => Err(Refusal::SessionUnknown),
        };
        match opened {
            Ok((session, answer)) => {
                let reader = Reader::open(session.outbox.clone(), None);
                let kept = (session.clone(), session.busy());
                // Two at once open two; the later one is nobody's and ends of idleness.
                drop(self.session.set(kept));
                self.say(answer).await;
                tokio::spawn(listen::pass_on(reader, session, self.out.downgrade()));
            }
            Err(refusal) => self.say(refusal.message(Some(&id))).await,
        }
    }

    /// A request of 2026-07-28, which needs no session.
    async fn stateless(&self, frame: Frame, visit: &Visit) {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let session = match stateless::open(&self.pipeline, visit, &frame) {
            Ok(session) => session,
            Err(refusal) => return self.say(refusal.message(Some(&id))).await,
        };
        match frame.method() {
            Some(Method::ServerDiscover) => {
                let answer = match discover(&self.pipeline, visit) {
                    Ok(result) => message::result(&id, result.as_bytes()),
                    Err(refusal) => refusal.stateless().message(Some(&id)),
                };
                self.say(answer).await;
            }
            Some(Method::SubscriptionsListen) => self.listen(&session, frame, visit).await,
            _ => self.request(&session, frame, visit).await,
        }
    }

    /// Remembers a request that stands for itself, so that the client can cancel it.
    fn cancellable(&self, id: Bytes, exchange: &Arc<Exchange>) -> Cancellable {
        self.stateless.insert(id.clone(), exchange.clone());
        let (all, exchange) = (self.stateless.clone(), exchange.clone());
        Cancellable { all, id, exchange }
    }

    async fn request(&self, session: &Arc<Session>, frame: Frame, visit: &Visit) {
        if let Some(room) = self.room(1).await {
            self.run(room, self.start(session, frame, visit));
        }
    }

    /// Waits for room for so many requests.
    pub(super) async fn room(&self, requests: usize) -> Option<OwnedSemaphorePermit> {
        let requests = requests.try_into().ok()?;
        self.room.clone().acquire_many_owned(requests).await.ok()
    }

    /// Starts a request. What precedes its answer is sent as it comes, the answer is given.
    pub(super) fn start(
        &self,
        session: &Arc<Session>,
        frame: Frame,
        visit: &Visit,
    ) -> impl Future<Output = Option<Bytes>> + Send + 'static {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let (mut call, exchange) = begin(&self.pipeline, session, frame, visit.clone());
        let stateless = session.client.revision.is_stateless();
        let underway = stateless.then(|| self.cancellable(id.clone(), &exchange));
        let (out, limit) = (self.out.clone(), self.max_message);
        async move {
            let _underway = underway;
            let answer = loop {
                tokio::select! {
                    biased;
                    answer = &mut call => break answer,
                    told = exchange.next() => send(&out, told.into_message()).await,
                }
            };
            while let Some(told) = exchange.take() {
                send(&out, Told::into_message(told)).await;
            }
            whole(answer.reply, &id, limit).await
        }
    }

    /// Sends what comes of it, unless the client goes first. Room is kept until that is taken.
    pub(super) fn run(
        &self,
        room: OwnedSemaphorePermit,
        serving: impl Future<Output = Option<Bytes>> + Send + 'static,
    ) {
        let (out, over) = (self.out.clone(), self.over.clone());
        let serve = async move {
            let _room = room;
            if let Some(message) = serving.await {
                send(&out, message).await;
            }
        };
        self.requests
            .spawn(async move { over.run_until_cancelled(serve).await });
    }
}

/// While this lives, its request can be cancelled.
struct Cancellable {
    all: Arc<Asked>,
    id: Bytes,
    exchange: Arc<Exchange>,
}

impl Drop for Cancellable {
    fn drop(&mut self) {
        let ours = |held: &Arc<Exchange>| Arc::ptr_eq(held, &self.exchange);
        self.all.remove_if(&self.id, |_, held| ours(held));
    }
}

async fn send(out: &mpsc::Sender<Bytes>, message: Bytes) {
    // The writer ends when the client closes its end: then nobody is left to tell.
    drop(out.send(message).await);
}
