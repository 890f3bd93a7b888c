//! `[traces]`: spans, sent to a collector that reads them for itself.

mod collector;
mod context;
mod export;
mod process;
mod spans;
mod ways;
mod wire;

use crate::support::{Gateway, HttpServer};
pub(crate) use collector::Collector;
use collector::Span;

/// The kinds of spans.
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

/// A gateway that traces, in front of a server with one tool.
async fn started(more: &str) -> (Collector, HttpServer, Gateway) {
    let (collector, server) = (
        Collector::start().await,
        HttpServer::with_tools(&["echo"]).await,
    );
    let servers = format!("{}{}{more}", collector.table(""), server.table("up"));
    let gateway = Gateway::start(&servers).await;
    gateway.settled().await;
    (collector, server, gateway)
}
