//! What a peer of 2026-07-28 says of its own accord: one `subscriptions/listen` for everybody,
//! asked for anew when other resources are to be watched, or when the peer has ended it.

use std::{pin::Pin, sync::Arc};

use tokio::time::{Instant, timeout};

use super::{
    listen::{Pause, params},
    peer::Peer,
    server::COURTESY,
    watched::{Reader, Watched},
};
use crate::{
    mcp::{Frame, Method, Part, fields, message, meta},
    refusal::Refusal,
};

/// How one stream ended.
enum End {
    /// The peer has ended it.
    Closed,
    /// Other resources are to be watched.
    Rewatch,
    /// The peer offers no such stream.
    Refused,
}

/// The gateway, listening to one peer.
struct Listener<'a> {
    peer: &'a Peer,
    watched: &'a Watched,
    wanted: Reader,
    /// The stream before, which stands until the next one is acknowledged: nothing is missed.
    before: Option<Stream<'a>>,
    /// Nobody has listened for a while.
    missed: bool,
    pause: Pause,
}

/// Listens until the peer is gone.
pub(super) async fn listen(watched: Arc<Watched>, peer: Arc<Peer>) {
    let mut listener = Listener {
        peer: &peer,
        watched: &watched,
        wanted: watched.reader(),
        before: None,
        missed: false,
        pause: Pause::default(),
    };
    tokio::select! {
        () = peer.life.over() => {}
        () = listener.repeat() => {}
    }
}

impl Listener<'_> {
    async fn repeat(&mut self) {
        loop {
            let started = Instant::now();
            match self.once().await {
                End::Rewatch => {}
                End::Refused => {
                    self.watched.unknown();
                    self.wanted.changed().await;
                }
                End::Closed => {
                    self.missed = true;
                    self.pause.after(started.elapsed()).await;
                }
            }
        }
    }

    async fn once(&mut self) -> End {
        let (watched, change) = self.wanted.now();
        let mut stream = Stream::open(self.peer, &watched);
        let mut acknowledged = self.peer.acknowledged.subscribe();
        let acknowledged = acknowledged.wait_for(|last| *last >= stream.id);
        tokio::select! {
            end = &mut stream.end => return end,
            // One that acknowledges nothing may listen all the same.
            _ = timeout(COURTESY, acknowledged) => {}
        }
        self.watched.known(change);
        self.before = None;
        if std::mem::take(&mut self.missed) {
            self.peer.outlet.changes.add_all();
        }
        tokio::select! {
            end = &mut stream.end => end,
            () = self.wanted.changed() => {
                self.before = Some(stream);
                End::Rewatch
            }
        }
    }
}

/// One stream. Dropped, it tells the peer that nobody listens.
struct Stream<'a> {
    peer: &'a Peer,
    id: u64,
    end: Pin<Box<dyn Future<Output = End> + Send + 'a>>,
}

impl<'a> Stream<'a> {
    fn open(peer: &'a Peer, watched: &[String]) -> Self {
        let id = peer.number();
        let request = message::request(id, Method::SubscriptionsListen, &params(watched));
        let ticket = peer.expect(id, None, peer.latest_extra());
        let end = Box::pin(async move { end(ticket.send(request).await) });
        Self { peer, id, end }
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if self.peer.pending.contains_key(&self.id) && !self.peer.life.is_over() {
            let params = format!(r#"{{"requestId":{}}}"#, self.id);
            self.peer
                .tell(message::notification(Method::Cancelled, Some(&params)));
        }
    }
}

/// What the answer to the request means: it is the end of the stream.
fn end(answer: Result<Frame, Refusal>) -> End {
    match answer {
        Ok(answer) if answer.raw(Part::Error).is_none() => End::Closed,
        Ok(_) | Err(_) => End::Refused,
    }
}

impl Peer {
    /// It says that it listens to what a stream has asked for, and to all before it.
    pub(super) fn listens(&self, frame: &Frame) {
        let params = frame.params().unwrap_or_default();
        let mark =
            fields::field(params, "_meta").and_then(|meta| fields::field(meta, meta::SUBSCRIPTION));
        let id = mark.and_then(|id| id.trim_matches('"').parse().ok());
        // One that does not say which can only mean the last.
        let id = id.unwrap_or(u64::MAX).min(self.last_number());
        self.acknowledged.send_modify(|last| *last = id.max(*last));
    }
}
