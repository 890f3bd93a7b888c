//! Messages the gateway writes itself.

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

use super::Method;

/// The gateway, as it says who it is: `clientInfo`, `serverInfo`.
pub const GATEWAY: &str = concat!(
    r#"{"name":"mcpgate","version":""#,
    env!("CARGO_PKG_VERSION"),
    r#""}"#
);

/// A response around a result that is already JSON.
pub fn result(id: &[u8], result: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(40 + id.len() + result.len());
    begin_result(&mut out, id);
    out.put_slice(result);
    out.put_slice(END);
    out.freeze()
}

/// What stands before and after the result in such a response.
pub fn around_result(id: &[u8]) -> (Bytes, Bytes) {
    let mut out = BytesMut::with_capacity(40 + id.len());
    begin_result(&mut out, id);
    (out.freeze(), Bytes::from_static(END))
}

const END: &[u8] = b"}";

fn begin_result(out: &mut BytesMut, id: &[u8]) {
    out.put_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.put_slice(id);
    out.put_slice(br#","result":"#);
}

/// A JSON-RPC error object.
#[derive(Debug, Serialize)]
pub struct Error<'a> {
    /// JSON-RPC's or the protocol's number.
    pub code: i32,
    /// For a person.
    pub message: &'a str,
    /// For a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// An error response; without an id (`null`) where the request's could not be read.
pub fn error(id: Option<&[u8]>, error: &Error<'_>) -> Bytes {
    let mut out = BytesMut::with_capacity(128);
    out.put_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.put_slice(id.unwrap_or(b"null"));
    out.put_slice(br#","error":"#);
    out.put_slice(json(error).as_bytes());
    out.put_u8(b'}');
    out.freeze()
}

/// A request of the gateway's own; `params` is JSON.
pub fn request(id: u64, method: Method, params: &str) -> Bytes {
    let method = method.name();
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#).into()
}

/// A notification of the gateway's own, with `params` if they are given.
pub fn notification(method: Method, params: Option<&str>) -> Bytes {
    let method = method.name();
    match params {
        Some(params) => {
            format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#).into()
        }
        None => format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#).into(),
    }
}

/// Says that the question of that number is given up.
pub fn unasked(id: u64) -> Bytes {
    let params = format!(r#"{{"requestId":{id}}}"#);
    notification(Method::Cancelled, Some(&params))
}

/// A value of our own as JSON. Our types have string keys and no failing parts.
pub fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// A message on one line, as stdio wants it. Only white space between tokens can hold a raw
/// line break, so a space in its place means the same.
pub fn one_line(message: Bytes) -> Bytes {
    if memchr::memchr2(b'\n', b'\r', &message).is_none() {
        return message;
    }
    let line = message.iter().map(|byte| {
        if matches!(byte, b'\n' | b'\r') {
            b' '
        } else {
            *byte
        }
    });
    line.collect()
}
