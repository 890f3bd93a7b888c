//! A connection to the gateway, opened again when it has closed.

use bytes::Bytes;
use http::{Request, Response, header, request::Builder};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::world::World;

/// Why nothing came back.
pub(crate) type Broken = String;

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) session: Option<String>,
    /// All messages, in their order.
    pub(crate) messages: Vec<Value>,
    /// The beginning of it, for who wonders.
    pub(crate) text: String,
}

/// A connection.
#[derive(Default)]
pub(crate) struct Wire {
    /// And the epoch in which it was opened: no restart is outlived.
    open: Option<(SendRequest<Full<Bytes>>, u64)>,
}

/// The beginning of a request of somebody.
pub(crate) fn request(world: &World, method: &str, path: &str, key: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, world.address.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ACCEPT, "application/json, text/event-stream")
        .header("x-api-key", key)
}

impl Wire {
    /// Sends a request; gives the response once it begins.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) async fn send(
        &mut self,
        world: &World,
        request: Builder,
        body: String,
    ) -> Result<Response<Incoming>, Broken> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let request = request.body(Full::new(body.into()));
        let request = request.map_err(|error| words(&error))?;
        let epoch = world.turmoil.epoch();
        let usable = match &mut self.open {
            Some((sender, opened)) => *opened == epoch && sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            let stream = TcpStream::connect(world.address).await;
            let stream = stream.map_err(|error| words(&error))?;
            drop(stream.set_nodelay(true));
            let opened = http1::handshake(TokioIo::new(stream)).await;
            let (sender, connection) = opened.map_err(|error| words(&error))?;
            tokio::spawn(async move { drop(connection.await) });
            self.open = Some((sender, epoch));
        }
        let Some((sender, _)) = &mut self.open else {
            return Err("it is not open".to_owned());
        };
        let sent = sender.send_request(request).await;
        sent.map_err(|error| {
            self.open = None;
            words(&error)
        })
    }

    /// Sends a request, and reads all that comes back.
    ///
    /// # Errors
    /// When the connection breaks before the end of it.
    pub(crate) async fn ask(
        &mut self,
        world: &World,
        request: Builder,
        body: String,
    ) -> Result<Reply, Broken> {
        let response = self.send(world, request, body).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| {
            self.open = None;
            format!("in the middle of an answer: {error}")
        })?;
        let body = body.to_bytes();
        let text = String::from_utf8_lossy(&body);
        let kind = head.headers.get(header::CONTENT_TYPE);
        let streams = kind.is_some_and(|kind| kind == "text/event-stream");
        let messages = match streams {
            true => text.split("\n\n").filter_map(event).collect(),
            false => match serde_json::from_str(&text) {
                Ok(Value::Array(all)) => all,
                Ok(one) => vec![one],
                Err(_) => Vec::new(),
            },
        };
        let session = head.headers.get("mcp-session-id");
        Ok(Reply {
            status: head.status.as_u16(),
            session: session.and_then(|id| id.to_str().ok()).map(str::to_owned),
            messages,
            text: text.chars().take(300).collect(),
        })
    }
}

/// The message of an event.
pub(crate) fn event(block: &str) -> Option<Value> {
    let data = block.lines().find_map(|line| line.strip_prefix("data:"))?;
    serde_json::from_str(data.trim_start()).ok()
}
