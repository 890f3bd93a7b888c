//! The parts of a message that a gateway has to see, and where they stand.

use super::{Malformed, fields::Span};

/// A field whose place in a message is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// `id`
    Id,
    /// `method`
    Method,
    /// `result`
    Result,
    /// `error`
    Error,
    /// `params.name`
    Name,
    /// `params.uri`
    Uri,
    /// `params.ref.name`
    RefName,
    /// `params.ref.uri`
    RefUri,
    /// `params._meta.progressToken`: under what the sender wants to hear of progress.
    MetaToken,
    /// `params.progressToken`: whose progress a notification tells.
    Token,
    /// `params.requestId`: what a notification cancels.
    RequestId,
    /// `params.taskId`: the task that a request or a notification is about.
    TaskId,
    /// `params._meta.io.modelcontextprotocol/protocolVersion`: a request that stands for itself.
    Version,
    /// `params._meta.io.modelcontextprotocol/clientCapabilities`
    Capabilities,
    /// `params._meta.io.modelcontextprotocol/clientInfo`
    Info,
    /// `params._meta.io.modelcontextprotocol/logLevel`
    Level,
    /// `params.arguments`
    Arguments,
}

/// How many there are.
const PARTS: usize = 17;

/// Where each part stands, in as little memory as can be: frames are handed on a lot. The end of a
/// part that is not there is 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Spans([(u32, u32); PARTS]);

impl Spans {
    pub(super) fn get(&self, part: Part) -> Option<Span> {
        let (start, end) = *self.0.get(part as usize)?;
        (end > 0).then_some(start as usize..end as usize)
    }

    /// The byte that a part of this text begins with.
    pub(super) fn first(&self, text: &[u8], part: Part) -> Option<u8> {
        let (start, end) = *self.0.get(part as usize)?;
        if end == 0 {
            return None;
        }
        text.get(start as usize).copied()
    }

    pub(super) fn set(&mut self, part: Part, span: Span) -> Result<(), Malformed> {
        let place = |at: usize| u32::try_from(at).map_err(|_beyond| Malformed::Size);
        self.put(part, (place(span.start)?, place(span.end)?));
        Ok(())
    }

    pub(super) fn put(&mut self, part: Part, span: (u32, u32)) {
        if let Some(slot) = self.0.get_mut(part as usize) {
            *slot = span;
        }
    }

    /// Sets a part that is not there yet; says whether that was so.
    pub(super) fn fill(&mut self, part: Part, span: (u32, u32)) -> bool {
        match self.0.get_mut(part as usize) {
            Some(slot @ (_, 0)) => {
                *slot = span;
                true
            }
            _ => false,
        }
    }

    pub(super) fn clear(&mut self, part: Part) {
        self.put(part, (0, 0));
    }
}
