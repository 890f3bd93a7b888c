//! The last lines of a server, and those that come.

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Response, header};
use tokio_util::sync::CancellationToken;

use crate::{
    accept::body::Body,
    forward::{Batch, JournalReader, Server},
};

/// Answers with lines of text: the last `lines`, and with `follow=1` each as it comes, until
/// `closing`.
pub(super) fn answer(
    server: &Server,
    query: Option<&str>,
    closing: &CancellationToken,
) -> Response<Body> {
    let mut asked = query.unwrap_or_default().split('&');
    let follows = asked.clone().any(|part| part == "follow=1");
    let lines = asked.find_map(|part| part.strip_prefix("lines=")?.parse().ok());
    let reader = server.journal().read(lines.unwrap_or(usize::MAX));
    let body = match follows {
        true => following(reader, closing.clone()),
        false => Body::Whole(text(&{ reader }.take())),
    };
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn following(reader: JournalReader, closing: CancellationToken) -> Body {
    let lines = stream::unfold((reader, closing), |(mut reader, closing)| async move {
        loop {
            let text = text(&reader.take());
            if !text.is_empty() {
                return Some((text, (reader, closing)));
            }
            tokio::select! {
                () = reader.more() => {}
                () = closing.cancelled() => return None,
            }
        }
    });
    Body::Events(Box::pin(lines))
}

fn text(batch: &Batch) -> Bytes {
    let mut text = String::new();
    if batch.lost > 0 {
        text = format!("mcpgate: {} lines were not read in time\n", batch.lost);
    }
    for line in &batch.lines {
        text.push_str(line);
        text.push('\n');
    }
    text.into()
}
