//! A server over HTTP that answers at once: 1,000 tools, a result as long as their name says.

use std::{convert::Infallible, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use mcpgate::mcp::{Frame, Part};
use tokio::net::TcpListener;

use super::Failure;

pub(crate) const TOOLS: usize = 1000;

/// Serves until the process ends; gives the URL.
pub(crate) async fn serve() -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/mcp", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream.set_nodelay(true));
            let serving =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(async move { drop(serving.await) });
        }
    });
    Ok(url)
}

/// The address in its URL.
pub(crate) fn address(url: &str) -> Result<SocketAddr, Failure> {
    let address = url
        .strip_prefix("http://")
        .and_then(|url| url.strip_suffix("/mcp"));
    Ok(address.ok_or("not a URL of ours")?.parse()?)
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.method() != Method::POST {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return Ok(response);
    }
    let body = request.into_body().collect().await;
    let frame = body
        .ok()
        .and_then(|body| Frame::parse(body.to_bytes()).ok());
    let Some((frame, id)) =
        frame.and_then(|frame| Some((frame.clone(), frame.raw_bytes(Part::Id)?)))
    else {
        *response.status_mut() = StatusCode::ACCEPTED;
        return Ok(response);
    };
    let result = match &*frame.method_name() {
        "initialize" => concat!(
            r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#,
            r#""serverInfo":{"name":"bench","version":"0"}}"#
        )
        .to_owned(),
        "tools/list" => tools(),
        "tools/call" => called(&frame),
        _ => "{}".to_owned(),
    };
    let id = String::from_utf8_lossy(&id);
    let message = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("mcp-session-id", HeaderValue::from_static("bench"));
    *response.body_mut() = Full::new(message.into());
    Ok(response)
}

/// `large_65536` answers so many bytes, all others a few.
fn called(frame: &Frame) -> String {
    let name = frame.text(Part::Name).unwrap_or_default();
    let length = name
        .strip_prefix("large_")
        .and_then(|length| length.parse().ok());
    let text = match length {
        Some(length) => "x".repeat(length),
        None => "42".to_owned(),
    };
    format!(r#"{{"content":[{{"type":"text","text":"{text}"}}],"isError":false}}"#)
}

fn tools() -> String {
    let large = [65_536, 1_048_576].map(|length| format!("large_{length}"));
    let names = (large.len()..TOOLS).map(|number| format!("tool_{number}"));
    let tool = |name: String| {
        format!(
            r#"{{"name":"{name}","description":"One of many.","inputSchema":{{"type":"object"}}}}"#
        )
    };
    let tools: Vec<String> = large.into_iter().chain(names).map(tool).collect();
    format!(r#"{{"tools":[{}]}}"#, tools.join(","))
}
