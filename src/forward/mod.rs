//! How a call gets to its server, and what servers say of their own accord.
//!
//! A [`Server`] is one `[servers.<name>]` table. Behind it stands a link, stdio or HTTP; it is
//! kept up by `supervise`, and calls find it, or learn why it is not there.

mod answer;
mod check;
mod child;
mod clients;
mod config;
mod headers;
mod http;
mod life;
mod lines;
mod listing;
mod pipe;
mod server;
mod stdio;
mod stream;
mod supervise;
mod ticket;
mod upstream;
mod wire;
mod withdrawal;

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use bytes::Bytes;
use tokio::sync::Notify;

pub use config::{Secret, ServerConfig, Text};
pub use lines::Lines;
pub use server::{Server, Servers, State};

use crate::{
    call::{Level, ServerName},
    exchange::Exchange,
    mcp::{Frame, List, Method, Part, message},
    route::Catalog,
};

/// Where everything goes that a server says and no call has asked for.
pub trait Upward: Send + Sync {
    /// A notification. It is for one session where the link knows that session; otherwise for
    /// those whom it concerns, `calls` being the calls under way on that server.
    fn notice(
        &self,
        server: &ServerName,
        session: Option<&str>,
        calls: &[Arc<Exchange>],
        frame: Frame,
    );

    /// The server has come up, or its lists have changed: this is what it offers now.
    fn offer(&self, server: &ServerName, catalog: Catalog);

    /// The first attempt to reach the server is over, well or badly.
    fn settled(&self, server: &ServerName);
}

/// Which lists of a server have changed since they were fetched.
#[derive(Debug, Default)]
struct Changes {
    lists: AtomicU8,
    came: Notify,
}

impl Changes {
    fn add(&self, list: List) {
        // One notification stands for both lists of resources.
        let templates = if list == List::Resources {
            1 << List::Templates as u8
        } else {
            0
        };
        self.lists
            .fetch_or(1 << list as u8 | templates, Ordering::Relaxed);
        self.came.notify_one();
    }

    /// Waits for changes; several that came meanwhile are one.
    async fn take(&self) -> Vec<List> {
        loop {
            let lists = self.lists.swap(0, Ordering::Relaxed);
            if lists != 0 {
                return List::ALL
                    .into_iter()
                    .filter(|list| lists & 1 << *list as u8 != 0)
                    .collect();
            }
            self.came.notified().await;
        }
    }
}

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

/// Tells a server that the call it knows as `id` is no longer wanted: in the client's own words
/// if it was the client who said so.
fn cancelled(exchange: &Exchange, id: &[u8]) -> Bytes {
    if let Some(frame) = exchange.withdrawal() {
        return frame.with(&[(Part::RequestId, id)]);
    }
    let params = format!(r#"{{"requestId":{}}}"#, String::from_utf8_lossy(id));
    message::notification(Method::Cancelled, Some(&params))
}

/// `initialize` of the gateway as a client. It answers for nobody, so it claims no capability.
fn initialize_params(revision: crate::mcp::Revision) -> String {
    format!(
        r#"{{"protocolVersion":"{revision}","capabilities":{{}},"clientInfo":{{"name":"mcpgate","version":"{}"}}}}"#,
        env!("CARGO_PKG_VERSION")
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
