//! One call, top to bottom. Its mirror, what a server says without having been asked, is in
//! `notices`.
//!
//! Each stage is the folder of the same name. Each hands on a value that only it can make
//! (`Permitted`, `Admitted`, `Routed`), so leaving a stage out does not compile.

mod listening;
mod notices;
mod parking;
mod sessions;

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderName, HeaderValue};
use indexmap::IndexMap;

pub use listening::Listening;
use parking::Parking;

use crate::{
    authenticate::{self, ApiKeys},
    authorise,
    call::{Call, Caller, Reply, ServerName, Target},
    exchange::Exchange,
    forward::Servers,
    limit,
    mcp::{Frame, List, Part, message},
    observe::{Metrics, Outcome, Record},
    refusal::Refusal,
    route::{self, Catalog, Naming, Route, Tasks, View},
    session::{Session, Sessions, Subscriptions},
    start::Start,
};

/// Everything a call is judged by. It is replaced whole, and a call sees one of it.
#[derive(Clone)]
pub struct Plan {
    /// Who may come in.
    pub keys: Arc<ApiKeys>,
    /// What is behind the gateway.
    pub servers: Arc<Servers>,
    /// What of it a client sees.
    pub view: Arc<View>,
}

/// The way of every call.
pub struct Pipeline {
    plan: ArcSwap<Plan>,
    /// The clients.
    pub sessions: Sessions,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// Which servers have yet to be reached for the first time.
    pub start: Start,
    naming: Naming,
    catalogs: Mutex<IndexMap<ServerName, Catalog>>,
    subscriptions: Subscriptions,
    parking: Parking,
    tasks: Tasks,
}

/// A request as it came in.
pub struct Arrival {
    /// The session it came in on.
    pub session: Arc<Session>,
    /// The request.
    pub frame: Frame,
    /// The way back for what precedes the answer.
    pub exchange: Arc<Exchange>,
    /// Headers by which a stateless client mirrors arguments.
    pub mirrored: Mirrored,
}

/// Headers by which a client mirrors arguments.
pub type Mirrored = Vec<(HeaderName, HeaderValue)>;

/// A request on its way.
pub type Pending = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The answer to a request. The record closes when it is dropped: with the last byte, or when
/// the client hangs up.
pub struct Answer {
    /// What the client gets.
    pub reply: Reply,
    /// What is kept of it.
    pub record: Record,
}

impl Pipeline {
    /// A pipeline that has heard of no server yet.
    pub fn new(plan: Plan, naming: Naming, sessions: Sessions, start: Start) -> Self {
        let metrics = Arc::new(Metrics::new(plan.servers.iter().map(|(name, _)| name)));
        Self {
            plan: ArcSwap::from_pointee(plan),
            sessions,
            metrics,
            start,
            naming,
            catalogs: Mutex::default(),
            subscriptions: Subscriptions::default(),
            parking: Parking::new(),
            tasks: Tasks::default(),
        }
    }

    /// What is in force now.
    pub fn plan(&self) -> Arc<Plan> {
        self.plan.load_full()
    }

    /// Who sent these headers. Asked before the body is read: strangers do not get to spend
    /// our memory.
    ///
    /// # Errors
    /// When they may not come in.
    pub fn identify(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        authenticate::identify(&self.plan.load().keys, headers)
    }

    /// Answers one request. It cannot fail: a refusal is an answer too.
    pub async fn answer(&self, arrival: Arrival) -> Answer {
        let Arrival {
            session,
            frame,
            exchange,
            mirrored,
        } = arrival;
        let mut record = Record::open(&self.metrics);
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let _underway = session.begin(id.clone(), &exchange);
        let outcome = tokio::select! {
            biased;
            outcome = self.carry(&session, (frame, mirrored), &exchange, &mut record) => outcome,
            () = exchange.withdrawn() => Ok(Reply::Silence),
        };
        let reply = outcome.unwrap_or_else(|refusal| {
            record.refuse(&refusal);
            let refusal = match session.client.revision.is_stateless() {
                true => refusal.stateless(),
                false => refusal,
            };
            Reply::Whole(refusal.message(Some(&id)))
        });
        Answer { reply, record }
    }

    async fn carry(
        &self,
        session: &Arc<Session>,
        (frame, mirrored): (Frame, Mirrored),
        exchange: &Arc<Exchange>,
        record: &mut Record,
    ) -> Result<Reply, Refusal> {
        let mut call = Call::read(frame, session.client.clone())?;
        call.mirrored = mirrored;
        record.call(&call);
        let plan = self.plan_for(&call.target).await;

        let permitted = authorise::permit(session.caller().clone(), call)?;
        let admitted = limit::admit(permitted)?;
        let id = admitted
            .call()
            .frame
            .raw_bytes(Part::Id)
            .unwrap_or_default();
        let reply = match route::choose(&plan.view, &self.tasks, admitted)? {
            Route::Here(result) => Reply::Whole(message::result(&id, &result)),
            Route::Level(level) => {
                self.set_level(&plan, session, level).await;
                Reply::Whole(message::result(&id, b"{}"))
            }
            Route::There(routed) => {
                record.server(routed.server());
                self.prepare(&plan, &routed, session, exchange).await?;
                if self.follow(&plan, &routed, session) {
                    let reply = plan.servers.send(&routed, exchange).await?;
                    self.note(&routed, &reply);
                    reply
                } else {
                    Reply::Whole(message::result(&id, b"{}"))
                }
            }
        };
        record.end(match reply {
            Reply::Whole(_) | Reply::Streamed(_) => Outcome::Ok,
            Reply::Failed(_) => Outcome::Error,
            Reply::Silence => Outcome::Cancelled,
        });
        Ok(reply)
    }

    /// The plan in force; while servers are being reached for the first time, a list waits for
    /// them, and so does what nobody offers yet.
    async fn plan_for(&self, target: &Target) -> Arc<Plan> {
        let plan = self.plan.load_full();
        let waits = matches!(target, Target::List(_)) || !plan.view.offers(target);
        if !waits || self.start.is_over() {
            return plan;
        }
        self.start.over().await;
        self.plan.load_full()
    }

    /// How many items of each list a server offers, if it has been up.
    pub fn offered(&self, server: &ServerName) -> Option<[usize; 4]> {
        let catalogs = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        catalogs
            .get(server)
            .map(|catalog| List::ALL.map(|list| catalog.items(list).len()))
    }
}
