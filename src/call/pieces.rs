//! An answer in pieces that are there already.

use std::{
    array, io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame as Piece, SizeHint};

use super::Reply;
use crate::mcp::message;

/// A result of this size is not copied into its answer, in bytes.
const LARGE: usize = 16 * 1024;

/// An answer in pieces.
struct Pieces(array::IntoIter<Bytes, 3>);

impl Reply {
    /// The gateway's own answer to the request with that id. A large result, such as a list that
    /// many ask for, goes out of the memory where it stands.
    pub fn result(id: &[u8], result: Bytes) -> Self {
        if result.len() < LARGE {
            return Self::Whole(message::result(id, &result));
        }
        let (before, after) = message::around_result(id);
        Self::Streamed(Pieces([before, result, after].into_iter()).boxed_unsync())
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Piece<Bytes>>>> {
        Poll::Ready(self.0.next().map(|piece| Ok(Piece::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        let size: usize = self.0.as_slice().iter().map(Bytes::len).sum();
        SizeHint::with_exact(size as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_large_result_is_the_same_answer_as_a_small_one() {
        let text = format!("\"{}\"", "x".repeat(LARGE));
        let Reply::Streamed(body) = Reply::result(b"7", text.clone().into()) else {
            panic!("it is copied");
        };
        let expected = message::result(b"7", text.as_bytes());
        assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
        assert_eq!(body.collect().await.unwrap().to_bytes(), expected);
    }
}
