//! A stdio server: one child, many calls in flight.
//!
//! Everybody shares the child, so ids and progress tokens are replaced by numbers of our own on
//! the way in and put back on the way out. Its output is read whether or not it reads its input:
//! with 16 large calls in flight, a proxy that waits for the one before the other hangs for ever.

use std::{
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use dashmap::DashMap;
use process_wrap::tokio::ChildWrapper;
use tokio::{
    process::ChildStdout,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Changes, ServerConfig, Upward,
    answer::with_id,
    child,
    life::Life,
    lines::Lines,
    pipe::{QUEUE, write},
    ticket::{Ticket, Waiting},
};
use crate::{
    call::{Reply, ServerName},
    exchange::Exchange,
    mcp::{Frame, Kind, Method, Part, frame, message},
    refusal::Refusal,
    route::Routed,
};

/// How many lines of stderr an error carries.
const TAIL: usize = 5;

/// A running child and the calls it owes an answer.
pub(super) struct Child {
    pub(super) server: ServerName,
    pub(super) input: mpsc::Sender<Bytes>,
    pub(super) pending: DashMap<u64, Waiting>,
    next_id: AtomicU64,
    stop: CancellationToken,
    pub(super) life: Life,
    pub(super) changes: Changes,
    upward: Arc<dyn Upward>,
}

/// What runs beside the calls, one task for each pipe.
struct Pipes {
    read: JoinHandle<std::io::Result<()>>,
    write: JoinHandle<()>,
    follow: JoinHandle<()>,
}

impl Child {
    /// Launches the command and starts to listen.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub(super) fn launch(
        server: &ServerName,
        config: &ServerConfig,
        max_message: usize,
        upward: Arc<dyn Upward>,
        tasks: &TaskTracker,
    ) -> std::io::Result<Arc<Self>> {
        let process = child::launch(config)?;
        let (input, queue) = mpsc::channel(QUEUE);
        let this = Arc::new(Self {
            server: server.clone(),
            input,
            pending: DashMap::new(),
            next_id: AtomicU64::new(1),
            stop: CancellationToken::new(),
            life: Life::default(),
            changes: Changes::default(),
            upward,
        });
        tracing::debug!(%server, pid = process.child.id(), "launched");
        let tail = Arc::new(child::Tail::default());
        let (follower, name, stderr) = (tail.clone(), server.clone(), process.stderr);
        let follow = tokio::spawn(async move { follower.follow(&name, stderr).await });
        let write = tokio::spawn(write(process.stdin, queue, this.stop.clone()));
        let read = tokio::spawn(this.clone().read(Lines::new(process.stdout, max_message)));
        let pipes = Pipes {
            read,
            write,
            follow,
        };
        tasks.spawn(this.clone().keep(process.child, pipes, tail));
        Ok(this)
    }

    /// Carries one call.
    ///
    /// # Errors
    /// When the child goes away before it answers.
    pub(super) async fn call(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let frame = &routed.call().frame;
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let number = id.to_string();
        let mut edits = vec![
            (Part::Id, number.as_bytes()),
            (Part::MetaToken, number.as_bytes()),
        ];
        edits.extend(routed.rename());
        let ticket = self.expect(id, Some(exchange), frame.raw_bytes(Part::MetaToken));
        let answer = ticket.send(message::one_line(frame.with(&edits))).await?;
        let client_id = frame.raw(Part::Id).unwrap_or("null");
        Ok(with_id(answer, client_id.as_bytes()))
    }

    /// Asks something of the gateway's own.
    ///
    /// # Errors
    /// When the child goes away before it answers.
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Refusal> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.expect(id, None, None)
            .send(message::request(id, method, params))
            .await
    }

    /// Sends a notification, unless the child has stopped reading.
    pub(super) fn tell(&self, notification: Bytes) {
        if let Err(error) = self.input.try_send(notification) {
            tracing::warn!(server = %self.server, "a message to the child is dropped: {error}");
        }
    }

    /// Lets it go.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    fn expect(
        &self,
        id: u64,
        exchange: Option<&Arc<Exchange>>,
        token: Option<Bytes>,
    ) -> Ticket<'_> {
        let (sender, answer) = oneshot::channel();
        let exchange = exchange.cloned();
        self.pending.insert(
            id,
            Waiting {
                answer: sender,
                exchange,
                token,
            },
        );
        Ticket {
            child: self,
            id,
            answer,
        }
    }

    async fn read(self: Arc<Self>, mut lines: Lines<ChildStdout>) -> std::io::Result<()> {
        while let Some(line) = lines.next().await? {
            self.take(&line);
        }
        Ok(())
    }

    fn take(&self, line: &Bytes) {
        let server = &self.server;
        let messages = match frame::split(line) {
            Ok(messages) => messages,
            Err(error) => return tracing::warn!(%server, "a line on stdout is skipped: {error}"),
        };
        for message in messages {
            match Frame::parse(message) {
                Ok(frame) => self.dispatch(frame),
                Err(error) => tracing::warn!(%server, "a line on stdout is skipped: {error}"),
            }
        }
    }

    fn dispatch(&self, frame: Frame) {
        match frame.kind() {
            Kind::Response => self.answered(frame),
            Kind::Notification => self.notified(frame),
            Kind::Request => self.tell(super::decline(&frame)),
        }
    }

    fn answered(&self, frame: Frame) {
        let id = frame.raw(Part::Id).and_then(|id| id.parse::<u64>().ok());
        match id.and_then(|id| self.pending.remove(&id)) {
            // The caller may be gone in this very moment; then nobody is left to tell.
            Some((_, waiting)) => drop(waiting.answer.send(frame)),
            None => tracing::debug!(server = %self.server, ?frame, "an answer nobody waits for"),
        }
    }

    fn notified(&self, frame: Frame) {
        match frame.method() {
            Some(Method::Progress) => self.progressed(&frame),
            Some(Method::ListChanged(list)) => self.changes.add(list),
            _ => self
                .upward
                .notice(&self.server, None, &self.callers(), frame),
        }
    }

    fn progressed(&self, frame: &Frame) {
        let id = frame.raw(Part::Token).and_then(|id| id.parse::<u64>().ok());
        let Some(waiting) = id.and_then(|id| self.pending.get(&id)) else {
            return;
        };
        let (Some(exchange), Some(token)) = (&waiting.exchange, &waiting.token) else {
            return;
        };
        if !exchange.push(frame.with(&[(Part::Token, token)])) {
            tracing::debug!(server = %self.server, "a slow client loses a progress notification");
        }
    }

    /// The calls under way, for what a server says without saying to whom.
    fn callers(&self) -> Vec<Arc<Exchange>> {
        self.pending
            .iter()
            .filter_map(|waiting| waiting.exchange.clone())
            .collect()
    }

    /// Owns the process: waits until it ends or is to end, and sees to it that it does.
    async fn keep(
        self: Arc<Self>,
        mut process: Box<dyn ChildWrapper>,
        mut pipes: Pipes,
        tail: Arc<child::Tail>,
    ) {
        let moment = Duration::from_millis(200);
        let (mut reason, mut status) = ("it closed its output".to_owned(), None);
        tokio::select! {
            biased;
            read = &mut pipes.read => match read {
                Ok(Ok(())) => status = soon(moment, process.wait()).await,
                Ok(Err(error)) => reason = error.to_string(),
                Err(error) => reason = error.to_string(),
            },
            () = self.stop.cancelled() => reason = "the gateway stopped it".to_owned(),
            _ = &mut pipes.write => {
                reason = "it closed its input".to_owned();
                status = soon(moment, process.wait()).await;
            }
            // Its own children may live on and hold its pipes: they are not the server.
            ended = process.wait() => {
                status = ended.ok();
                drop(timeout(moment, &mut pipes.read).await); // its last answers
            }
        }
        if let Some(status) = status {
            // What it wrote last arrives with its death: a moment's wait names the cause.
            drop(timeout(moment, &mut pipes.follow).await);
            reason = status.to_string();
        }
        self.life.end(reason, tail.last(TAIL));
        self.pending.clear();
        self.stop.cancel();
        child::stop(process.as_mut()).await;
        pipes.read.abort();
        pipes.follow.abort();
    }
}

/// How it ended, if it does within that time.
async fn soon(
    moment: Duration,
    end: impl Future<Output = std::io::Result<ExitStatus>>,
) -> Option<ExitStatus> {
    timeout(moment, end).await.ok().and_then(Result::ok)
}
