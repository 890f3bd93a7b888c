//! One session with a remote server.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method as Verb};
use tokio_util::sync::CancellationToken;

use super::{
    answer::Trouble, headers, http::Http, initialize_params, level_params, listing::Greeting,
};
use crate::{
    call::Client,
    mcp::{Method, Revision, message},
    refusal::Refusal,
};

/// One session with the server.
pub(super) struct Upstream {
    /// What every request of it carries.
    pub(super) headers: HeaderMap,
    /// The server's id for it; without one the server keeps no sessions.
    pub(super) id: Option<HeaderValue>,
    pub(super) greeting: Greeting,
    /// Ends its GET stream.
    pub(super) over: CancellationToken,
}

impl Http {
    /// Opens a session: for a client, or for the gateway itself.
    ///
    /// # Errors
    /// When the server cannot be reached, or does not answer as MCP has it.
    pub(super) async fn open(
        self: &Arc<Self>,
        client: Option<&Client>,
    ) -> Result<Arc<Upstream>, Refusal> {
        let revision = client.map_or(Revision::LATEST, |client| client.revision);
        let params = initialize_params(revision);
        let refused = |trouble: Trouble| trouble.into_refusal(&self.server);
        let asked = self
            .ask_on(&self.headers, Method::Initialize, &params)
            .await;
        let (answer, id) = asked.map_err(refused)?;
        let greeting = Greeting::read(&self.server, &answer)?;
        let mut headers = self.headers.clone();
        if let Ok(version) = HeaderValue::from_str(&greeting.revision) {
            headers.insert(headers::VERSION, version);
        }
        if let Some(id) = &id {
            headers.insert(headers::SESSION, id.clone());
        }
        let ready = message::notification(Method::Initialized, None);
        self.wire.send(Verb::POST, &headers, ready).await?;
        if let Some(level) = client
            .and_then(Client::level)
            .filter(|_| greeting.can("logging"))
        {
            let params = level_params(level);
            let asked = self
                .ask_on(&headers, Method::LoggingSetLevel, &params)
                .await;
            asked.map_err(refused)?;
        }
        let over = CancellationToken::new();
        let upstream = Arc::new(Upstream {
            headers,
            id,
            greeting,
            over,
        });
        let session = client.map(|client| client.session.clone());
        tokio::spawn(super::stream::listen(
            self.clone(),
            upstream.clone(),
            session,
        ));
        Ok(upstream)
    }
}
