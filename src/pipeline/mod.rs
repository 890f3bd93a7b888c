//! One call, top to bottom. Its mirror, what a server says without having been asked, is in
//! `notices`.
//!
//! Each stage is the folder of the same name. Each hands on a value that only it can make
//! (`Permitted`, `Admitted`, `Routed`), so leaving a stage out does not compile.

mod answer;
mod coming;
mod listening;
mod notices;
mod parking;
mod plan;
mod publish;
mod restored;
mod sessions;
mod traced;
mod trial;

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

pub use answer::Answer;
pub use listening::Listening;
use parking::Parking;
pub use plan::{Plan, Policy};
pub use trial::{Attempt, Finding};

pub use crate::limit::Held;

use crate::{
    authorise,
    call::{Call, Extent, Reply, ServerName, Target, Visit},
    exchange::Exchange,
    limit,
    mcp::{Frame, List, Part, message},
    observe::{Metrics, MetricsConfig, Outcome, Record, audit::Audit, trace::Traces},
    refusal::Refusal,
    route::{self, Catalog, Route, Tasks, View},
    session::{Session, Sessions, Subscriptions},
    start::Start,
};

/// The way of every call.
pub struct Pipeline {
    plan: ArcSwap<Plan>,
    /// The clients.
    pub sessions: Sessions,
    /// The numbers.
    pub metrics: Arc<Metrics>,
    /// The audit log, if there is one.
    pub audit: Option<Arc<Audit>>,
    /// Spans, if there are any.
    pub traces: Traces,
    /// Which servers have yet to be reached for the first time.
    pub start: Start,
    /// Cancelled when the gateway begins to stop: it is not ready any more.
    pub stopping: CancellationToken,
    catalogs: Mutex<IndexMap<ServerName, Arc<Catalog>>>,
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
    /// What else is known of it.
    pub visit: Visit,
}

/// A request on its way.
pub type Pending = Pin<Box<dyn Future<Output = Answer> + Send>>;

impl Pipeline {
    /// A pipeline that has heard of no server yet.
    pub fn new(
        plan: Plan,
        sessions: Sessions,
        start: Start,
        (metrics, audit): (&MetricsConfig, Option<Arc<Audit>>),
    ) -> Self {
        let servers = plan.servers.iter().map(|(name, _)| name);
        let metrics = Arc::new(Metrics::new(metrics, servers));
        Self {
            plan: ArcSwap::from_pointee(plan),
            sessions,
            metrics,
            audit,
            traces: Traces::default(),
            start,
            stopping: CancellationToken::new(),
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

    /// Answers one request. It cannot fail: a refusal is an answer too.
    async fn answer(self: Arc<Self>, arrival: Arrival) -> Answer {
        let Arrival {
            session,
            frame,
            exchange,
            visit,
        } = arrival;
        let mut record = Record::since(&self.metrics, exchange.begun());
        record.traced(self.traces.open(&frame, &visit, &session.client));
        let mut held = Held::default();
        let id = frame.raw_bytes(Part::Id).unwrap_or_default();
        let _underway = session.begin(id.clone(), &exchange);
        let outcome = {
            // Pinned first: it is large, and what `select!` is handed it moves about.
            let noted = (&mut record, &mut held);
            let carried = pin!(self.carry(&session, (&id, frame, visit), &exchange, noted));
            tokio::select! {
                biased;
                outcome = carried => outcome,
                () = exchange.withdrawn() => Ok(Reply::Silence),
            }
        };
        let mut answer = match outcome {
            Ok(reply) => Answer {
                held,
                ..Answer::of(reply, record)
            },
            Err(refusal) => {
                self.note_denial(&mut record, &refusal, &session.client.extent);
                let stateless = session.client.revision.is_stateless();
                Answer::refused(refusal, stateless, record, &id)
            }
        };
        match &answer.reply {
            Reply::Whole(message) | Reply::Failed(message) => answer.record.sent(message.len()),
            Reply::Pieces(pieces) => answer.record.sent(pieces.size()),
            Reply::Streamed(_) | Reply::Silence => {}
        }
        answer
    }

    async fn carry(
        &self,
        session: &Arc<Session>,
        (id, frame, visit): (&[u8], Frame, Visit),
        exchange: &Arc<Exchange>,
        (record, held): (&mut Record, &mut Held),
    ) -> Result<Reply, Refusal> {
        let call = Call::read(frame, session.client.clone(), visit)?;
        record.call(&call, self.audit.as_ref())?;
        let (plan, view) = self.plan_for(&call, session).await?;
        note(record, &view, &call.target);

        let permitted = authorise::permit(&*view, &plan.policy.roles, call)?;
        if let Some(rule) = permitted.rule() {
            record.rule(rule.place().clone());
        }
        let server = route::server(&view, &self.tasks, permitted.call());
        let tool = view.own_tool(&permitted.call().target);
        let limits = plan.policy.limits_of(&permitted.call().visit.caller);
        let mut admitted = limit::admit(limits, permitted, server.as_ref(), tool).await?;
        *held = admitted.hold();
        let reply = match route::choose(&view, &self.tasks, admitted)? {
            Route::Here(result) => Reply::Whole(message::result(id, &result)),
            Route::Listed(list) => Reply::ready(id, list),
            Route::Level(level) => {
                self.set_level(&plan, session, level).await;
                Reply::Whole(message::result(id, b"{}"))
            }
            Route::There(mut routed) => {
                routed.carry(plan.policy.headers_of(&routed.call().visit.caller));
                record.server(routed.server());
                self.prepare(&plan, &routed, session, exchange).await?;
                if self.follow(&plan, &routed, session) {
                    self.trace(&plan, &mut routed, record);
                    let answer = plan.servers.send(&routed, exchange).await;
                    record.came(&answer);
                    let reply = answer?;
                    self.note(&routed, &reply);
                    reply
                } else {
                    Reply::Whole(message::result(id, b"{}"))
                }
            }
        };
        record.end(match reply {
            Reply::Whole(_) | Reply::Pieces(_) | Reply::Streamed(_) => Outcome::Ok,
            Reply::Failed(_) => Outcome::Error,
            Reply::Silence => Outcome::Cancelled,
        });
        Ok(reply)
    }

    /// Counts a tool that is there, and not for this caller.
    fn note_denial(&self, record: &mut Record, refusal: &Refusal, extent: &Extent) {
        if let Refusal::Forbidden(Target::Tool(name), _)
        | Refusal::Condition(Target::Tool(name), _) = refusal
        {
            // By another path the same name may be another server's.
            let view = self.plan.load().views.whole_of(extent);
            let way = view.as_ref().and_then(|view| view.way(List::Tools, name));
            if let Some(way) = way {
                record.found(&way.server, &way.key, true);
            }
            record.denied(way.map_or(name, |way| &way.key));
        }
    }

    /// The plan in force; while servers are being reached for the first time, a list waits for
    /// them, and so does what nobody offers yet.
    async fn plan_for(
        &self,
        call: &Call,
        session: &Session,
    ) -> Result<(Arc<Plan>, Arc<View>), Refusal> {
        let plan = self.plan();
        let (_, view) = plan.look_on(session, &call.visit)?;
        let waits = matches!(call.target, Target::List(_)) || !view.offers(&call.target);
        if !waits || self.start.is_over() {
            return Ok((plan, view));
        }
        self.start.over().await;
        let plan = self.plan();
        let (_, view) = plan.look(&call.visit)?;
        Ok((plan, view))
    }

    /// How many items of each list a server offers, if it has been up.
    pub fn offered(&self, server: &ServerName) -> Option<[usize; 4]> {
        let catalogs = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        catalogs
            .get(server)
            .map(|catalog| List::ALL.map(|list| catalog.items(list).len()))
    }
}

/// What a call is about, as its server calls it.
fn note(record: &mut Record, view: &View, target: &Target) {
    let (list, name) = match target {
        Target::Tool(name) => (List::Tools, name),
        Target::Prompt(name) | Target::PromptArgument(name) => (List::Prompts, name),
        Target::Ping
        | Target::List(_)
        | Target::LogLevel(_)
        | Target::Resource(_)
        | Target::Subscription(..)
        | Target::TemplateArgument(_)
        | Target::Task(_)
        | Target::Other(_) => return,
    };
    if let Some(way) = view.way(list, name) {
        record.found(&way.server, &way.key, list == List::Tools);
    }
}
