//! An answer of our own in pieces that are there already.

use std::array;

use bytes::{Bytes, BytesMut};

use super::Reply;
use crate::mcp::message;

/// A result of this size is not copied into its answer, in bytes.
const LARGE: usize = 16 * 1024;

/// The pieces of one message: what stands before a result, the result, and what stands after it.
#[derive(Debug)]
pub struct Pieces(array::IntoIter<Bytes, 3>);

impl Reply {
    /// The gateway's own answer to the request with that id. A large result, such as a list that
    /// many ask for, goes out of the memory where it stands.
    pub fn result(id: &[u8], result: Bytes) -> Self {
        if result.len() < LARGE {
            return Self::Whole(message::result(id, &result));
        }
        let (before, after) = message::around_result(id);
        Self::Pieces(Pieces([before, result, after].into_iter()))
    }
}

impl Pieces {
    /// How long what is left of it is, in bytes.
    pub fn size(&self) -> usize {
        self.0.as_slice().iter().map(Bytes::len).sum()
    }

    /// In one piece, for those who need it so.
    pub fn joined(self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.size());
        self.for_each(|piece| out.extend_from_slice(&piece));
        out.freeze()
    }
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.0.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_result_is_the_same_answer_as_a_small_one() {
        let text = format!("\"{}\"", "x".repeat(LARGE));
        let Reply::Pieces(pieces) = Reply::result(b"7", text.clone().into()) else {
            panic!("it is copied");
        };
        let expected = message::result(b"7", text.as_bytes());
        assert_eq!(pieces.size(), expected.len());
        assert_eq!(pieces.joined(), expected);
    }
}
