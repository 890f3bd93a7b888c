//! Reading the body of a request: of a large one, only while there is memory for it.
//!
//! The sum of all large bodies is bounded (`[gateway] max_buffered`), each counted by what has come
//! of it, not by what it says that it will be, and until nobody holds a piece of it any more. A small
//! body takes no part: their number is bounded by that of the connections.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::poll;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::timeout;

use super::http::Endpoint;
use crate::{mcp::Malformed, refusal::Refusal};

/// How long a client may take to send a body.
const BODY: Duration = Duration::from_secs(60);
/// A body of up to this size is not counted.
const SMALL: u64 = 64 * 1024;

/// Bytes of large bodies in memory, and how many there may be.
pub(super) struct Buffered {
    most: usize,
    now: Arc<AtomicUsize>,
}

impl Buffered {
    /// `now`: where they are counted.
    pub(super) fn new(most: usize, now: &Arc<AtomicUsize>) -> Arc<Self> {
        let now = now.clone();
        Arc::new(Self { most, now })
    }
}

/// What one body takes of it, until it is dropped.
struct Share {
    of: Arc<Buffered>,
    bytes: usize,
}

impl Share {
    fn grow(&mut self, more: usize) -> Result<(), Refusal> {
        let grow = |now: usize| {
            let then = now.saturating_add(more);
            (then <= self.of.most).then_some(then)
        };
        let grown = self
            .of
            .now
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow);
        if grown.is_err() {
            tracing::warn!(
                bytes = self.bytes,
                "no memory for a body ([gateway] max_buffered)"
            );
            return Err(Refusal::Overfull);
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.of.now.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A body, and what it takes.
struct Counted {
    body: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

/// Whether a body is large, or may be.
pub fn is_large(body: &Incoming) -> bool {
    body.size_hint().upper().is_none_or(|size| size > SMALL)
}

impl Endpoint {
    /// The whole body of a request.
    ///
    /// # Errors
    /// When it is larger than `max_message`, does not arrive, or there is no memory for it.
    pub(super) async fn collect(&self, body: Incoming) -> Result<Bytes, Refusal> {
        if is_large(&body) {
            // Boxed, like all that is rare.
            let collecting = Box::pin(self.collect_large(body));
            return timeout(BODY, collecting)
                .await
                .unwrap_or_else(|_| Err(late()));
        }
        let limit = self.max_message;
        let mut collecting = pin!(Limited::new(body, limit).collect());
        // Nearly always it has come with the head.
        let collected = match poll!(&mut collecting) {
            Poll::Ready(collected) => Ok(collected),
            Poll::Pending => Box::pin(timeout(BODY, collecting)).await,
        };
        match collected {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(limit)),
            Ok(Err(error)) => Err(broken(&error)),
            Err(_elapsed) => Err(late()),
        }
    }

    async fn collect_large(&self, mut body: Incoming) -> Result<Bytes, Refusal> {
        let (of, limit) = (self.buffered.clone(), self.max_message);
        // Before a client that asks whether it is welcome sends any of it.
        if body.size_hint().lower() > limit as u64 {
            return Err(Refusal::TooLarge(limit));
        }
        let mut share = Share { of, bytes: 0 };
        let mut pieces = Vec::new();
        while let Some(piece) = body.frame().await {
            let piece = piece.map_err(|error| broken(&error))?;
            let Ok(data) = piece.into_data() else {
                continue; // trailers
            };
            if share.bytes + data.len() > limit {
                return Err(Refusal::TooLarge(limit));
            }
            share.grow(data.len())?;
            pieces.push(data);
        }
        let mut body = Vec::with_capacity(share.bytes);
        for piece in pieces {
            body.extend_from_slice(&piece);
        }
        Ok(Bytes::from_owner(Counted {
            body,
            _share: share,
        }))
    }
}

fn broken(error: &dyn ToString) -> Refusal {
    Malformed::Syntax(error.to_string()).into()
}

fn late() -> Refusal {
    Malformed::Syntax("the body does not arrive".to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_never_more_than_there_is_and_is_given_back_with_the_last_piece() {
        let all = Buffered::new(100, &Arc::default());
        let share = || Share {
            of: all.clone(),
            bytes: 0,
        };
        let (mut one, mut other) = (share(), share());
        assert!(one.grow(60).is_ok() && other.grow(40).is_ok());
        assert!(matches!(other.grow(1), Err(Refusal::Overfull)));
        drop(other);
        assert!(one.grow(40).is_ok());
        let body = Bytes::from_owner(Counted {
            body: vec![0; 100],
            _share: one,
        });
        let piece = body.slice(10..20);
        drop(body);
        assert_eq!(all.now.load(Ordering::Relaxed), 100);
        drop(piece);
        assert_eq!(all.now.load(Ordering::Relaxed), 0);
    }
}
