//! Calls of stateless clients that wait for an answer from the client itself.
//!
//! A server with sessions asks in the middle of a call. The client cannot be asked there: it gets
//! the question as a result, and brings the answer with a request of its own (2026-07-28, Multi
//! Round-Trip Requests). Until then the call is parked, with the server none the wiser.

mod reading;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::{task::JoinHandle, time::Instant};

use super::{Answer, Arrival, Pending, Pipeline};
use crate::{
    authorise,
    boxed::boxed,
    bridge::{self, Seal},
    call::{Call, Reply},
    exchange::Exchange,
    mcp::{Frame, Part, fields},
    observe::{Outcome, Record},
    refusal::Refusal,
};
use reading::{answer, brought, purpose};

/// Calls parked at once.
const MOST: usize = 10_000;
/// How long a client may take to come back.
const LONGEST: Duration = Duration::from_secs(600);

/// The parked calls.
pub(super) struct Parking {
    seal: Option<Seal>,
    parked: DashMap<[u8; 16], Parked>,
}

struct Parked {
    call: Task,
    /// The request that began it: its arguments are what the server works on.
    begun: Frame,
    exchange: Arc<Exchange>,
    asked: Vec<(u64, Frame)>,
    until: Instant,
}

impl Parked {
    fn new(call: Task, begun: Frame, exchange: Arc<Exchange>, asked: Vec<(u64, Frame)>) -> Self {
        Self {
            call,
            begun,
            exchange,
            asked,
            until: Instant::now() + LONGEST,
        }
    }
}

/// A call that goes on by itself, and ends when nobody holds it any more.
struct Task(JoinHandle<Answer>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Parking {
    pub(super) fn new() -> Self {
        Self {
            seal: Seal::new(),
            parked: DashMap::new(),
        }
    }

    /// Ends the calls whose clients do not come back.
    pub(super) fn sweep(&self) {
        self.parked
            .retain(|_, parked| parked.until > Instant::now());
    }

    /// Parks a call; gives what the client is to bring back.
    fn park(&self, purpose: &str, parked: Parked) -> Option<String> {
        if self.parked.len() >= MOST {
            return None;
        }
        let mut key = [0; 16];
        getrandom::fill(&mut key).ok()?;
        let state = self.seal.as_ref()?.close(purpose, &key)?;
        self.parked.insert(key, parked);
        Some(state)
    }

    /// Whether a state was given here, sound or not.
    fn is_ours(&self, state: &str) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.is_ours(state))
    }

    fn fetch(&self, purpose: &str, state: &str) -> Option<Parked> {
        let key = self.seal.as_ref()?.open(purpose, state)?;
        let (_, parked) = self.parked.remove(key.as_slice())?;
        (parked.until > Instant::now()).then_some(parked)
    }
}

impl Pipeline {
    /// Starts a request. The exchange carries what precedes its answer.
    pub fn begin(self: &Arc<Self>, arrival: Arrival) -> (Pending, Arc<Exchange>) {
        if !arrival.session.client.revision.is_stateless() {
            let exchange = arrival.exchange.clone();
            return (boxed(|| self.clone().answer(arrival)), exchange);
        }
        let (purpose, begun) = (purpose(&arrival), arrival.frame.clone());
        let id = arrival.frame.raw_bytes(Part::Id).unwrap_or_default();
        let state = brought(&arrival.frame, "requestState").and_then(fields::string);
        if let Some(state) = state.filter(|state| self.parking.is_ours(state)) {
            let resumed = self.resume(&arrival, &purpose, &state);
            return resumed.unwrap_or_else(|refusal| {
                let exchange = arrival.exchange.clone();
                let record = self.record_of(&arrival);
                let answer = Answer::refused(refusal, true, record, &id);
                (Box::pin(std::future::ready(answer)), exchange)
            });
        }
        let (pipeline, exchange) = (self.clone(), arrival.exchange.clone());
        let call = boxed(|| self.clone().answer(arrival));
        let asking = exchange.clone();
        let going = Going::New(call, begun);
        let turn = async move { pipeline.turn(going, asking, purpose, id).await };
        (Box::pin(turn), exchange)
    }

    /// The record of a request that is refused before it has become a call.
    fn record_of(&self, arrival: &Arrival) -> Record {
        let mut record = Record::open(&self.metrics);
        let client = arrival.session.client.clone();
        let call = Call::read(arrival.frame.clone(), client, arrival.visit.clone());
        // It is refused either way, whether that can be recorded or not.
        drop(call.and_then(|call| record.call(&call, self.audit.as_ref())));
        record
    }

    /// Goes on with a parked call, with the answers that the client brings.
    fn resume(
        self: &Arc<Self>,
        arrival: &Arrival,
        purpose: &str,
        state: &str,
    ) -> Result<(Pending, Arc<Exchange>), Refusal> {
        let session = &arrival.session;
        let plan = self.plan.load_full();
        let (_, view) = plan.look(&arrival.visit)?;
        let permit = |frame: &Frame| {
            let (client, visit) = (session.client.clone(), arrival.visit.clone());
            let call = Call::read(frame.clone(), client, visit)?;
            authorise::permit(&*view, &plan.policy.roles, call)
        };
        permit(&arrival.frame)?;
        let unknown = Refusal::Params("`requestState` is not known, or has expired");
        let mut parked = self.parking.fetch(purpose, state).ok_or(unknown)?;
        // What goes on are the arguments of then, under the role of now; else it ends here.
        permit(&parked.begun)?;
        let answers = brought(&arrival.frame, "inputResponses").unwrap_or("{}");
        let client = parked.exchange.client();
        let done = parked.call.0.is_finished();
        parked.asked.retain(|(key, _)| match answer(answers, *key) {
            // The server may have given up on it: then the answer is for nobody.
            Some(answer) => {
                client.answered_as(*key, answer);
                false
            }
            // Nor is it asked again once the server has taken it back, or answered without.
            None => !done && client.awaits(*key),
        });
        if let Some(token) = arrival.frame.raw_bytes(Part::MetaToken) {
            parked.exchange.set_token(token);
        }
        let (pipeline, exchange, purpose) =
            (self.clone(), parked.exchange.clone(), purpose.to_owned());
        let id = arrival.frame.raw_bytes(Part::Id).unwrap_or_default();
        let asking = exchange.clone();
        let (session, cancelled) = (session.clone(), exchange.clone());
        let turn = async move {
            // From now on it is cancelled under this id.
            let _underway = session.begin(id.clone(), &cancelled);
            // What was asked and not answered is asked again.
            if !parked.asked.is_empty() {
                return pipeline.ask(parked, &purpose, &id);
            }
            let going = Going::Parked(parked.call, parked.begun);
            pipeline.turn(going, asking, purpose, id).await
        };
        Ok((Box::pin(turn), exchange))
    }

    /// One turn of a call: to its answer, or to the next question.
    async fn turn(
        &self,
        going: Going,
        exchange: Arc<Exchange>,
        purpose: String,
        id: Bytes,
    ) -> Answer {
        match going {
            Going::New(mut call, begun) => {
                let asked = tokio::select! {
                    biased;
                    answer = &mut call => return answer,
                    asked = exchange.asked() => asked,
                };
                let call = Task(tokio::spawn(call));
                self.ask(Parked::new(call, begun, exchange, asked), &purpose, &id)
            }
            Going::Parked(mut task, begun) => {
                let asked = tokio::select! {
                    biased;
                    answer = &mut task.0 => return self.finished(answer, &id),
                    asked = exchange.asked() => asked,
                };
                self.ask(Parked::new(task, begun, exchange, asked), &purpose, &id)
            }
        }
    }

    /// Parks a call and hands its questions to the client.
    fn ask(&self, mut parked: Parked, purpose: &str, id: &[u8]) -> Answer {
        let mut record = Record::open(&self.metrics);
        parked.until = Instant::now() + LONGEST;
        let asked = parked.asked.clone();
        let Some(state) = self.parking.park(purpose, parked) else {
            return Answer::refused(Refusal::Unanswered, true, record, id);
        };
        record.end(Outcome::Ok);
        Answer::of(Reply::Whole(bridge::ask(id, &asked, &state)), record)
    }

    /// The answer of a call that was parked, under the id of the request that fetched it.
    fn finished(&self, answer: Result<Answer, tokio::task::JoinError>, id: &[u8]) -> Answer {
        let Ok(answer) = answer else {
            let record = Record::open(&self.metrics);
            return Answer::refused(Refusal::Unanswered, true, record, id);
        };
        let renamed = |message: Bytes| match Frame::parse(message.clone()) {
            Ok(frame) => frame.with(&[(Part::Id, id)]),
            Err(_) => message,
        };
        let reply = match answer.reply {
            Reply::Whole(message) => Reply::Whole(renamed(message)),
            Reply::Failed(message) => Reply::Failed(renamed(message)),
            other @ (Reply::Pieces(_) | Reply::Streamed(_) | Reply::Silence) => other,
        };
        Answer { reply, ..answer }
    }
}

/// Where a call stands at the beginning of a turn.
enum Going {
    New(Pending, Frame),
    Parked(Task, Frame),
}
