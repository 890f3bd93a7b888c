//! One session with a remote server.

use std::{borrow::Cow, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue, Method as Verb};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    answer::Trouble,
    headers::{self, Extra},
    http::Http,
    initialize_params, level_params,
    listing::Greeting,
    uri_params,
};
use crate::{
    call::Client,
    mcp::{Method, message},
};

/// How long the first call waits for the stream of notifications to open. Some servers send no
/// headers before the first event.
const READY: Duration = Duration::from_millis(500);

/// One session with the server.
pub(super) struct Upstream {
    /// What every request of it carries.
    headers: HeaderMap,
    /// What the last call on it carried of its caller's.
    last: ArcSwap<Extra>,
    /// The server's id for it; without one the server keeps no sessions.
    pub(super) id: Option<HeaderValue>,
    pub(super) greeting: Greeting,
    /// Since when it stands.
    pub(super) since: Instant,
    /// Ends its GET stream.
    pub(super) over: CancellationToken,
}

impl Upstream {
    /// The headers of a request that carries this of a caller's.
    pub(super) fn headers(&self, extra: &Extra) -> Cow<'_, HeaderMap> {
        extra.over(&self.headers)
    }

    /// The headers of a request that no call is the reason for.
    pub(super) fn last(&self) -> Cow<'_, HeaderMap> {
        self.last.load().over(&self.headers)
    }

    /// A call carries this of its caller's, who is the one whom it serves.
    pub(super) fn carries(&self, extra: &Extra) {
        if **self.last.load() != *extra {
            self.last.store(Arc::new(extra.clone()));
        }
    }
}

impl Http {
    /// Opens a session: for a client, or for the gateway itself.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not answer as MCP has it.
    pub(super) async fn open(
        self: &Arc<Self>,
        client: Option<&Arc<Client>>,
        extra: &Extra,
    ) -> Result<Arc<Upstream>, Trouble> {
        let params = initialize_params(client.map(Arc::as_ref));
        let asked = self
            .ask_on(
                &extra.over(&self.headers.fixed),
                Method::Initialize,
                &params,
            )
            .await;
        let (answer, id) = asked?;
        let greeting = Greeting::read(&self.wire.outlet.server, &answer)?;
        let mut headers = self.headers.fixed.clone();
        if let Ok(version) = HeaderValue::from_str(&greeting.revision) {
            headers.insert(headers::VERSION, version);
        }
        if let Some(id) = &id {
            headers.insert(headers::SESSION, id.clone());
        }
        let with_extra = extra.over(&headers);
        let ready = message::notification(Method::Initialized, None);
        self.wire.send(Verb::POST, &with_extra, ready).await?;
        if let Some(level) = client
            .and_then(|client| client.level())
            .filter(|_| greeting.can("logging"))
        {
            let params = level_params(level);
            let asked = self
                .ask_on(&with_extra, Method::LoggingSetLevel, &params)
                .await;
            asked?;
        }
        let watched = client.map(|client| client.watched(&self.wire.outlet.server));
        for uri in watched.unwrap_or_default() {
            // The session before this one was asked; this one has forgotten.
            let params = uri_params(&uri);
            self.ask_on(&with_extra, Method::ResourcesSubscribe, &params)
                .await?;
        }
        let over = CancellationToken::new();
        let upstream = Arc::new(Upstream {
            last: ArcSwap::from_pointee(extra.clone()),
            headers,
            id,
            greeting,
            since: Instant::now(),
            over,
        });
        let ready = super::stream::listen(self, &upstream, client);
        if client.is_some() {
            // What a server asks or says during the first call may come on the stream, and is
            // lost where there is none yet.
            drop(timeout(READY, ready).await);
        }
        Ok(upstream)
    }
}
