//! `server/discover` and `subscriptions/listen`: what a stateless client has in place of
//! `initialize`, the GET stream and `resources/subscribe`.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::{Pipeline, sessions::keepable};
use crate::{
    authorise,
    call::{Call, Client, ServerName, Target, Visit},
    forward::Sharing,
    limit::{self, Held},
    mcp::{
        Frame, Method, Part, Revision, fields,
        message::{self, json},
        meta,
    },
    observe::{Outcome, Record},
    refusal::Refusal,
    route::View,
    session::{Busy, Filter, Reader, Session},
};

/// Resources that one request may subscribe to.
const RESOURCES: usize = 1000;
/// Subscriptions that are ended at once, when a stream has ended.
const AT_ONCE: usize = 16;

/// A stream of notifications.
pub struct Listening {
    pipeline: Arc<Pipeline>,
    /// Its first message.
    pub acknowledged: Bytes,
    session: Arc<Session>,
    reader: Reader,
    /// The client whose stream it is, and the resources that it is told of.
    client: Arc<Client>,
    resources: Vec<(ServerName, String)>,
    /// The client's own session with it: what serves the client's calls tells of its resources.
    _busy: [Busy; 2],
    /// The request's id: every message carries it.
    id: Bytes,
}

impl Listening {
    /// The next message; nothing when the gateway ends the stream.
    pub async fn next(&mut self) -> Option<Bytes> {
        let (_, message) = tokio::select! {
            biased;
            () = self.session.lapsed() => None,
            message = self.reader.next() => message,
        }?;
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
        self.pipeline.end(self.session.id());
        for (server, uri) in &self.resources {
            self.client.listen(server, uri, false);
        }
        let resources = std::mem::take(&mut self.resources);
        self.pipeline.unlisten(&self.client, resources);
    }
}

impl Pipeline {
    /// The result of `server/discover`.
    pub fn discovery(view: &View, capabilities: &str) -> String {
        let versions = Revision::ALL.iter().rev().map(|revision| revision.as_str());
        let versions: Vec<&str> = versions.collect();
        let instructions = view.instructions.as_ref();
        let instructions = instructions.map(|words| format!(r#","instructions":{}"#, json(words)));
        format!(
            r#"{{"resultType":"complete","supportedVersions":{},"capabilities":{capabilities},"_meta":{{"{}":{}}},"ttlMs":0,"cacheScope":"{}"{}}}"#,
            json(&versions),
            meta::SERVER,
            message::GATEWAY,
            view.cache_scope(),
            instructions.unwrap_or_default()
        )
    }

    /// Opens the stream that a `subscriptions/listen` asks for. What nobody here can tell of is
    /// left out of the acknowledgement.
    ///
    /// # Errors
    /// When the caller has no role, or there is no room for another stream.
    pub async fn listen(
        self: &Arc<Self>,
        asker: &Arc<Session>,
        request: &Frame,
        visit: &Visit,
    ) -> Result<Listening, Refusal> {
        let (sight, view) = self.plan.load().look_on(asker, visit)?;
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
        let session = self.sessions.listen(&asker.client, filter)?;
        session.sees(&sight, &visit.caller);
        self.close_if_stopping(&session);
        // From here on it ends with the request, also if the client goes away meanwhile.
        let mut listening = Listening {
            pipeline: self.clone(),
            acknowledged: Bytes::new(),
            session: session.clone(),
            reader: Reader::open(session.outbox.clone(), None),
            client: asker.client.clone(),
            resources: Vec::new(),
            _busy: [session.busy(), asker.busy()],
            id: request.raw_bytes(Part::Id).unwrap_or_default(),
        };
        let uris = fields::field(wanted, "resourceSubscriptions").unwrap_or("[]");
        let uris = fields::items(uris).unwrap_or_default();
        let behalf = self.plan.load().policy.behalf(visit);
        asker.client.acts_for(behalf);
        let mut agreed = Vec::new();
        for uri in uris.into_iter().filter_map(fields::string).take(RESOURCES) {
            let call = Box::new(Call {
                frame: request.clone(),
                target: Target::Subscription(uri.to_string(), true),
                client: asker.client.clone(),
                visit: visit.clone(),
            });
            let Some((server, mut record, _held)) = self.follows(&view, call).await else {
                continue;
            };
            self.subscriptions.add(&server, &uri, session.id());
            asker.client.listen(&server, &uri, true);
            listening.resources.push((server.clone(), uri.to_string()));
            let servers = self.plan.load().servers.clone();
            match servers.subscribe(&server, &uri, &asker.client).await {
                Ok(()) => {
                    record.end(Outcome::Ok);
                    agreed.push(uri.into_owned());
                }
                Err(refusal) => {
                    record.refuse(&refusal);
                    self.subscriptions.remove(&server, &uri, session.id());
                    asker.client.listen(&server, &uri, false);
                    listening.resources.pop();
                }
            }
        }
        listening.acknowledged = marked(&acknowledgement(filter, &agreed), &listening.id);
        Ok(listening)
    }

    /// The server of a resource, if it may be followed. It is judged, counted and recorded as
    /// `resources/subscribe` is, conditions and all: a server hears of it just the same.
    async fn follows(&self, view: &View, call: Box<Call>) -> Option<(ServerName, Record, Held)> {
        let mut record = Record::open(&self.metrics);
        let admitted = self.admit(view, call, &mut record).await;
        match admitted {
            Ok((server, held)) => Some((server, record, held)),
            Err(refusal) => {
                record.refuse(&refusal);
                None
            }
        }
    }

    async fn admit(
        &self,
        view: &View,
        call: Box<Call>,
        record: &mut Record,
    ) -> Result<(ServerName, Held), Refusal> {
        record.call(&call, self.audit.as_ref())?;
        let plan = self.plan.load_full();
        let permitted = authorise::permit(view, &plan.policy.roles, call)?;
        if let Some(rule) = permitted.rule() {
            record.rule(rule.place().clone());
        }
        let target = &permitted.call().target;
        keepable(target)?;
        let server = view.server(target).cloned();
        let server = server.ok_or_else(|| Refusal::NoRoute(target.clone()))?;
        record.server(&server);
        let limits = plan.policy.limits_of(&permitted.call().visit.caller);
        let mut admitted = limit::admit(limits, permitted, Some(&server), None).await?;
        Ok((server, admitted.hold()))
    }

    /// A stream has ended: what it was told of is wanted no longer, unless by others.
    fn unlisten(self: &Arc<Self>, client: &Arc<Client>, resources: Vec<(ServerName, String)>) {
        let mut unheard = resources;
        unheard.retain(|(server, uri)| !self.is_heard(client, server, uri));
        if unheard.is_empty() {
            return;
        }
        let (pipeline, client) = (self.clone(), client.clone());
        let each = move |(server, uri): (ServerName, String)| {
            let (pipeline, client) = (pipeline.clone(), client.clone());
            async move { pipeline.unsubscribe(&client, &server, &uri).await }
        };
        tokio::spawn(stream::iter(unheard).for_each_concurrent(AT_ONCE, each));
    }

    async fn unsubscribe(&self, client: &Arc<Client>, server: &ServerName, uri: &str) {
        let servers = self.plan.load().servers.clone();
        servers.unsubscribe_for(server, uri, client).await;
        // Whoever has come meanwhile may have been heard by the server before this.
        if self.is_heard(client, server, uri) {
            drop(servers.subscribe(server, uri, client).await);
        }
    }

    /// Whether anybody whom a client's connection serves is told of a resource.
    fn is_heard(&self, client: &Client, server: &ServerName, uri: &str) -> bool {
        match self.plan.load().servers.sharing(server) {
            Sharing::Everybody => true, // what nobody wants ends with the last session
            Sharing::Caller => self.caller_listens(&client.identity, server, uri),
            Sharing::Nobody => client.hears_of(server, uri),
        }
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
