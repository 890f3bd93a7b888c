//! Several requests as one message (2025-03-26, Transports).

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::{Response, StatusCode};

use super::{
    begin,
    body::{Body, whole},
    response::{events, json, status},
};
use crate::{
    mcp::{Frame, Part, sse},
    pipeline::Pipeline,
    session::Session,
};

/// Answers them with one array in which each has its answer; with a stream, if the client reads
/// one and something precedes an answer.
pub(super) async fn answer(
    pipeline: &Arc<Pipeline>,
    session: &Arc<Session>,
    requests: Vec<Frame>,
    streams: bool,
    limit: usize,
) -> Response<Body> {
    let answered = requests.into_iter().map(async |frame| {
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let (call, exchange) = begin(pipeline, session, frame);
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
            out.extend(
                message
                    .map(|message| sse::event(None, &message))
                    .into_iter()
                    .flatten(),
            );
        }
        return events(Body::Whole(out.into()));
    }
    // Those that were cancelled have none.
    let messages: Vec<Bytes> = answered
        .into_iter()
        .filter_map(|(_, message)| message)
        .collect();
    if messages.is_empty() {
        return status(StatusCode::ACCEPTED);
    }
    json(
        StatusCode::OK,
        [b"[", &*messages.join(&b","[..]), b"]"].concat().into(),
    )
}
