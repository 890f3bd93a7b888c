//! A server over HTTP that answers at once: 1,000 tools, the same small result for each call.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use mcpgate::mcp::{Frame, Part};
use tokio::net::TcpListener;

use super::Failure;

pub(super) const TOOLS: usize = 1000;

/// Serves until the process ends; gives the URL.
pub(super) async fn serve() -> Result<String, Failure> {
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
        "tools/call" => r#"{"content":[{"type":"text","text":"42"}]}"#.to_owned(),
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

fn tools() -> String {
    let tool = |number: usize| {
        format!(
            r#"{{"name":"tool_{number}","description":"Number {number} of many.","inputSchema":{{"type":"object"}}}}"#
        )
    };
    let tools: Vec<String> = (0..TOOLS).map(tool).collect();
    format!(r#"{{"tools":[{}]}}"#, tools.join(","))
}
