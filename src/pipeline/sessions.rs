//! What is kept of clients from one call to the next: levels, subscriptions, tasks; and its end.

use std::sync::Arc;

use super::{Pipeline, Plan};
use crate::{
    call::{Identity, Level, Reply, ServerName, Target},
    exchange::Exchange,
    forward::Sharing,
    mcp::{Frame, Kind, Method},
    refusal::Refusal,
    route::Routed,
    session::Session,
};

/// Resources that one client may subscribe to.
pub(super) const WATCHED: usize = 1000;
/// How long the URI of each may be, in bytes: it is kept as long as somebody wants to hear of it.
const LONGEST_URI: usize = 8 * 1024;

/// Whether what a call asks to be kept is short enough for that.
pub(super) fn keepable(target: &Target) -> Result<(), Refusal> {
    if let Target::Subscription(uri, true) = target
        && uri.len() > LONGEST_URI
    {
        return Err(Refusal::Params("`uri` is longer than 8 KiB"));
    }
    Ok(())
}

impl Pipeline {
    /// Takes what a client says without asking: notifications, and answers to questions.
    pub fn hear(&self, session: &Arc<Session>, frame: Frame) {
        match frame.method() {
            Some(Method::Cancelled) => session.cancel(frame),
            None if frame.kind() == Kind::Response => {
                if !session.client.answered(frame) {
                    tracing::debug!("an answer to no question");
                }
            }
            _ => tracing::trace!(?frame, "heard"),
        }
    }

    pub(super) async fn set_level(&self, plan: &Plan, session: &Session, level: Level) {
        session.client.set_level(level);
        self.sessions.wishes_changed();
        let lowest = self.lowest_level().unwrap_or(level);
        plan.servers.set_level(&session.client, level, lowest).await;
    }

    /// The lowest level of log messages that any session has asked for.
    pub(super) fn lowest_level(&self) -> Option<Level> {
        let sessions = self.sessions.all();
        let levels = sessions.iter().filter_map(|session| session.client.level());
        levels.min()
    }

    /// What has to be so before a call is sent: room for what it asks to be kept, and the log
    /// level that a stateless request brings.
    pub(super) async fn prepare(
        &self,
        plan: &Plan,
        routed: &Routed,
        session: &Session,
        exchange: &Exchange,
    ) -> Result<(), Refusal> {
        let target = &routed.call().target;
        keepable(target)?;
        if matches!(target, Target::Subscription(_, true)) && session.client.watches() >= WATCHED {
            return Err(Refusal::Params("too many subscriptions"));
        }
        match exchange.level() {
            Some(level) if session.client.level() != Some(level) => {
                self.set_level(plan, session, level).await;
            }
            _ => {}
        }
        Ok(())
    }

    /// Keeps the book of subscriptions. False where a server need not hear of the end of one,
    /// because another session still listens.
    pub(super) fn follow(&self, plan: &Plan, routed: &Routed, session: &Session) -> bool {
        let (target, server) = (&routed.call().target, routed.server());
        if matches!(target, Target::Subscription(..)) {
            self.sessions.wishes_changed();
        }
        match target {
            Target::Subscription(uri, true) => {
                self.subscriptions.add(server, uri, session.id());
                session.client.watch(server, uri, true);
                true
            }
            Target::Subscription(uri, false) => {
                session.client.watch(server, uri, false);
                let last = self.subscriptions.remove(server, uri, session.id());
                match plan.servers.sharing(server) {
                    Sharing::Everybody => last,
                    Sharing::Caller => !self.caller_listens(session.identity(), server, uri),
                    Sharing::Nobody => true,
                }
            }
            Target::Ping
            | Target::List(_)
            | Target::LogLevel(_)
            | Target::Tool(_)
            | Target::Prompt(_)
            | Target::Resource(_)
            | Target::PromptArgument(_)
            | Target::Task(_)
            | Target::Other(_)
            | Target::TemplateArgument(_) => true,
        }
    }

    /// Whether any session of a caller wants to hear of a resource.
    pub(super) fn caller_listens(&self, caller: &Identity, server: &ServerName, uri: &str) -> bool {
        let listeners = self.subscriptions.of(server, uri);
        let mut sessions = listeners.iter().filter_map(|id| self.sessions.get(id));
        sessions.any(|session| session.identity() == caller)
    }

    /// Remembers the task that a server has made of a call; forgets a subscription that it has
    /// refused.
    pub(super) fn note(&self, routed: &Routed, reply: &Reply) {
        let client = &routed.call().client;
        if let (Target::Subscription(uri, true), Reply::Failed(_)) = (&routed.call().target, reply)
        {
            client.watch(routed.server(), uri, false);
            self.subscriptions
                .remove(routed.server(), uri, &client.session);
            self.sessions.wishes_changed();
            return;
        }
        let Target::Tool(_) = routed.call().target else {
            return;
        };
        if client.knows_tasks()
            && let Some(id) = reply.task()
        {
            let tool = routed.own_name().unwrap_or_default();
            self.tasks.add(&id, routed.server(), &tool, client);
        }
    }

    /// Ends what has waited too long, and forgets what need not be remembered.
    pub fn sweep(&self) {
        self.parking.sweep();
        let plan = self.plan.load();
        plan.policy.all_limits.sweep();
        plan.policy.sign_ins.sweep();
    }

    /// A stream that begins while the gateway stops ends at once, so that its client comes back to
    /// whoever serves then: streams that are open have been told.
    pub fn close_if_stopping(&self, session: &Session) {
        if self.stopping.is_cancelled() {
            session.outbox.close();
        }
    }

    /// A session is over: its stream closes, servers end what they keep for it.
    pub fn end(&self, session: &str) {
        if let Some(ended) = self.sessions.remove(session) {
            self.take_leave(&ended);
        }
    }

    /// Servers end what they keep for a session that is no longer in the table.
    pub fn take_leave(&self, ended: &Session) {
        let last = !self.sessions.has(ended.identity());
        let servers = self.plan.load().servers.clone();
        servers.session_ended(&ended.client, last);
        self.sessions.wishes_changed();
        for (server, uri) in self.subscriptions.forget(ended.id()) {
            servers.unsubscribe(&server, &uri);
        }
    }
}
