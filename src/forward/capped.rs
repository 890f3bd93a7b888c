//! An answer on its way through, for no longer than the call may take.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame as Piece, SizeHint};
use tokio::time::Instant;

use super::queue::{Place, Queue};
use crate::{
    call::{self, ServerName},
    refusal::Refusal,
    wait::Wait,
};

/// An answer on its way through that breaks off when the time of its call is over. A server that
/// says a little now and then keeps within every pause, and would never end.
pub(super) struct Capped {
    answer: call::Body,
    /// Nothing once it has ended.
    end: Option<Wait>,
    server: ServerName,
    total: Duration,
    _place: Place<Arc<Queue>>,
}

impl Capped {
    /// `cap`: when the call must be over, which may take `total` in all.
    pub(super) fn new(
        answer: call::Body,
        server: &ServerName,
        (cap, total): (Instant, Duration),
        place: Place<Arc<Queue>>,
    ) -> Self {
        Self {
            answer,
            end: Some(Wait::until(cap, total)),
            server: server.clone(),
            total,
            _place: place,
        }
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let over = |end: &mut Wait| Pin::new(end).poll(cx).is_ready();
        let over = self.end.as_mut().is_some_and(over);
        if over {
            self.end = None;
        }
        over
    }
}

impl Body for Capped {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Piece<Bytes>>>> {
        let this = self.get_mut();
        if this.is_over(cx) {
            let refusal = Refusal::TimedOut {
                server: this.server.to_string(),
                limit: this.total,
                setting: "timeout_total",
            };
            return Poll::Ready(Some(Err(io::Error::other(refusal))));
        }
        Pin::new(&mut this.answer).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};
    use tokio::time::sleep;

    use super::*;
    use crate::forward::ServerConfig;

    /// Says a byte every second, for ever.
    fn dripping() -> call::Body {
        let drops = futures_util::stream::unfold((), |()| async {
            sleep(Duration::from_secs(1)).await;
            Some((Ok(Piece::data(Bytes::from("."))), ()))
        });
        StreamBody::new(drops).boxed_unsync()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_never_pauses_for_long_ends_with_the_time_of_its_call_all_the_same() {
        let server = ServerName::try_from("up".to_owned()).unwrap();
        let queue = Queue::new(&ServerConfig::default());
        let place = queue.try_enter().unwrap().kept();
        let (begun, total) = (Instant::now(), Duration::from_millis(3500));
        let mut capped = Capped::new(dripping(), &server, (begun + total, total), place);

        for _ in 0..3 {
            assert!(capped.frame().await.unwrap().is_ok());
        }
        let error = capped.frame().await.unwrap().unwrap_err().to_string();

        assert!(error.contains("[servers.up] timeout_total"), "{error}");
        assert_eq!(begun.elapsed(), total);
    }
}
