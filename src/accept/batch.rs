//! Several messages as one (2025-03-26, Transports; JSON-RPC 2.0, Batch).
//!
//! What is not a request is heard first, the requests run at once, and their answers leave
//! together. What precedes them goes ahead where the channel has a way for it.

use std::{future::ready, pin::Pin, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Response, StatusCode};

use super::{
    begin,
    body::{Body, whole},
    conversation::{AT_ONCE, Conversation},
    response::{events, json, status},
};
use crate::{
    call::Visit,
    mcp::{Frame, Kind, Malformed, Part, sse},
    pipeline::Pipeline,
    refusal::Refusal,
    session::Session,
};

/// Answers a batch over HTTP with one array in which each request has its answer; with a stream,
/// if the client reads one and something precedes an answer.
///
/// # Errors
/// When the client's revision has no batches, or it is too long.
pub(super) async fn answer(
    pipeline: &Arc<Pipeline>,
    session: &Arc<Session>,
    (frames, visit): (Vec<Frame>, &Visit),
    streams: bool,
    limit: usize,
) -> Result<Response<Body>, Refusal> {
    allow(session, frames.len())?;
    let (requests, others): (Vec<_>, Vec<_>) = frames
        .into_iter()
        .partition(|frame| frame.kind() == Kind::Request);
    for frame in others {
        pipeline.hear(session, frame);
    }
    let answered = requests.into_iter().map(async |frame| {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let (call, exchange) = begin(pipeline, session, frame, visit.clone());
        exchange.mute(); // the answers leave together
        let answer = call.await;
        let message = whole(answer.reply, &id, limit).await;
        (exchange, message)
    });
    let answered = join_all(answered).await;
    if streams && answered.iter().any(|(exchange, _)| exchange.has_message()) {
        let mut out = Vec::new();
        for (exchange, message) in answered {
            while let Some(told) = exchange.take() {
                out.extend_from_slice(&sse::event(None, &told.into_message()));
            }
            let message = message.map(|message| sse::event(None, &message));
            out.extend(message.into_iter().flatten());
        }
        return Ok(events(Body::Whole(out.into())));
    }
    let answers = answered.into_iter().map(|(_, message)| message);
    Ok(match array(answers) {
        Some(array) => json(StatusCode::OK, array),
        None => status(StatusCode::ACCEPTED),
    })
}

/// An answer of a batch, when it is there.
type Due = Pin<Box<dyn Future<Output = Option<Bytes>> + Send>>;

impl Conversation {
    /// Takes a batch. A member that is no message has its error among the answers. What precedes
    /// an answer is said at once, questions too: this channel can carry them meanwhile.
    ///
    /// # Errors
    /// When the client's revision has no batches, or it is too long.
    pub(super) async fn batch(&self, messages: Vec<Bytes>, visit: &Visit) -> Result<(), Refusal> {
        let session = self.session().ok_or_else(without_batches)?;
        allow(session, messages.len())?;
        let mut asked = Vec::with_capacity(messages.len());
        for message in messages {
            match Frame::parse(message) {
                Ok(frame) if frame.kind() != Kind::Request => self.hear(frame),
                member => asked.push(member),
            }
        }
        // All at once: two batches that each had half of the room would wait for ever.
        let Some(room) = self.room(asked.len()).await else {
            return Ok(());
        };
        let due = asked.into_iter().map(|member| match member {
            Ok(frame) => Box::pin(self.start(session, frame, visit)) as Due,
            Err(error) => Box::pin(ready(Some(Refusal::from(error).message(None)))),
        });
        let due = join_all(due);
        self.run(room, async { array(due.await) });
        Ok(())
    }
}

fn allow(session: &Session, messages: usize) -> Result<(), Refusal> {
    if !session.client.revision.has_batches() {
        return Err(without_batches());
    }
    if messages > AT_ONCE {
        let words = format!("a batch of more than {AT_ONCE} messages");
        return Err(Malformed::Shape(words).into());
    }
    Ok(())
}

fn without_batches() -> Refusal {
    Malformed::Shape("the agreed revision has no batches".to_owned()).into()
}

/// The answers as one message; nothing where there are none, as of requests that were cancelled.
fn array(answers: impl IntoIterator<Item = Option<Bytes>>) -> Option<Bytes> {
    let answers: Vec<Bytes> = answers.into_iter().flatten().collect();
    if answers.is_empty() {
        return None;
    }
    Some([b"[", &*answers.join(&b","[..]), b"]"].concat().into())
}
