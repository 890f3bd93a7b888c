//! One server: its state, and the link it has at the moment.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use http_body_util::BodyExt;
use tokio::{sync::watch, time::Instant};
use tokio_util::task::TaskTracker;

pub use super::state::State;
use super::{
    ServerConfig, Servers, Upward,
    breaker::Breaker,
    caller_meta,
    capped::Capped,
    hand::Hand,
    journal::Journal,
    link::Link,
    queue::{Place, Queue},
    replicas::{self, Replicas},
};
use crate::{
    call::{Reply, ServerName},
    exchange::Exchange,
    refusal::Refusal,
    route::Routed,
    wait::Wait,
};

/// How long a server may take for what is not a call: a farewell, a log level, the
/// acknowledgement of a subscription.
pub(super) const COURTESY: Duration = Duration::from_secs(5);

/// One `[servers.<name>]` table and what stands behind it.
pub struct Server {
    pub(super) name: ServerName,
    pub(super) config: ServerConfig,
    pub(super) max_message: usize,
    /// The tasks that see children out.
    pub(super) children: TaskTracker,
    /// Set when the server is reached for the first time.
    pub(super) link: ArcSwapOption<Link>,
    /// Set when it is taken out of the plan: those in which calls under way may still find it.
    pub(super) left: OnceLock<Weak<Servers>>,
    /// What an operator wants of it.
    pub(super) hand: Hand,
    /// What it said last.
    pub(super) journal: Arc<Journal>,
    state: watch::Sender<State>,
    pub(super) retries: Arc<AtomicU64>,
    /// For a remote server, unless it is switched off.
    pub(super) breaker: Option<Breaker>,
    /// The calls at it, and those that wait for a place.
    pub(super) queue: Arc<Queue>,
    /// Who hears of it, once it is kept.
    pub(super) upward: OnceLock<Weak<dyn Upward>>,
    /// What it is called, if it is a replica of another.
    pub(super) at: Option<Arc<str>>,
    /// Those that it is made up of, if it is not one alone: then it has no link of its own.
    pub(super) replicas: Option<Replicas>,
}

impl Server {
    pub(super) fn new(
        name: &ServerName,
        config: &ServerConfig,
        max_message: usize,
        children: &TaskTracker,
    ) -> Self {
        let transport = if config.url.is_some() {
            "http"
        } else {
            "stdio"
        };
        let breaker = config.breaker.clone().unwrap_or_default();
        let breaks = config.url.is_some() && breaker.failures > 0;
        let breaker = breaks.then(|| Breaker::new(&breaker));
        let state = State {
            state: "connecting",
            since: jiff::Timestamp::now(),
            transport,
            revision: None,
            version: None,
            error: None,
            last_error: None,
            restarts: 0,
            required: config.required,
            disabled: false,
            next_attempt: None,
            retries: 0,
            refuses_calls: false,
            in_flight: 0,
            waiting: 0,
            crowded_out: 0,
            replicas: Vec::new(),
        };
        let mut server = Self {
            name: name.clone(),
            config: config.clone(),
            max_message,
            children: children.clone(),
            link: ArcSwapOption::empty(),
            left: OnceLock::new(),
            hand: Hand::new(config.disabled),
            journal: Arc::default(),
            state: watch::Sender::new(state),
            retries: Arc::default(),
            breaker,
            queue: Queue::new(config),
            upward: OnceLock::new(),
            at: None,
            replicas: None,
        };
        let replicas = replicas::split(config)
            .into_iter()
            .map(|(config, at)| Self {
                at: Some(at),
                journal: server.journal.clone(),
                retries: server.retries.clone(),
                queue: server.queue.clone(),
                ..Self::new(name, &config, max_message, children)
            });
        let replicas: Vec<Self> = replicas.collect();
        server.replicas = (!replicas.is_empty()).then(|| Replicas::new(replicas));
        server
    }

    /// It takes the place of another, and its numbers go on from there, and what an operator wants of it.
    pub(super) fn succeed(&self, before: &Self) {
        self.queue.succeed(&before.queue);
        let (by_its_table, before) = (before.config.disabled, before.state());
        self.retries.store(before.retries, Ordering::Relaxed);
        self.set(|state| state.restarts = before.restarts);
        if before.disabled && !by_its_table {
            self.each().into_iter().for_each(|one| one.hand.disabled());
        }
    }

    /// Its name.
    pub fn name(&self) -> &ServerName {
        &self.name
    }

    /// Its configuration.
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// How it is doing.
    pub fn state(&self) -> State {
        let refuses = self.refuses();
        let state = self.state.borrow().clone();
        let state = State {
            retries: self.retries.load(Ordering::Relaxed),
            refuses_calls: refuses.is_some(),
            in_flight: self.queue.in_flight(),
            waiting: self.queue.waiting(),
            crowded_out: self.queue.refused(),
            // Why it is down says more.
            error: state.error.or(refuses),
            ..state
        };
        match &self.replicas {
            Some(replicas) => replicas.state(state),
            None => state,
        }
    }

    /// Whether it does what is wanted of it. Cheaper than to ask for all of its state.
    pub fn is_fine(&self) -> bool {
        match &self.replicas {
            Some(replicas) => replicas.is_fine(),
            None => self.state.borrow().is_fine(),
        }
    }

    /// Whether it is up: one alone, or one replica.
    pub(super) fn is_up(&self) -> bool {
        self.state.borrow().state == "up"
    }

    /// Whether it is there, or launched by whoever needs it: one alone, or one replica.
    pub(super) fn stands(&self) -> bool {
        self.state.borrow().serves()
    }

    /// Waits until it is not connecting.
    pub(super) async fn settled(&self) {
        let mut state = self.state.subscribe();
        // It cannot fail: the sender is ours.
        drop(state.wait_for(|state| state.state != "connecting").await);
    }

    /// What it wrote to stderr last, and what became of it.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    pub(super) fn set(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            let before = state.state;
            change(state);
            if state.state != before {
                state.since = jiff::Timestamp::now();
            }
        });
    }

    /// The link, or why there is none.
    pub(super) fn link(&self) -> Result<Arc<Link>, Refusal> {
        if let Some(replicas) = &self.replicas {
            return replicas.link();
        }
        self.link.load_full().ok_or_else(|| {
            let reason = self
                .state()
                .error
                .unwrap_or_else(|| "it is still starting".to_owned());
            Refusal::Unavailable {
                server: self.name.to_string(),
                reason,
            }
        })
    }

    /// What is left of a large answer ends with the time of its call, and keeps its place until then.
    fn capped(&self, reply: Reply, cap: Instant, place: Place<&Arc<Queue>>) -> Reply {
        match reply {
            Reply::Streamed(body) => {
                let cap = (cap, self.config.timeout_total);
                let capped = Capped::new(body, &self.name, cap, place.kept());
                Reply::Streamed(capped.boxed_unsync())
            }
            Reply::Whole(_) | Reply::Failed(_) | Reply::Pieces(_) | Reply::Silence => reply,
        }
    }

    /// Carries one call. Its time starts anew with each sign that the server works on it, under
    /// a cap.
    pub(super) async fn call(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let link = self.link().map_err(|refusal| match self.state().disabled {
            // It was there when the call found its way.
            true => Refusal::NoRoute(routed.call().target.clone()),
            false => refusal,
        })?;
        let place = self.place(routed, &link).await?;
        let told = match self.config.caller_meta {
            true => Some(caller_meta::told(routed)?),
            false => None,
        };
        let routed = told.as_ref().unwrap_or(routed);
        let (limit, total) = (self.config.timeout, self.config.timeout_total);
        // Its time begins now: that the call waited for room is not the server's fault.
        let now = Instant::now();
        exchange.touch_at(now);
        let (mut due, cap) = (now + limit, now + total);
        let call = link.call(routed, exchange);
        tokio::pin!(call);
        loop {
            tokio::select! {
                answer = &mut call => {
                    self.heard(&answer);
                    let answer = answer.map(|answer| self.capped(answer, cap, place));
                    return answer.map_err(|refusal| self.hand.explain(refusal, now));
                }
                () = Wait::until(due.min(cap), limit) => {}
            }
            // While somebody is asked, it is not the server that takes its time.
            if exchange.is_asking() {
                exchange.touch();
            }
            due = exchange.alive() + limit;
            if Instant::now() >= due.min(cap) {
                let (limit, setting) = match due <= cap {
                    true => (limit, "timeout"),
                    false => (total, "timeout_total"),
                };
                if due <= cap {
                    self.hung();
                }
                let server = self.name.to_string();
                return Err(Refusal::TimedOut {
                    server,
                    limit,
                    setting,
                });
            }
        }
    }
}
