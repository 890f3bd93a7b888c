//! What a span says, in the words of OpenTelemetry's conventions for MCP; what those have no word
//! for begins with `mcpgate.`. Never what a tool is called with, or what it answers.

use http::Uri;
use sha2::{Digest, Sha256};

use super::otlp::KeyValue;
use crate::{
    call::{Client, RoleName, Visit},
    mcp::{Frame, Method, Part},
    observe::one_line,
};

/// What a method is called that may be anything.
pub(super) const OTHER: &str = "_OTHER";

/// Names no span: there may be any number of them.
pub(super) const RESOURCE: &str = "mcp.resource.uri";

/// Its method, in a span's name.
pub(super) fn method(frame: &Frame) -> &'static str {
    frame.method().map_or(OTHER, Method::name)
}

/// What a request is about, as the client calls it: the key, and what it is.
pub(super) fn target(frame: &Frame) -> Option<(&'static str, String)> {
    let keys = [
        (Method::ToolsCall, "gen_ai.tool.name", Part::Name),
        (Method::PromptsGet, "gen_ai.prompt.name", Part::Name),
        (Method::ResourcesRead, RESOURCE, Part::Uri),
        (Method::ResourcesSubscribe, RESOURCE, Part::Uri),
        (Method::ResourcesUnsubscribe, RESOURCE, Part::Uri),
    ];
    let method = frame.method()?;
    let (_, key, part) = keys.into_iter().find(|(known, _, _)| *known == method)?;
    Some((key, one_line(&frame.text(part)?)))
}

/// What is known of a request when it comes in.
pub(super) fn of_request(frame: &Frame, visit: &Visit, client: &Client) -> Vec<KeyValue> {
    let mut all = of_method(frame);
    let id = frame.text(Part::Id);
    let id = id.as_deref().or(frame.raw(Part::Id)).unwrap_or_default();
    all.push(KeyValue::text("jsonrpc.request.id", one_line(id)));
    all.push(KeyValue::text(
        "mcp.protocol.version",
        client.revision.as_str(),
    ));
    if !client.revision.is_stateless() && !client.session.is_empty() {
        all.push(KeyValue::text("mcp.session.id", hidden(&client.session)));
    }
    match visit.caller.address {
        Some(address) => {
            all.push(KeyValue::text("client.address", address.to_string()));
            all.extend(over_http());
        }
        None => all.push(KeyValue::text("network.transport", "pipe")),
    }
    all.push(KeyValue::text(
        "mcpgate.caller",
        one_line(&visit.caller.name),
    ));
    if let Some(role) = visit.caller.standing.role() {
        all.push(KeyValue::text("mcpgate.role", RoleName::as_str(role)));
    }
    all
}

/// What is asked for, and how.
pub(super) fn of_method(frame: &Frame) -> Vec<KeyValue> {
    let known = frame.method().map(Method::name);
    let name = known.map_or_else(|| one_line(&frame.method_name()), str::to_owned);
    let mut all = vec![KeyValue::text("mcp.method.name", name)];
    if frame.method() == Some(Method::ToolsCall) {
        all.push(KeyValue::text("gen_ai.operation.name", "execute_tool"));
    }
    all
}

/// How a server is reached.
pub(super) fn of_link(transport: &str, url: Option<&str>) -> Vec<KeyValue> {
    if transport == "stdio" {
        return vec![KeyValue::text("network.transport", "pipe")];
    }
    let mut all: Vec<KeyValue> = over_http().into();
    let uri = url.and_then(|url| url.parse::<Uri>().ok());
    let authority = uri.as_ref().and_then(Uri::authority);
    if let (Some(uri), Some(authority)) = (&uri, authority) {
        let usual = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let port = authority.port_u16().unwrap_or(usual);
        all.push(KeyValue::text("server.address", authority.host()));
        all.push(KeyValue::number("server.port", port.into()));
    }
    all
}

fn over_http() -> [KeyValue; 2] {
    [
        KeyValue::text("network.transport", "tcp"),
        KeyValue::text("network.protocol.name", "http"),
    ]
}

/// Whoever has a session's id may go on with the session; this tells two apart and no more.
fn hidden(session: &str) -> String {
    let digest = Sha256::digest(session);
    let first = digest.iter().take(8);
    first.map(|byte| format!("{byte:02x}")).collect()
}
