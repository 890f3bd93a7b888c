//! How a call finds a replica, and another one where the first has seen nothing of it.

use std::sync::{Arc, atomic::Ordering};

use super::{Replica, Replicas, Tried, pins::Pin};
use crate::{
    call::{Client, Reply, Target},
    exchange::Exchange,
    forward::{link::Link, servers::Sharing},
    refusal::Refusal,
    route::Routed,
};

/// Where a call goes. A session stays there as long as this lives.
struct Place {
    replica: Arc<Replica>,
    _pin: Option<Arc<Pin>>,
}

impl From<&Arc<Replica>> for Place {
    fn from(replica: &Arc<Replica>) -> Self {
        Self {
            replica: replica.clone(),
            _pin: None,
        }
    }
}

impl From<Arc<Pin>> for Place {
    fn from(pin: Arc<Pin>) -> Self {
        Self {
            replica: pin.replica.clone(),
            _pin: Some(pin),
        }
    }
}

impl Replicas {
    /// Carries one call: at each replica once at most, and at another one only if nothing was seen of
    /// it.
    ///
    /// # Errors
    /// When none can be reached, or the one that has seen it does not answer.
    pub(in crate::forward) async fn call(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let (mut tried, mut refusal) = (Tried::default(), None);
        while let Some(place) = self.place(routed, tried) {
            let replica = &place.replica;
            if let Some(Refusal::Unavailable { .. }) = refusal {
                replica.server.retries.fetch_add(1, Ordering::Relaxed);
            }
            if let (Some(refusal), Some(trace)) = (&refusal, routed.trace()) {
                trace.note("another_replica", || ("reason", refusal.to_string()));
            }
            let in_flight = replica.begin();
            let answer = replica.server.call(routed, exchange).await;
            drop(in_flight);
            match answer {
                Err(unseen) if is_unseen(&unseen) => refusal = Some(unseen),
                answer => {
                    self.note(routed, replica, &answer);
                    return answer;
                }
            }
            tried.add(replica);
        }
        Err(refusal.unwrap_or(Refusal::Unanswered))
    }

    /// The next replica for a call, if there is one that has not been tried.
    fn place(&self, routed: &Routed, tried: Tried) -> Option<Place> {
        let call = routed.call();
        let sharing = self.sharing();
        if sharing != Sharing::Everybody {
            return Some(self.pin(&call.client, sharing, tried)?.into());
        }
        // What only one of them knows.
        let known = match &call.target {
            Target::Task(id) => self.tasks.place(id),
            Target::Subscription(..) => self.lead.index(),
            Target::Ping
            | Target::List(_)
            | Target::LogLevel(_)
            | Target::Tool(_)
            | Target::Prompt(_)
            | Target::Resource(_)
            | Target::PromptArgument(_)
            | Target::TemplateArgument(_)
            | Target::Other(_) => None,
        };
        let known = known.and_then(|index| self.all.get(index));
        let known = known.filter(|replica| !tried.has(replica));
        Some(known.or_else(|| self.best(tried))?.into())
    }

    /// Remembers where a task is.
    fn note(&self, routed: &Routed, replica: &Replica, answer: &Result<Reply, Refusal>) {
        let call = routed.call();
        let (Target::Tool(_), Ok(reply)) = (&call.target, answer) else {
            return;
        };
        if call.client.knows_tasks()
            && let Some(id) = reply.task()
        {
            self.tasks.add(id, replica.index);
        }
    }

    /// A client wants to hear of a resource, where its session is.
    ///
    /// # Errors
    /// When that is nowhere, or refuses.
    pub(in crate::forward) async fn subscribe(
        &self,
        uri: &str,
        client: &Arc<Client>,
    ) -> Result<(), Refusal> {
        let sharing = self.sharing();
        if sharing == Sharing::Everybody {
            return self.link()?.subscribe(uri, Some(client)).await;
        }
        let (mut tried, mut refusal) = (Tried::default(), Refusal::Unanswered);
        while let Some(pin) = self.pin(client, sharing, tried) {
            let asked = match pin.replica.server.link() {
                Ok(link) => Link::subscribe(&link, uri, Some(client)).await,
                Err(refusal) => Err(refusal),
            };
            match asked {
                Err(unseen) if is_unseen(&unseen) => refusal = unseen,
                asked => return asked,
            }
            tried.add(&pin.replica);
        }
        Err(refusal)
    }
}

/// Whether the server has seen nothing of what was refused like this.
fn is_unseen(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Unavailable { .. } | Refusal::BreakerOpen { .. }
    )
}
