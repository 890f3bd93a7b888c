//! A large answer on its way through, unread.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use bytes::Bytes;
use hyper::body::{Body, Frame as Piece, SizeHint};
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{answer::stopped, http1::Incoming};
use crate::{call::ServerName, refusal::Refusal};

/// A large answer on its way through. How long it is stays known, if the server has said so.
pub(super) struct Passing {
    /// What of it has been looked at.
    read: vec::IntoIter<Bytes>,
    rest: Incoming,
    server: ServerName,
    /// How long each pause may be.
    limit: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    /// Its server is not let go before it is through.
    _under_way: TaskTrackerToken,
}

impl Passing {
    /// What has been read, and then the rest.
    pub(super) fn new(
        read: Vec<Bytes>,
        rest: Incoming,
        (server, limit): (ServerName, Duration),
        under_way: TaskTrackerToken,
    ) -> Self {
        Self {
            read: read.into_iter(),
            rest,
            server,
            limit,
            pause: None,
            _under_way: under_way,
        }
    }

    /// Nothing has come; whether that has gone on for too long.
    fn is_overdue(&mut self, cx: &mut Context<'_>) -> bool {
        let pause = self
            .pause
            .get_or_insert_with(|| Box::pin(sleep(self.limit)));
        pause.as_mut().poll(cx).is_ready()
    }
}

impl Body for Passing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Piece<Bytes>>>> {
        let this = self.get_mut();
        if let Some(piece) = this.read.next() {
            return Poll::Ready(Some(Ok(Piece::data(piece))));
        }
        let refusal = match Pin::new(&mut this.rest).poll_frame(cx) {
            Poll::Ready(Some(Err(error))) => stopped(&this.server, &error),
            Poll::Ready(piece) => {
                if let Some(pause) = &mut this.pause {
                    pause.as_mut().reset(Instant::now() + this.limit);
                }
                return Poll::Ready(piece);
            }
            Poll::Pending if this.is_overdue(cx) => Refusal::TimedOut {
                server: this.server.to_string(),
                limit: this.limit,
                setting: "timeout",
            },
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(Err(io::Error::other(refusal))))
    }

    fn size_hint(&self) -> SizeHint {
        let read: usize = self.read.as_slice().iter().map(Bytes::len).sum();
        let rest = self.rest.size_hint().exact();
        rest.map_or_else(SizeHint::default, |rest| {
            SizeHint::with_exact(rest + read as u64)
        })
    }
}
