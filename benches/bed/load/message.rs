//! What clients say, byte for byte.

use super::{Aim, Job};

pub(super) const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"bench","version":"0"}}}"#
);

pub(super) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

const META: &str = concat!(
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"bench","version":"0"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}"#
);

/// The id that is written over, call by call.
const ID: &str = "10000000";

/// A request that is sent again and again under another id.
pub(super) struct Prepared {
    bytes: Vec<u8>,
    id: std::ops::Range<usize>,
    next: u32,
}

impl Prepared {
    /// What `aim` asks each turn.
    pub(super) fn new(aim: &Aim, head: &str) -> Self {
        let meta = |comma: &str| match aim.stateless {
            true => format!("{comma}{META}"),
            false => String::new(),
        };
        let (method, params) = match aim.job {
            Job::Call | Job::Churn => (
                "tools/call",
                format!(
                    r#"{{"name":"{}","arguments":{{"path":"/srv/a"}}{}}}"#,
                    aim.tool,
                    meta(",")
                ),
            ),
            Job::List(_) => ("tools/list", format!("{{{}}}", meta(""))),
        };
        let mirrored = match aim.stateless {
            true => format!("mcp-method: {method}\r\nmcp-name: {}\r\n", aim.tool),
            false => String::new(),
        };
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{ID},"method":"{method}","params":{params}}}"#);
        let request = whole(&format!("{head}{mirrored}"), &body);
        let start = request.len() - body.len() + r#"{"jsonrpc":"2.0","id":"#.len();
        Self {
            bytes: request.into_bytes(),
            id: start..start + ID.len(),
            next: 10_000_000,
        }
    }

    /// The request, under the next id.
    pub(super) fn next(&mut self) -> &[u8] {
        self.next += 1;
        let mut number = self.next;
        let place = self.bytes.get_mut(self.id.clone()).unwrap_or_default();
        for digit in place.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
        &self.bytes
    }
}

/// How all requests of a client begin.
pub(super) fn head(aim: &Aim) -> String {
    let key = aim.key.as_ref();
    let key = key.map(|key| format!("authorization: Bearer {key}\r\n"));
    let version = match aim.stateless {
        true => "mcp-protocol-version: 2026-07-28\r\n",
        false => "",
    };
    format!(
        "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{}{version}",
        aim.path,
        aim.address,
        key.unwrap_or_default()
    )
}

/// A request with its body.
pub(super) fn whole(head: &str, body: &str) -> String {
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}
