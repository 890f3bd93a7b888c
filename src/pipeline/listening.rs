//! `server/discover` and `subscriptions/listen`: what a stateless client has in place of
//! `initialize`, the GET stream and `resources/subscribe`.

use std::sync::Arc;

use bytes::Bytes;

use super::Pipeline;
use crate::{
    mcp::{
        Frame, Method, Part, Revision, fields,
        message::{self, json},
        meta,
    },
    refusal::Refusal,
    session::{Busy, Filter, Reader, Session},
};

/// Resources that one request may subscribe to.
const RESOURCES: usize = 1000;

/// A stream of notifications.
pub struct Listening {
    pipeline: Arc<Pipeline>,
    /// Its first message.
    pub acknowledged: Bytes,
    session: Arc<str>,
    reader: Reader,
    /// The client's own session with it: what serves the client's calls tells of its resources.
    _busy: [Busy; 2],
    /// The request's id: every message carries it.
    id: Bytes,
}

impl Listening {
    /// The next message; nothing when the gateway ends the stream.
    pub async fn next(&mut self) -> Option<Bytes> {
        let (_, message) = self.reader.next().await?;
        Some(marked(&message, &self.id))
    }

    /// The answer to the request, when the gateway ends the stream.
    pub fn answer(&self) -> Bytes {
        let id = String::from_utf8_lossy(&self.id);
        let mark = format!(r#""_meta":{{"{}":{id}}}"#, meta::SUBSCRIPTION);
        let result = format!(r#"{{"resultType":"complete",{mark}}}"#);
        message::result(&self.id, result.as_bytes())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.pipeline.end(&self.session);
    }
}

impl Pipeline {
    /// The result of `server/discover`.
    pub fn discovery(&self, capabilities: &str) -> String {
        let versions = Revision::ALL.iter().rev().map(|revision| revision.as_str());
        let versions: Vec<&str> = versions.collect();
        let instructions = self.plan.load().view.instructions.clone();
        let instructions = instructions.map(|words| format!(r#","instructions":{}"#, json(&words)));
        format!(
            r#"{{"resultType":"complete","supportedVersions":{},"capabilities":{capabilities},"_meta":{{"{}":{{"name":"mcpgate","version":"{}"}}}},"ttlMs":0,"cacheScope":"public"{}}}"#,
            json(&versions),
            meta::SERVER,
            env!("CARGO_PKG_VERSION"),
            instructions.unwrap_or_default()
        )
    }

    /// Opens the stream that a `subscriptions/listen` asks for. What nobody here can tell of is
    /// left out of the acknowledgement.
    ///
    /// # Errors
    /// When there is no room for another stream.
    pub async fn listen(
        self: &Arc<Self>,
        asker: &Arc<Session>,
        request: &Frame,
    ) -> Result<Listening, Refusal> {
        let wanted = request
            .params()
            .and_then(|params| fields::field(params, "notifications"));
        let wanted = wanted.ok_or(Refusal::Params("`notifications` is missing"))?;
        let on = |key| fields::field(wanted, key) == Some("true");
        let filter = Filter {
            tools: on("toolsListChanged"),
            prompts: on("promptsListChanged"),
            resources: on("resourcesListChanged"),
        };
        let session = self.sessions.listen(asker.caller().clone(), filter)?;
        // From here on it ends with the request, also if the client goes away meanwhile.
        let mut listening = Listening {
            pipeline: self.clone(),
            acknowledged: Bytes::new(),
            session: session.id().clone(),
            reader: Reader::open(session.outbox.clone(), None),
            _busy: [session.busy(), asker.busy()],
            id: request.raw_bytes(Part::Id).unwrap_or_default(),
        };
        let uris = fields::field(wanted, "resourceSubscriptions").unwrap_or("[]");
        let uris = fields::items(uris).unwrap_or_default();
        let mut agreed = Vec::new();
        for uri in uris.into_iter().filter_map(fields::string).take(RESOURCES) {
            let server = self.plan.load().view.server_of(&uri).cloned();
            let Some(server) = server else { continue };
            self.subscriptions.add(&server, &uri, session.id());
            let servers = self.plan.load().servers.clone();
            match servers.subscribe(&server, &uri, &asker.client).await {
                Ok(()) => agreed.push(uri.into_owned()),
                Err(_) => drop(self.subscriptions.remove(&server, &uri, session.id())),
            }
        }
        listening.acknowledged = marked(&acknowledgement(filter, &agreed), &listening.id);
        Ok(listening)
    }
}

fn acknowledgement(filter: Filter, resources: &[String]) -> Bytes {
    let mut members = Vec::new();
    for (wanted, key) in [
        (filter.tools, "toolsListChanged"),
        (filter.prompts, "promptsListChanged"),
        (filter.resources, "resourcesListChanged"),
    ] {
        if wanted {
            members.push(format!(r#""{key}":true"#));
        }
    }
    if !resources.is_empty() {
        members.push(format!(r#""resourceSubscriptions":{}"#, json(&resources)));
    }
    let params = format!(r#"{{"notifications":{{{}}}}}"#, members.join(","));
    message::notification(Method::SubscriptionsAcknowledged, Some(&params))
}

/// A notification with the id of the subscription that it belongs to.
fn marked(notification: &Bytes, id: &[u8]) -> Bytes {
    let id = String::from_utf8_lossy(id);
    let mark = format!(r#""{}":{id}"#, meta::SUBSCRIPTION);
    let Ok(frame) = Frame::parse(notification.clone()) else {
        return notification.clone();
    };
    let changed = crate::bridge::with_params(&frame, |params| meta::with(params, &mark));
    changed.map_or_else(|_| notification.clone(), Frame::into_bytes)
}
