//! What comes of a request.

use crate::{call::Reply, limit::Held, observe::Record, refusal::Refusal};

/// The answer to a request. The record closes when it is dropped: with the last byte, or when
/// the client hangs up.
pub struct Answer {
    /// What the client gets.
    pub reply: Reply,
    /// Why it is the gateway's no, if it is one.
    pub refusal: Option<Box<Refusal>>,
    /// What is kept of it.
    pub record: Record,
    /// The room that it takes.
    pub held: Held,
}

impl Answer {
    /// What the gateway says itself, which takes no room.
    pub(super) fn of(reply: Reply, record: Record) -> Self {
        Self {
            reply,
            refusal: None,
            record,
            held: Held::default(),
        }
    }

    /// The gateway's no to the request with that id, on a session or without one.
    pub(super) fn refused(
        refusal: Refusal,
        stateless: bool,
        mut record: Record,
        id: &[u8],
    ) -> Self {
        record.refuse(&refusal);
        let refusal = if stateless {
            refusal.stateless()
        } else {
            refusal
        };
        Self {
            reply: Reply::Whole(refusal.message(Some(id))),
            refusal: Some(Box::new(refusal)),
            record,
            held: Held::default(),
        }
    }
}
