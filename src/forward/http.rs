//! A streamable HTTP server: one session with it for the gateway itself, which fetches the lists,
//! and one for each client, opened at its first call.
//!
//! So ids, progress tokens, subscriptions and log levels of two clients never meet, the client's
//! id can stay, and a large answer streams through unread. A server that gives no session id
//! keeps no sessions; then one connection serves everybody.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    answer::Trouble,
    clients::Clients,
    headers::{Extra, Headers, traced},
    life::Life,
    listing::Greeting,
    sending::{Again, Try},
    server::COURTESY,
    upstream::Upstream,
    wire::Wire,
    withdrawal::Withdrawal,
};
use crate::{
    call::{Client, Identity, Reply},
    exchange::Exchange,
    mcp::{Frame, Method, Part, Revision, message},
    refusal::Refusal,
    route::Routed,
};

/// A remote server and the sessions held with it.
pub(super) struct Http {
    pub(super) wire: Wire,
    pub(super) headers: Headers,
    pub(super) own: ArcSwapOption<Upstream>,
    pub(super) clients: Clients,
    /// How long opening a session may take.
    pub(super) patience: Duration,
    next_id: AtomicU64,
    life: Mutex<Life>,
    /// Sessions that open or end at the server, which the gateway's own end waits for.
    pub(super) passages: TaskTracker,
    /// For whom the gateway's own requests are made.
    pub(super) nobody: Arc<Client>,
}

impl Http {
    /// A way to the server; nothing is sent yet.
    pub(super) fn new(wire: Wire, headers: Headers, patience: Duration) -> Arc<Self> {
        let nobody = Client::new("".into(), Identity::Local, Revision::LATEST, "{}", "{}");
        Arc::new(Self {
            wire,
            headers,
            own: ArcSwapOption::empty(),
            clients: Clients::default(),
            patience,
            // In a client's session our ids stand beside its own, and it counts from one.
            next_id: AtomicU64::new(1_000_000_000),
            life: Mutex::default(),
            passages: TaskTracker::new(),
            nobody: Arc::new(nobody),
        })
    }

    /// The life of the gateway's own session.
    pub(super) fn life(&self) -> Life {
        self.life
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Opens the gateway's own session.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not answer as MCP has it.
    pub(super) async fn open_own(self: &Arc<Self>) -> Result<Greeting, Trouble> {
        let life = Life::default();
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
        let upstream = self.open(None, &Extra::default()).await?;
        let greeting = upstream.greeting.clone();
        if let Some(old) = self.own.swap(Some(upstream)) {
            old.over.cancel();
        }
        Ok(greeting)
    }

    /// A number that no other request on any of the sessions has.
    pub(super) fn number(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Carries one call.
    ///
    /// # Errors
    /// When the server cannot be reached, goes away, or does not answer as MCP has it.
    pub(super) async fn call(
        self: &Arc<Self>,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let client = &routed.call().client;
        let frame = &routed.call().frame;
        let body = match routed.rename() {
            Some(edit) => frame.with(&[edit]),
            None => frame.bytes().clone(),
        };
        let extra = self.headers.of_call(routed)?;
        let upstream = self.upstream(client, &extra).await?;
        let headers = traced(upstream.headers(&extra), routed.trace());
        let again = self.wire.again(routed);
        let request = (frame, &body, again);
        match self.attempt((&upstream, &headers), request, exchange).await {
            Ok(reply) => return Ok(reply),
            Err(trouble @ (Trouble::Refused(_) | Trouble::Status(_) | Trouble::Busy)) => {
                return Err(again.refusal(trouble, &self.wire.outlet.server));
            }
            // The server has forgotten the session, so it has not looked at the call.
            Err(Trouble::SessionLost) => self.forget(client, &upstream),
        }
        if let Some(trace) = routed.trace() {
            trace.note("session_reopened", || ("reason", "forgotten".to_owned()));
        }
        let upstream = self.upstream(client, &extra).await?;
        let headers = traced(upstream.headers(&extra), routed.trace());
        // Boxed, like all that is rare: every call pays for the size of its future.
        let reopened = Box::pin(self.attempt((&upstream, &headers), request, exchange));
        reopened
            .await
            .map_err(|trouble| again.refusal(trouble, &self.wire.outlet.server))
    }

    /// Asks something on the gateway's own session.
    ///
    /// # Errors
    /// As for [`Http::call`].
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Refusal> {
        let Some(own) = self.own.load_full() else {
            return Err(Refusal::Unavailable {
                server: self.wire.outlet.server.to_string(),
                reason: "it is still starting".to_owned(),
            });
        };
        let asked = self.ask_on(&own.last(), method, params).await;
        asked.map(|(frame, _)| frame).map_err(|trouble| {
            if matches!(trouble, Trouble::SessionLost) {
                self.life().end(
                    "it has forgotten the gateway's session".to_owned(),
                    Vec::new(),
                );
            }
            trouble.into_refusal(&self.wire.outlet.server)
        })
    }

    /// Asks something on the session that serves a client.
    ///
    /// # Errors
    /// As for [`Http::call`].
    pub(super) async fn ask_for(
        self: &Arc<Self>,
        client: &Arc<Client>,
        method: Method,
        params: &str,
    ) -> Result<Frame, Refusal> {
        let extra = self.headers.of_behalf(client.behalf().as_ref())?;
        let upstream = self.upstream(client, &extra).await?;
        let headers = upstream.headers(&extra);
        let mut asked = self.ask_on(&headers, method, params).await;
        if matches!(asked, Err(Trouble::SessionLost)) {
            self.forget(client, &upstream);
            let upstream = self.upstream(client, &extra).await?;
            let headers = upstream.headers(&extra);
            asked = self.ask_on(&headers, method, params).await;
        }
        asked
            .map(|(frame, _)| frame)
            .map_err(|trouble| trouble.into_refusal(&self.wire.outlet.server))
    }

    /// Asks something on the session held for a client, if there is one yet.
    ///
    /// # Errors
    /// As for [`Http::call`].
    pub(super) async fn ask_held(
        &self,
        client: &Client,
        method: Method,
        params: &str,
    ) -> Result<(), Refusal> {
        let cell = self.clients.get(&client.session).map(|cell| cell.clone());
        let Some(upstream) = cell.and_then(|cell| cell.get().cloned()) else {
            return Ok(());
        };
        let asked = self.ask_on(&upstream.last(), method, params).await;
        asked
            .map(drop)
            .map_err(|trouble| trouble.into_refusal(&self.wire.outlet.server))
    }

    /// Ends every session, politely, and sees out those that are ending.
    pub(super) async fn leave(&self) {
        let mut all: Vec<_> = self.own.swap(None).into_iter().collect();
        all.extend(self.clients.iter().filter_map(|cell| cell.get().cloned()));
        self.clients.clear();
        for upstream in &all {
            self.dismiss(upstream);
        }
        self.passages.close();
        // One that is opening in this moment ends when it is open.
        if timeout(COURTESY, self.passages.wait()).await.is_err() {
            let server = &self.wire.outlet.server;
            tracing::debug!(%server, "it does not take leave of its sessions");
        }
    }

    /// Asks with a number of our own; also gives the session id that came with the answer.
    pub(super) async fn ask_on(
        &self,
        headers: &HeaderMap,
        method: Method,
        params: &str,
    ) -> Result<(Frame, Option<HeaderValue>), Trouble> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let body = message::request(id, method, params);
        // What opens a session, or changes one, is not done twice.
        let again = match matches!(method, Method::List(_) | Method::Ping) {
            true => Again::Unanswered,
            false => Again::Unseen,
        };
        let response = self.wire.post(headers, &body, again).await?;
        let session = response.session.clone();
        let number = id.to_string();
        let reply = self
            .read(
                headers,
                response,
                number.as_bytes(),
                &Exchange::new(self.nobody.clone(), None),
            )
            .await?;
        let bytes = self.wire.whole(reply).await?;
        let frame = Frame::parse(bytes).map_err(|error| {
            super::listing::garbled(&self.wire.outlet.server, error.to_string())
        })?;
        Ok((frame, session))
    }

    async fn attempt(
        self: &Arc<Self>,
        (upstream, headers): (&Arc<Upstream>, &HeaderMap),
        (frame, body, again): (&Frame, &Bytes, Try<'_>),
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Trouble> {
        let id = frame.raw(Part::Id).unwrap_or("null").as_bytes();
        let withdrawal = Withdrawal::new(self, (upstream, headers), exchange, id);
        let response = self.wire.post(headers, body, again).await;
        let answered = async {
            let response = response?;
            self.read(headers, response, id, exchange).await
        };
        let reply = answered.await;
        withdrawal.settled();
        reply
    }
}
