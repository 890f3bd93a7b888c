//! The ways to a server.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    answer::{Trouble, with_id},
    http::Http,
    pool::Pool,
    queue::Queue,
    servers::Sharing,
    stateless::Stateless,
};
use crate::{
    bridge::{self, InputRequired},
    call::{Client, Reply, Target},
    exchange::Exchange,
    mcp::{Frame, Method, Part, fields, message},
    refusal::Refusal,
    route::Routed,
};

/// More rounds of questions than this are a server that turns in circles.
const ROUNDS: usize = 32;

/// A way to a server. It outlives its connections.
#[derive(Clone)]
pub(super) enum Link {
    /// A command, or a legacy stream of events.
    Pool(Arc<Pool>),
    /// Streamable HTTP with sessions.
    Http(Arc<Http>),
    /// HTTP without sessions.
    Stateless(Arc<Stateless>),
}

impl Link {
    /// As it is called in the config and in the state.
    pub(super) fn transport(&self) -> &'static str {
        match self {
            Self::Pool(pool) => pool.transport(),
            Self::Http(_) | Self::Stateless(_) => "http",
        }
    }

    /// Whether it is that one.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pool(one), Self::Pool(other)) => Arc::ptr_eq(one, other),
            (Self::Http(one), Self::Http(other)) => Arc::ptr_eq(one, other),
            (Self::Stateless(one), Self::Stateless(other)) => Arc::ptr_eq(one, other),
            (Self::Pool(_) | Self::Http(_) | Self::Stateless(_), _) => false,
        }
    }

    /// How many answers still arrive that stream through.
    pub(super) fn streaming(&self) -> usize {
        match self {
            Self::Pool(_) => 0, // answers on pipes are whole
            Self::Http(http) => http.wire.streams.len(),
            Self::Stateless(server) => server.wire.streams.len(),
        }
    }

    /// Whether requests on it stand for themselves.
    pub(super) fn is_stateless(&self) -> bool {
        match self {
            Self::Pool(pool) => pool.is_stateless(),
            Self::Http(_) => false,
            Self::Stateless(_) => true,
        }
    }

    /// With whom a client shares a connection.
    pub(super) fn sharing(&self) -> Sharing {
        match self {
            Self::Pool(pool) => pool.sharing(),
            Self::Http(http) if http.is_shared() => Sharing::Everybody,
            Self::Http(_) => Sharing::Nobody,
            Self::Stateless(_) => Sharing::Everybody,
        }
    }

    /// The places of calls on it.
    fn queue(&self) -> &Arc<Queue> {
        match self {
            Self::Pool(pool) => &pool.outlet.queue,
            Self::Http(http) => &http.wire.outlet.queue,
            Self::Stateless(server) => &server.wire.outlet.queue,
        }
    }

    /// Asks something of the gateway's own.
    pub(super) async fn ask(&self, method: Method, params: &str) -> Result<Frame, Refusal> {
        match self {
            Self::Pool(pool) => pool.ask(method, params).await,
            Self::Http(http) => http.ask(method, params).await,
            Self::Stateless(server) => {
                let asked = server.ask(method, params).await;
                asked.map_err(|trouble: Trouble| trouble.into_refusal(&server.wire.outlet.server))
            }
        }
    }

    /// Carries one call, in the revision that the server speaks.
    pub(super) async fn call(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let client = &routed.call().client;
        match (client.revision.is_stateless(), self.is_stateless()) {
            (false, false) | (true, true) => self.pass(routed, exchange).await,
            // Boxed: the bridges are rarer and their futures larger.
            (false, true) => Box::pin(self.call_stateless(routed, exchange)).await,
            (true, false) => Box::pin(self.call_session(routed, exchange)).await,
        }
    }

    /// Carries a stateless client's call to a server that keeps sessions. All its requests share
    /// one, so its ids and tokens, which are only its own, are replaced by numbers.
    async fn call_session(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let call = routed.call();
        // No server with sessions has given one; if it was ours, it was of an earlier life.
        let params = call.frame.params();
        if params.is_some_and(|params| fields::field(params, "requestState").is_some()) {
            return Err(Refusal::Params("`requestState` is not known"));
        }
        let said = bridge::to_session(&call.frame)?;
        let Self::Http(http) = self else {
            let reply = self.pass(&routed.reworded(said), exchange).await?;
            return Ok(bridge::answer_to_stateless(reply, &call.target));
        };
        let number = http.number().to_string();
        let number = number.as_bytes();
        if let Some(token) = call.frame.raw_bytes(Part::MetaToken) {
            exchange.set_given(Bytes::copy_from_slice(number));
            exchange.set_token(token);
        }
        let renumbered = said.with(&[(Part::Id, number), (Part::MetaToken, number)]);
        let reply = self
            .pass(&routed.reworded(Frame::parse(renumbered)?), exchange)
            .await?;
        let message = http.wire.whole(reply).await?;
        let id = call.frame.raw(Part::Id).unwrap_or("null").as_bytes();
        let frame = Frame::parse(message)?;
        Ok(bridge::answer_to_stateless(
            with_id(frame, id),
            &call.target,
        ))
    }

    async fn whole(&self, reply: Reply) -> Result<Bytes, Refusal> {
        match self {
            Self::Pool(_) => Err(Refusal::Unanswered), // answers on pipes are whole
            Self::Http(http) => http.wire.whole(reply).await,
            Self::Stateless(server) => server.wire.whole(reply).await,
        }
    }

    async fn pass(&self, routed: &Routed, exchange: &Arc<Exchange>) -> Result<Reply, Refusal> {
        match self {
            Self::Pool(pool) => pool.call(routed, exchange).await,
            Self::Http(http) => http.call(routed, exchange).await,
            Self::Stateless(server) => server.call(routed, exchange).await,
        }
    }

    /// Carries a session's call to a server that keeps none; answers its questions on the way.
    async fn call_stateless(
        &self,
        routed: &Routed,
        exchange: &Arc<Exchange>,
    ) -> Result<Reply, Refusal> {
        let call = routed.call();
        if let Target::Subscription(uri, wanted) = &call.target {
            self.watch(uri, *wanted).await;
            let id = call.frame.raw(Part::Id).unwrap_or("null");
            return Ok(Reply::Whole(message::result(id.as_bytes(), b"{}")));
        }
        let id = call.frame.raw(Part::Id).unwrap_or("null").as_bytes();
        let mut routed = routed.reworded(bridge::to_stateless(&call.frame, &call.client)?);
        for round in 1..=ROUNDS {
            let passed = self.pass(&routed, exchange).await;
            let message = match passed.map_err(|refusal| under_way(refusal, round))? {
                // However large: it may be a question.
                Reply::Streamed(body) => self.whole(Reply::Streamed(body)).await?,
                Reply::Whole(message) => message,
                Reply::Pieces(pieces) => pieces.joined(),
                Reply::Failed(message) => {
                    let reply = with_id(Frame::parse(message)?, id);
                    return Ok(bridge::answer_to_session(reply, &call.target));
                }
                Reply::Silence => return Ok(Reply::Silence),
            };
            let frame = Frame::parse(message)?;
            let Some(asked) = InputRequired::read(&frame) else {
                return Ok(bridge::answer_to_session(with_id(frame, id), &call.target));
            };
            let lent = self.queue().lend();
            let answers = asked.ask(exchange).await.ok_or(Refusal::Unanswered)?;
            drop(lent);
            let again = bridge::retry(&routed.call().frame, &answers, asked.state.as_deref())?;
            // An id of its own (2026-07-28, Multi Round-Trip Requests).
            let number = format!(r#""mcpgate-{round}-{}""#, exchange.client().number());
            routed = routed.reworded(Frame::parse(again.with(&[(Part::Id, number.as_bytes())]))?);
        }
        Err(Refusal::Unanswered)
    }

    /// A client's session is over; `last`: its caller has no other.
    pub(super) fn session_ended(&self, client: &Client, last: bool) {
        match self {
            Self::Pool(pool) => pool.session_ended(client, last),
            Self::Http(http) => http.session_ended(&client.session),
            Self::Stateless(_) => {}
        }
    }

    /// Lets the server go, for good: who calls it meanwhile learns why.
    pub(super) async fn leave(&self, why: &str) {
        match self {
            Self::Pool(pool) => pool.leave(why).await,
            Self::Http(http) => http.leave().await,
            Self::Stateless(server) => server.over.cancel(),
        }
    }
}

/// Why a call failed that had gone some way: of that the server has seen something, though not of its
/// last request.
fn under_way(refusal: Refusal, round: usize) -> Refusal {
    let Refusal::Unavailable { server, reason } = refusal else {
        return refusal;
    };
    if round == 1 {
        return Refusal::Unavailable { server, reason };
    }
    Refusal::Stopped {
        server,
        reason,
        stderr: Vec::new(),
    }
}
