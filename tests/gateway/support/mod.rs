//! A gateway, servers behind it and clients in front of it: real sockets on port 0, gone on drop.

mod answer;
mod client;
mod events;
mod gateway;
mod heard;
mod http_server;
mod modern;
mod policy;
mod running;
mod script;
mod sse_client;
mod sse_server;
mod tls;
mod tunnel;

use std::time::Duration;

use tokio::time::timeout;

pub(crate) use answer::{Answer, Gate};
pub(crate) use client::{Client, Reply, call, initialize, initialize_with, request};
pub(crate) use events::{Event, Events};
pub(crate) use gateway::Gateway;
pub(crate) use heard::Heard;
pub(crate) use http_server::{HttpServer, Reserved, replicas};
pub(crate) use modern::{Modern, acknowledged, named};
pub(crate) use policy::{BELIEVED, key, token};
pub(crate) use running::{Running, folder};
pub(crate) use sse_client::SseClient;
pub(crate) use sse_server::SseServer;
pub(crate) use tls::{Authority, Issued, TLS};
pub(crate) use tunnel::Tunnel;

/// How long anything may take before its test fails. Nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(10);

/// What comes of `future`, if it comes at all.
pub(crate) async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match timeout(DEADLINE, future).await {
        Ok(output) => output,
        Err(_elapsed) => panic!("nothing after {DEADLINE:?}: {what}"),
    }
}

/// A tool as servers list it.
pub(crate) fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#)
}

/// A JSON-RPC notification.
pub(crate) fn notification(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}
