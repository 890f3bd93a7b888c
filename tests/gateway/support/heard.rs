//! A request as a fake server heard it.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// One HTTP request, and the message in it.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) verb: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

#[derive(Deserialize, Default)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

impl Heard {
    /// As if this message had been heard.
    pub(crate) fn of(message: &str) -> Self {
        Self {
            verb: Method::POST,
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(message.as_bytes()),
        }
    }

    fn envelope(&self) -> Envelope<'_> {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method; empty where there is none.
    pub(crate) fn method(&self) -> String {
        self.envelope().method.unwrap_or_default().into_owned()
    }

    /// The id as it is written.
    pub(crate) fn id(&self) -> &str {
        self.envelope().id.map_or("null", RawValue::get)
    }

    /// `params` as it is written.
    pub(crate) fn params(&self) -> &str {
        self.envelope().params.map_or("null", RawValue::get)
    }

    /// A part of `params`.
    pub(crate) fn param(&self, name: &str) -> Value {
        let params: Value = serde_json::from_str(self.params()).unwrap();
        params[name].clone()
    }

    /// The whole message.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The session it came in on; empty where there is none.
    pub(crate) fn session(&self) -> &str {
        let id = self.headers.get("mcp-session-id");
        id.map_or("", |id| id.to_str().unwrap())
    }

    /// The message that answers it with a result.
    pub(crate) fn result(&self, result: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#,
            self.id()
        )
    }

    /// The message that answers it with an error.
    pub(crate) fn error(&self, error: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, self.id())
    }
}
