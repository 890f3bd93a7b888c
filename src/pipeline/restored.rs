//! A session that comes back after a restart hears again of what it wanted to hear of before.

use std::sync::Arc;

use super::{Pipeline, Plan, sessions::WATCHED};
use crate::{
    authorise,
    call::{Call, ServerName, Target, Visit},
    mcp::{Frame, Method, message},
    refusal::Refusal,
    route::View,
    session::{Session, Wish},
};

/// A server, and a URI of its.
type Resource = (ServerName, String);

impl Pipeline {
    /// The session of that id, if this caller opened it, by this path; perhaps before a restart.
    ///
    /// # Errors
    /// The same for an unknown session and for somebody else's.
    pub fn find(self: &Arc<Self>, id: &str, visit: &Visit) -> Result<Arc<Session>, Refusal> {
        let (session, wish) = self.sessions.find(id, visit)?;
        if let Some(wish) = wish {
            self.restore(&session, *wish, visit.clone());
        }
        Ok(session)
    }

    #[cold]
    fn restore(self: &Arc<Self>, session: &Arc<Session>, wish: Wish, visit: Visit) {
        if let Some(level) = wish.level {
            session.client.set_level(level);
        }
        if !wish.resources.is_empty() {
            let behalf = self.plan.load().policy.behalf(&visit);
            session.client.acts_for(behalf);
        }
        self.sessions.wishes_changed();
        // At once, so that what the client says now comes after it; unless nobody can know yet what
        // there is.
        let known = self.start.is_over();
        let booked = known.then(|| self.book(session, &visit, &wish.resources));
        let (pipeline, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            pipeline.start.over().await;
            let booked = booked.unwrap_or_else(|| pipeline.book(&session, &visit, &wish.resources));
            pipeline.tell_again(&session, booked).await;
        });
    }

    /// Books what the client may hear of now. What belongs to a server that is not up yet is told to
    /// that when it is, as after a restart of its own.
    fn book(&self, session: &Session, visit: &Visit, wanted: &[Resource]) -> Vec<Resource> {
        let plan = self.plan();
        let view = plan.look(visit).ok().map(|(_, view)| view);
        let may = |resource: &&Resource| {
            let is_there = plan.servers.get(&resource.0).is_some();
            let unknown = self.offered(&resource.0).is_none();
            let view = view.as_deref();
            is_there
                && (unknown
                    || view.is_some_and(|view| may_hear(&plan, view, session, visit, resource)))
        };
        let wanted: Vec<Resource> = wanted.iter().take(WATCHED).filter(may).cloned().collect();
        for (server, uri) in &wanted {
            session.client.watch(server, uri, true);
            self.subscriptions.add(server, uri, session.id());
        }
        wanted
    }

    async fn tell_again(&self, session: &Session, booked: Vec<Resource>) {
        let (plan, client) = (self.plan(), &session.client);
        if let Some(level) = client.level() {
            self.set_level(&plan, session, level).await;
        }
        for (server, uri) in booked {
            if self.offered(&server).is_some() && client.hears_of(&server, &uri) {
                // What it refuses stays booked, and it is asked again when it has been away.
                drop(plan.servers.subscribe(&server, &uri, client).await);
            }
        }
    }
}

/// Whether the session's client could subscribe to a resource now, at the same server.
fn may_hear(
    plan: &Plan,
    view: &View,
    session: &Session,
    visit: &Visit,
    (server, uri): &Resource,
) -> bool {
    let params = format!(r#"{{"uri":{}}}"#, message::json(uri));
    let request = message::request(0, Method::ResourcesSubscribe, &params);
    let target = Target::Subscription(uri.clone(), true);
    if view.server(&target) != Some(server) {
        return false;
    }
    let Ok(frame) = Frame::parse(request) else {
        return false;
    };
    let call = Box::new(Call {
        frame,
        target,
        client: session.client.clone(),
        visit: visit.clone(),
    });
    authorise::permit(view, &plan.policy.roles, call).is_ok()
}
