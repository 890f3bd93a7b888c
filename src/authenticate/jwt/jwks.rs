//! The keys that an issuer publishes at a URL, fetched when they are needed and kept for a while.
//!
//! One fetch at a time serves all who wait, and the next starts 10 s later at the earliest, so
//! that made-up key ids are no way to flood an issuer through us. A fetch is a task of its own:
//! whoever asked for it may hang up, and the others get their keys all the same.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use http::Uri;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Algorithm, Rejected, fetch::fetch, jwk, keys::PublicKey};
use crate::forward::Trust;

/// From the start of one fetch to that of the next.
const PAUSE: Duration = Duration::from_secs(10);
/// How long keys outlive their time while new ones cannot be had.
const GRACE: Duration = Duration::from_secs(3600);

/// The key set of one issuer.
pub(super) struct Jwks {
    /// The name of its table, for the log.
    name: Arc<str>,
    uri: Uri,
    refresh: Duration,
    /// Whom TLS trusts; without it, those whom this machine does.
    trust: Option<Trust>,
    held: ArcSwapOption<Held>,
    /// Whether the last fetch did.
    failed: AtomicBool,
    latest: Mutex<Option<Fetch>>,
}

/// Keys, and when they were asked for.
struct Held {
    keys: Vec<Arc<PublicKey>>,
    since: Instant,
}

struct Fetch {
    started: Instant,
    /// Cancelled when it has ended, however it did.
    over: CancellationToken,
}

impl Jwks {
    /// Nothing is fetched yet.
    pub(super) fn new(
        name: Arc<str>,
        (uri, refresh): (Uri, Duration),
        trust: Option<Trust>,
    ) -> Self {
        let is_local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if uri.scheme_str() != Some("https") && !is_local {
            let words = "without TLS whoever sits between can put keys of their own in";
            tracing::warn!(issuer = %name, "`jwks_url` is http: {words}");
        }
        Self {
            name,
            uri,
            refresh,
            trust,
            held: ArcSwapOption::empty(),
            failed: AtomicBool::new(false),
            latest: Mutex::new(None),
        }
    }

    /// Whether the other would fetch the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let table = |it: &Self| {
            (
                it.name.clone(),
                it.uri.clone(),
                it.refresh,
                it.trust.clone(),
            )
        };
        table(self) == table(other)
    }

    /// Fetches in the background, if that was never done.
    pub(super) fn prefetch(self: &Arc<Self>) {
        if self.held.load().is_none() {
            self.start();
        }
    }

    /// The key for a token.
    ///
    /// # Errors
    /// When the issuer has none for it, or cannot be asked.
    pub(super) async fn key(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<PublicKey>, Rejected> {
        let (found, age) = self.look_up(kid, algorithm);
        if age < self.refresh && !matches!(found, Err(Rejected::UnknownKey)) {
            // In the last fifth of their time, so that nobody has to wait for the next ones.
            if age > self.refresh / 5 * 4 {
                self.start();
            }
            return found;
        }
        let running = self.start();
        // During an outage only the first to notice waits, as long as there are old keys to use.
        if found.is_ok() && self.failed.load(Ordering::Acquire) {
            return found;
        }
        if let Some(running) = running {
            running.cancelled().await;
        }
        match self.look_up(kid, algorithm).0 {
            // It may be a new key, which we could not see.
            Err(Rejected::UnknownKey) if self.failed.load(Ordering::Acquire) => {
                Err(Rejected::Unavailable(Arc::clone(&self.name)))
            }
            found => found,
        }
    }

    /// Looks among the keys that are here, and says how old they are.
    fn look_up(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> (Result<Arc<PublicKey>, Rejected>, Duration) {
        let held = self.held.load();
        let age = held
            .as_ref()
            .map_or(Duration::MAX, |held| held.since.elapsed());
        match held.as_ref() {
            Some(held) if age < self.refresh + GRACE => (held.find(kid, algorithm), age),
            Some(_) | None => {
                let unavailable = Rejected::Unavailable(Arc::clone(&self.name));
                (Err(unavailable), Duration::MAX)
            }
        }
    }

    /// Starts a fetch, unless the last one was a moment ago. What comes back tells when the one
    /// that is under way has ended.
    fn start(self: &Arc<Self>) -> Option<CancellationToken> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetch) = latest.as_ref() {
            if !fetch.over.is_cancelled() {
                return Some(fetch.over.clone());
            }
            if fetch.started.elapsed() < PAUSE {
                return None;
            }
        }
        let (started, over) = (Instant::now(), CancellationToken::new());
        *latest = Some(Fetch {
            started,
            over: over.clone(),
        });
        let ended = over.clone().drop_guard();
        let jwks = Arc::clone(self);
        tokio::spawn(async move {
            jwks.fetch(started).await;
            drop(ended);
        });
        Some(over)
    }

    async fn fetch(&self, since: Instant) {
        let table = format!("[tokens.{}]", self.name);
        let body = fetch(&self.uri, self.trust.as_ref(), &table).await;
        match body.and_then(|body| jwk::read_set(&body)) {
            Ok(keys) => {
                let keys = keys.into_iter().map(Arc::new).collect();
                self.held.store(Some(Arc::new(Held { keys, since })));
                self.failed.store(false, Ordering::Release);
            }
            Err(reason) => {
                self.failed.store(true, Ordering::Release);
                tracing::warn!(issuer = %self.name, "jwks unavailable: {reason}");
            }
        }
    }
}

impl Held {
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<Arc<PublicKey>, Rejected> {
        let is_named = |key: &&Arc<PublicKey>| kid.is_none() || key.kid.as_deref() == kid;
        let mut named = self.keys.iter().filter(is_named).peekable();
        if named.peek().is_none() {
            return Err(Rejected::UnknownKey);
        }
        let mut able = named.filter(|key| key.does(algorithm));
        match (able.next(), able.next()) {
            (None, _) => Err(Rejected::Algorithm),
            // Trying them all would let one bad token cost a hundred verifications.
            (Some(_), Some(_)) if kid.is_none() => Err(Rejected::UnknownKey),
            (Some(key), _) => Ok(Arc::clone(key)),
        }
    }
}
