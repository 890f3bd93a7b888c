//! The mirror of a call: what a server says without having been asked, and whom it concerns.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use super::Pipeline;
use crate::{
    call::{Client, Level, ServerName, Target},
    exchange::Exchange,
    forward::{Answering, Audience, Server, Sharing, Upward},
    mcp::{Frame, Method, Part, fields, message},
    route::Catalog,
    session::Session,
};

impl Upward for Pipeline {
    fn notice(
        &self,
        server: &ServerName,
        audience: Audience<'_>,
        calls: &[Arc<Exchange>],
        frame: Frame,
    ) {
        let belongs = |session: &Session| match audience {
            Audience::Caller(caller) => session.identity() == caller,
            Audience::Session(_) | Audience::Everybody => true,
        };
        match frame.method() {
            _ if let Audience::Session(id) = audience => self.tell(server, id, frame),
            Some(Method::ResourcesUpdated) => {
                // Sessions that subscribe for themselves are told for themselves, too; listeners
                // without one are told by the gateway's own connection.
                let shared = self.plan.load().servers.sharing(server) == Sharing::Everybody;
                let own = matches!(audience, Audience::Everybody);
                self.updated(server, &frame, |session| {
                    belongs(session) && (shared || own == session.client.revision.is_stateless())
                });
            }
            Some(Method::Message) => {
                let may = |session: &Session| belongs(session) && self.knows(session, server);
                self.log(calls, &frame, may);
            }
            _ => match frame.text(Part::TaskId).and_then(|id| self.tasks.get(&id)) {
                Some(task) if task.server == *server => {
                    let session = self.sessions.get(&task.session);
                    if let Some(session) = session.filter(|session| self.knows(session, server)) {
                        session.outbox.push(frame.into_bytes());
                    }
                }
                _ => pass_on(server, calls, frame),
            },
        }
    }

    fn waited(&self, server: &ServerName, time: Duration) {
        self.metrics.waited(server, time);
    }

    fn question(&self, server: &ServerName, client: &Arc<Client>, frame: Frame) -> Answering {
        let hears =
            |session: &Arc<Session>| session.client.answers(&frame) && self.knows(session, server);
        let Some(session) = self.sessions.get(&client.session).filter(hears) else {
            return Box::pin(std::future::ready(None));
        };
        let mut question = session.client.question();
        let id = question.id().to_string();
        session
            .outbox
            .push(frame.with(&[(Part::Id, id.as_bytes())]));
        let unasked = Unasked(Some(session), question.id());
        Box::pin(async move {
            let answer = question.answer().await;
            unasked.answered();
            answer
        })
    }

    fn offer(&self, server: &Server, catalog: Catalog) {
        let mut catalogs = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = self.plan.load_full();
        // One that has just been taken out may not have heard of it yet.
        if !plan.servers.have(server) {
            return;
        }
        catalogs.insert(server.name().clone(), Arc::new(catalog));
        self.merge(&plan, &catalogs);
    }

    fn withdraw(&self, server: &Server) {
        let mut catalogs = self.catalogs.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = self.plan.load_full();
        if plan.servers.have(server) && catalogs.shift_remove(server.name()).is_some() {
            self.merge(&plan, &catalogs);
        }
    }

    fn is_watched(&self, server: &ServerName) -> bool {
        !self.subscriptions.at(server).is_empty()
    }

    fn settled(&self, server: &Server) {
        let server = server.name();
        self.start.settled(server);
        // What has just come up knows nothing of what was wanted of it, or of the one before it.
        let (level, uris) = (self.lowest_level(), self.subscriptions.at(server));
        let sessions = self.sessions.all().into_iter();
        let watching = sessions.filter(|session| !session.client.watched(server).is_empty());
        let watching = watching.map(|session| session.client.clone()).collect();
        let servers = &self.plan.load().servers;
        servers.remind(server, level, uris, watching);
    }
}

/// Tells a session when a question to it is given up.
struct Unasked(Option<Arc<Session>>, u64);

impl Unasked {
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Unasked {
    fn drop(&mut self) {
        if let Some(session) = &self.0 {
            session.outbox.push(message::unasked(self.1));
        }
    }
}

impl Pipeline {
    /// Whether a session may hear of a server: its caller may have lost the role by which it was
    /// let in there.
    fn knows(&self, session: &Session, server: &ServerName) -> bool {
        let plan = self.plan.load();
        let view = session.sight().and_then(|sight| plan.views.of(&sight));
        view.is_some_and(|view| view.knows(server))
    }

    /// What is for one session, and for nobody once that is over.
    fn tell(&self, server: &ServerName, session: &str, frame: Frame) {
        let session = self.sessions.get(session);
        let Some(session) = session.filter(|session| self.knows(session, server)) else {
            return;
        };
        if !session.client.revision.is_stateless() {
            return session.outbox.push(frame.into_bytes());
        }
        // What serves one stateless client alone tells only the streams of that client's caller.
        if let Some(Method::ResourcesUpdated) = frame.method() {
            return self.updated(server, &frame, |listener| {
                listener.client.revision.is_stateless() && listener.identity() == session.identity()
            });
        }
        // It has no stream: what servers say goes with the calls that are under way.
        let progress = frame.method() == Some(Method::Progress);
        for exchange in session.exchanges() {
            // A token is a number of one call, and means nothing to the others.
            if !progress || exchange.has_token() {
                exchange.pass(frame.clone());
            }
        }
    }

    /// A resource has changed: of those who listen, some are told.
    fn updated(&self, server: &ServerName, frame: &Frame, told: impl Fn(&Session) -> bool) {
        let uri = frame.text(Part::Uri).unwrap_or_default();
        let listeners = self.subscriptions.of(server, &uri);
        if listeners.is_empty() {
            return;
        }
        let resource = Target::Subscription(uri.into_owned(), true);
        let views = self.plan.load().views.clone();
        let offered = |session: &Arc<Session>| {
            let view = session.sight().and_then(|sight| views.of(&sight));
            view.is_some_and(|view| view.offers(&resource))
        };
        let listeners = listeners.iter().filter_map(|id| self.sessions.get(id));
        for session in listeners.filter(|session| told(session) && offered(session)) {
            session.outbox.push(frame.bytes().clone());
        }
    }

    /// A log message of a server that everybody shares. It goes with the calls that are under
    /// way there, and to the sessions that have asked for log messages.
    fn log(&self, calls: &[Arc<Exchange>], frame: &Frame, belongs: impl Fn(&Session) -> bool) {
        let params = frame.params().unwrap_or_default();
        let level = fields::field(params, "level").and_then(fields::string);
        let level = level
            .and_then(|name| Level::named(&name))
            .unwrap_or(Level::Emergency);
        let mut told: Vec<Arc<str>> = Vec::new();
        for exchange in calls {
            let client = exchange.client();
            let new = !told.contains(&client.session);
            if new && exchange.wants(level) && exchange.push(frame.bytes().clone()) {
                told.push(client.session.clone());
            }
        }
        for session in self.sessions.all() {
            let wanted = session.client.level().is_some_and(|lowest| level >= lowest);
            if wanted && belongs(&session) && !told.contains(session.id()) {
                session.outbox.push(frame.bytes().clone());
            }
        }
    }
}

/// Passes what is not known to the one session that it can be for; to none where there are two.
fn pass_on(server: &ServerName, calls: &[Arc<Exchange>], frame: Frame) {
    let first = calls.first();
    let alone = first.filter(|first| {
        let session = &first.client().session;
        calls.iter().all(|call| call.client().session == *session)
    });
    match alone {
        Some(exchange) => {
            exchange.pass(frame);
        }
        None => tracing::debug!(%server, ?frame, "a notification that is for nobody"),
    }
}
