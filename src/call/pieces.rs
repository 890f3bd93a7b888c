//! An answer of our own in pieces that are there already.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{Ready, Reply};
use crate::mcp::message;

/// The pieces of one message: what stands before a result, the result, and what stands after it.
#[derive(Debug)]
pub struct Pieces {
    before: Bytes,
    result: Arc<Ready>,
    after: Bytes,
    packed: bool,
}

impl Reply {
    /// The gateway's own answer to the request with that id.
    pub fn ready(id: &[u8], result: Arc<Ready>) -> Self {
        let (before, after) = message::around_result(id);
        Self::Pieces(Pieces {
            before,
            result,
            after,
            packed: false,
        })
    }
}

impl Pieces {
    /// The result without what stands around it.
    #[must_use]
    pub fn bare(self) -> Self {
        let (before, after) = (Bytes::new(), Bytes::new());
        Self {
            before,
            after,
            ..self
        }
    }

    /// How long the message is, in bytes.
    pub fn size(&self) -> usize {
        self.before.len() + self.result.bytes().len() + self.after.len()
    }

    /// Whether those who can unpack it get it packed.
    pub fn is_worth_packing(&self) -> bool {
        self.result.is_worth_packing()
    }

    /// Makes it one member of gzip, if that saves something.
    pub async fn pack(&mut self) {
        self.result.pack().await;
        self.packed = self.result.packed().is_some();
    }

    /// Whether it is one member of gzip.
    pub fn is_packed(&self) -> bool {
        self.packed
    }

    /// One after the other, as they are to be sent.
    pub fn apart(self) -> [Bytes; 3] {
        match self.result.packed().filter(|_| self.packed) {
            Some(packed) => packed.between(&self.before, &self.after),
            None => [self.before, self.result.bytes().clone(), self.after],
        }
    }

    /// In one piece, not packed, for those who need it so.
    pub fn joined(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.size());
        for piece in [&self.before, self.result.bytes(), &self.after] {
            out.extend_from_slice(piece);
        }
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_stands_ready_is_the_same_answer_as_one_that_is_made() {
        let result = Bytes::from_static(br#"{"tools":[]}"#);
        let ready = Arc::new(Ready::from(result.clone()));
        let Reply::Pieces(pieces) = Reply::ready(b"7", ready) else {
            panic!("it is copied");
        };
        let expected = message::result(b"7", &result);
        assert_eq!(pieces.size(), expected.len());
        assert_eq!(pieces.joined(), expected);
        assert_eq!(pieces.apart().concat(), expected);
    }
}
