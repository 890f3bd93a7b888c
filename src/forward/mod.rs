//! How a call gets to its server, and what servers say of their own accord.
//!
//! A [`Server`] is one `[servers.<name>]` table. Behind it stands a link, stdio or HTTP; it is
//! kept up by `supervise`, and calls find it, or learn why it is not there.

mod abroad;
mod answer;
mod backoff;
mod breaker;
mod caller_meta;
mod capped;
mod check;
mod check_process;
mod child;
mod clients;
mod command;
mod config;
mod connect;
mod drain;
mod environment;
mod failing;
mod forgotten;
mod guarded;
mod hand;
mod headers;
mod hearing;
mod http;
mod http1;
mod instances;
mod journal;
mod leaving;
mod life;
mod link;
mod listen;
mod listing;
mod liveness;
mod noise;
mod opening;
mod outlet;
mod passing;
mod peer;
mod pool;
mod questions;
mod queue;
mod reading;
mod replicas;
mod rest;
mod sending;
mod server;
mod servers;
mod size;
mod sse;
mod state;
mod stateless;
mod stdio;
mod stream;
mod supervise;
mod ticket;
mod trust;
mod unstarted;
mod upstream;
mod urls;
mod watched;
mod wire;
mod wishes;
mod withdrawal;

use bytes::Bytes;

pub use breaker::BreakerConfig;
pub(crate) use check::check_headers;
pub use config::{Scope, Secret, ServerConfig, Start, Text, Transport};
pub(crate) use headers::templates;
pub use journal::{Batch, Journal, Reader as JournalReader};
pub use outlet::{Answering, Audience, Upward};
pub use server::{Server, State};
pub use servers::{Servers, Sharing};
pub use size::Size;
pub use state::ReplicaState;
pub use trust::Trust;
pub(crate) use trust::{advised, tls};
pub use urls::Urls;
pub(crate) use wire::{Plain, chain, client};

use crate::{
    call::{Client, Level},
    exchange::Exchange,
    mcp::{Frame, Method, Part, Revision, message},
};

/// The answer to what a server asks and nobody here can answer: only `ping` has one.
fn decline(question: &Frame) -> Bytes {
    let id = question.raw(Part::Id).unwrap_or("null").as_bytes();
    if question.method() == Some(Method::Ping) {
        return message::result(id, b"{}");
    }
    let words = "the client behind this gateway offers no such feature";
    message::error(
        Some(id),
        &message::Error {
            code: -32601,
            message: words,
            data: None,
        },
    )
}

/// Whether a server asks what the gateway answers by itself.
fn is_for_us(question: &Frame) -> bool {
    question.method() == Some(Method::Ping)
}

/// Tells a server that the call it knows as `id` is no longer wanted: in the client's own words
/// if it was the client who said so.
fn cancelled(exchange: &Exchange, id: &[u8]) -> Bytes {
    if let Some(frame) = exchange.withdrawal() {
        return frame.with(&[(Part::RequestId, id)]);
    }
    let params = format!(r#"{{"requestId":{}}}"#, String::from_utf8_lossy(id));
    message::notification(Method::Cancelled, Some(&params))
}

/// `initialize` for a client, with what it said of itself; or for the gateway's own sake, which
/// answers for nobody and so claims no capability.
fn initialize_params(client: Option<&Client>) -> String {
    let legacy = client.filter(|client| !client.revision.is_stateless());
    let revision = legacy.map_or(Revision::LATEST, |client| client.revision);
    let capabilities = client.map_or("{}", |client| &client.capabilities);
    // A stateless client need not say who it is; a session's server wants to know.
    let info = client
        .map(|client| client.info.as_ref())
        .filter(|info| *info != "{}");
    let info = info.unwrap_or(message::GATEWAY);
    format!(
        r#"{{"protocolVersion":"{revision}","capabilities":{capabilities},"clientInfo":{info}}}"#
    )
}

/// `params` of `logging/setLevel`.
fn level_params(level: Level) -> String {
    format!(r#"{{"level":"{}"}}"#, level.name())
}

/// `params` of `resources/subscribe` and its end.
fn uri_params(uri: &str) -> String {
    format!(r#"{{"uri":{}}}"#, message::json(&uri))
}
