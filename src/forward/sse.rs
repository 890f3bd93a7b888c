//! A legacy HTTP+SSE server (2024-11-05): one stream of events, and POSTs to the address that
//! its first event names.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method as Verb, StatusCode, Uri, header};
use http_body_util::BodyExt;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    headers::Extra,
    http1::Incoming,
    listing::garbled,
    outlet::Outlet,
    peer::{Outgoing, Peer, Whose},
    wire::{Wire, chain},
};
use crate::{
    mcp::sse::{Decoder, Event},
    refusal::Refusal,
};

/// POSTs at once.
const AT_ONCE: usize = 64;

/// Opens the stream and waits for the address to post to.
///
/// # Errors
/// When the server cannot be reached, has no such stream, or names an address elsewhere.
pub(super) async fn connect(
    outlet: &Outlet,
    wire: &Wire,
    (headers, extra): (&HeaderMap, &Extra),
    whose: Whose,
) -> Result<Arc<Peer>, Refusal> {
    let mut get = extra.over(headers).into_owned();
    get.remove(header::CONTENT_TYPE);
    get.insert(
        header::ACCEPT,
        HeaderValue::from_static("text/event-stream"),
    );
    let response = wire.send(Verb::GET, &get, Bytes::new()).await?;
    if response.status != StatusCode::OK {
        return Err(garbled(
            &outlet.server,
            format!("GET: HTTP {}", response.status),
        ));
    }
    let mut events = Events {
        body: response.body,
        decoder: Decoder::new(wire.max_message),
    };
    let first = events
        .next()
        .await
        .map_err(|words| garbled(&outlet.server, words))?;
    if first.name != "endpoint" {
        return Err(garbled(&outlet.server, "the first event is not `endpoint`"));
    }
    let address = String::from_utf8_lossy(&first.data).into_owned();
    let target = resolve(wire.uri(), address.trim()).ok_or_else(|| {
        garbled(
            &outlet.server,
            format!("the endpoint `{address}` is elsewhere"),
        )
    })?;
    let (peer, queue) = Peer::new(outlet.clone(), whose, extra.clone());
    let post = Post {
        wire: wire.at(target),
        headers: headers.clone(),
    };
    tokio::spawn(read(peer.clone(), events));
    tokio::spawn(write(peer.clone(), queue, post));
    Ok(peer)
}

struct Events {
    body: Incoming,
    decoder: Decoder,
}

impl Events {
    async fn next(&mut self) -> Result<Event, String> {
        loop {
            if let Some(event) = self.decoder.event().map_err(|error| error.to_string())? {
                return Ok(event);
            }
            let Some(piece) = self.body.frame().await else {
                return Err("it closed the stream".to_owned());
            };
            if let Ok(data) = piece.map_err(|error| chain(&error))?.into_data() {
                self.decoder.push(&data);
            }
        }
    }
}

async fn read(peer: Arc<Peer>, mut events: Events) {
    let reason = loop {
        let event = tokio::select! {
            event = events.next() => event,
            () = peer.stop.cancelled() => break "the gateway closed it".to_owned(),
        };
        match event {
            Ok(event) if event.name.is_empty() || event.name == "message" => {
                peer.take(&event.data);
                peer.abroad.hand_over();
            }
            Ok(_) => {}
            Err(reason) => break reason,
        }
    };
    peer.end(reason, Vec::new());
}

/// Where and how a peer's messages are posted.
#[derive(Clone)]
struct Post {
    wire: Wire,
    headers: HeaderMap,
}

/// Posts what is queued, several at once: a server may hold a POST until its call is done.
async fn write(peer: Arc<Peer>, mut queue: mpsc::Receiver<Outgoing>, post: Post) {
    let mut posts = JoinSet::new();
    loop {
        let outgoing = tokio::select! {
            outgoing = queue.recv() => outgoing,
            () = peer.stop.cancelled() => None,
        };
        let Some(outgoing) = outgoing else { return };
        while posts.try_join_next().is_some() {}
        if posts.len() >= AT_ONCE {
            posts.join_next().await;
        }
        let (peer, post) = (peer.clone(), post.clone());
        posts.spawn(async move {
            let headers = outgoing.extra.over(&post.headers);
            let sent = post.wire.send(Verb::POST, &headers, outgoing.message).await;
            let reason = match sent {
                Ok(response) if response.status.is_success() => return,
                Ok(response) => format!("HTTP {} to a message", response.status),
                Err(refusal) => refusal.to_string(),
            };
            tracing::warn!(server = %peer.outlet.server, "{reason}");
            // Its answer will never come on the stream.
            if let Some(id) = outgoing.id {
                peer.refused(id, reason);
            }
        });
    }
}

/// The address that an endpoint event names, which must be on the stream's own origin.
fn resolve(stream: &Uri, endpoint: &str) -> Option<Uri> {
    let mut parts = stream.clone().into_parts();
    let named: Uri = if endpoint.starts_with("http://") || endpoint.starts_with("https://") {
        endpoint.parse().ok()?
    } else if endpoint.starts_with("//") {
        return None; // another host, whatever it is
    } else if endpoint.starts_with('/') {
        parts.path_and_query = Some(endpoint.parse().ok()?);
        Uri::from_parts(parts).ok()?
    } else {
        let folder = stream
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        parts.path_and_query = Some(format!("{folder}/{endpoint}").parse().ok()?);
        Uri::from_parts(parts).ok()?
    };
    let same = named.scheme() == stream.scheme()
        && named.host() == stream.host()
        && port(&named) == port(stream);
    same.then_some(named)
}

fn port(uri: &Uri) -> u16 {
    let default = if uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    uri.port_u16().unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_on_the_origin_of_its_stream() {
        let stream: Uri = "http://one.lan:80/a/sse".parse().unwrap();
        for (endpoint, expected) in [
            ("/messages?id=1", Some("http://one.lan:80/messages?id=1")),
            ("messages", Some("http://one.lan:80/a/messages")),
            ("http://one.lan/m", Some("http://one.lan/m")),
            ("http://two.lan/m", None),
            ("https://one.lan/m", None),
            ("http://one.lan:81/m", None),
            ("//two.lan/m", None),
        ] {
            let resolved = resolve(&stream, endpoint).map(|uri| uri.to_string());
            assert_eq!(resolved.as_deref(), expected, "{endpoint}");
        }
    }
}
