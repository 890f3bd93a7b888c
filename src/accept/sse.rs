//! The legacy HTTP+SSE transport in front (2024-11-05): `GET /sse` opens a stream whose first
//! event names the address to post to; every answer comes on the stream.

use std::sync::Arc;

use bytes::Bytes;
use dashmap::DashMap;
use futures_util::{StreamExt, stream};
use http::{Response, StatusCode, Uri};
use tokio::{sync::mpsc, time::sleep};

use super::{
    HEARTBEAT,
    body::Body,
    conversation::Conversation,
    response::{events, status},
};
use crate::{call::Visit, mcp::sse, pipeline::Pipeline, refusal::Refusal, session::random_id};

/// The open streams.
#[derive(Default)]
pub(super) struct Streams {
    open: Arc<DashMap<Arc<str>, Arc<Conversation>>>,
}

impl Streams {
    /// Opens a stream for a caller.
    ///
    /// # Errors
    /// When the caller has no role, or the system no randomness for its id.
    pub(super) fn open(
        &self,
        pipeline: &Arc<Pipeline>,
        visit: &Visit,
        max_message: usize,
    ) -> Result<Response<Body>, Refusal> {
        pipeline.look(visit)?;
        let id = random_id().ok_or(Refusal::SessionsFull)?;
        let (conversation, queue) = Conversation::new(pipeline.clone(), visit, max_message);
        let conversation = Arc::new(conversation);
        self.open.insert(id.clone(), conversation.clone());
        let endpoint = format!("event: endpoint\ndata: /messages?session_id={id}\n\n");
        let first = stream::iter([Bytes::from(endpoint)]);
        let open = Open {
            id,
            all: self.open.clone(),
            conversation,
        };
        // Asked when it stands among the others, who are told of the end. Without an address, the
        // client asks again, whoever serves then.
        if pipeline.stopping.is_cancelled() {
            return Ok(events(Body::Whole(sse::HEARTBEAT)));
        }
        let rest = stream::unfold((queue, open), |(mut queue, open)| async {
            let event = next(&mut queue, &open).await?;
            Some((event, (queue, open)))
        });
        Ok(events(Body::Events(Box::pin(first.chain(rest)))))
    }

    /// Ends every stream once its calls are done. Those that take too long end with the connection
    /// that the stream is on.
    pub(super) fn close(&self) {
        for open in self.open.iter() {
            let conversation = open.value().clone();
            tokio::spawn(async move {
                conversation.answered().await;
                conversation.end();
            });
        }
    }

    /// The stream that a message is posted to. What the caller is on the POST counts, and must
    /// be what it was when it opened the stream.
    ///
    /// # Errors
    /// The same for an unknown stream and for somebody else's.
    pub(super) fn find(&self, uri: &Uri, visit: &Visit) -> Result<Arc<Conversation>, Refusal> {
        let query = uri.query().unwrap_or_default();
        let pair = |pair: &str| pair.strip_prefix("session_id=").map(str::to_owned);
        let id = query
            .split('&')
            .find_map(pair)
            .ok_or(Refusal::SessionUnknown)?;
        let found = self.open.get(id.as_str()).map(|open| open.clone());
        found
            .filter(|open| open.identity == visit.caller.identity)
            .ok_or(Refusal::SessionUnknown)
    }
}

/// Answers a POST: what it says is answered on the stream.
///
/// # Errors
/// When the body is not a message.
pub(super) async fn post(
    conversation: &Conversation,
    body: &Bytes,
    mut visit: Visit,
) -> Result<Response<Body>, Refusal> {
    // By which path it came in is what the stream says; who it is, the POST.
    visit.extent = conversation.extent.clone();
    conversation.take(body, &visit).await?;
    Ok(status(StatusCode::ACCEPTED))
}

async fn next(queue: &mut mpsc::Receiver<Bytes>, open: &Open) -> Option<Bytes> {
    let conversation = &open.conversation;
    let over = conversation.over();
    tokio::select! {
        biased; // what has been said by the end is still sent
        message = queue.recv() => message.map(|message| sse::event(None, &message)),
        () = over.cancelled() => None,
        () = conversation.lapsed() => None,
        () = sleep(HEARTBEAT) => Some(sse::HEARTBEAT),
    }
}

/// While this lives, its stream is open.
struct Open {
    id: Arc<str>,
    all: Arc<DashMap<Arc<str>, Arc<Conversation>>>,
    conversation: Arc<Conversation>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.all.remove(&self.id).is_some() {
            self.conversation.end();
        }
    }
}
