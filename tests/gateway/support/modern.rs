//! The revision without sessions (2026-07-28): a client that writes it, and a server.

use serde_json::Value;

use super::{Answer, Client, Events, Gate, Heard, HttpServer, Reply, request};

/// A client whose requests stand for themselves, and mirror their body in headers.
#[derive(Clone)]
pub(crate) struct Modern {
    client: Client,
    capabilities: String,
    more: String,
}

impl Modern {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            capabilities: "{}".to_owned(),
            more: String::new(),
        }
    }

    /// With these capabilities.
    pub(crate) fn capable(mut self, capabilities: &str) -> Self {
        capabilities.clone_into(&mut self.capabilities);
        self
    }

    /// With this `_meta` member, too.
    pub(crate) fn saying(mut self, key: &str, value: &str) -> Self {
        self.more = format!(r#"{},"{key}":{value}"#, self.more);
        self
    }

    /// With log messages of that level.
    pub(crate) fn level(self, level: &str) -> Self {
        self.saying("io.modelcontextprotocol/logLevel", &format!("\"{level}\""))
    }

    /// With one more header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.client = self.client.with(name, value);
        self
    }

    /// A request; `id` and `params` are JSON.
    pub(crate) fn body(&self, id: &str, method: &str, params: &str) -> String {
        let meta = format!(
            r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{{"name":"test","version":"0"}}{}}}"#,
            self.capabilities, self.more
        );
        let params = params.trim().strip_prefix('{').unwrap();
        let comma = if params.trim_start().starts_with('}') {
            ""
        } else {
            ","
        };
        request(id, method, &format!("{{{meta}{comma}{params}"))
    }

    /// The headers that go with such a request.
    pub(crate) fn headed(&self, method: &str, params: &str) -> Client {
        let params: Value = serde_json::from_str(params).unwrap();
        let client = self.client.clone();
        let client = client
            .with("mcp-protocol-version", "2026-07-28")
            .with("mcp-method", method);
        let named = match method {
            "tools/call" | "prompts/get" => params["name"].as_str(),
            "resources/read" => params["uri"].as_str(),
            _ => None,
        };
        match named {
            Some(name) => client.with("mcp-name", name),
            None => client,
        }
    }

    /// Asks; `id` and `params` are JSON.
    pub(crate) async fn ask(&self, id: &str, method: &str, params: &str) -> Reply {
        let body = self.body(id, method, params);
        self.headed(method, params).post(body).await
    }

    /// Asks what is answered by a stream.
    pub(crate) async fn events(&self, id: &str, method: &str, params: &str) -> Events {
        let body = self.body(id, method, params);
        self.headed(method, params).post_events(body).await
    }

    /// Calls a tool under the id `1`; `arguments` is JSON.
    pub(crate) async fn call(&self, tool: &str, arguments: &str) -> Reply {
        self.ask("1", "tools/call", &named(tool, arguments)).await
    }

    /// Calls a tool again under the id `2`, with answers and a state as it was given.
    pub(crate) async fn retry(
        &self,
        tool: &str,
        arguments: &str,
        answers: &str,
        state: &Value,
    ) -> Reply {
        let params = format!(
            r#"{{"name":"{tool}","arguments":{arguments},"inputResponses":{answers},"requestState":{state}}}"#
        );
        self.ask("2", "tools/call", &params).await
    }
}

/// The `params` of a tool's call.
pub(crate) fn named(tool: &str, arguments: &str) -> String {
    format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#)
}

impl HttpServer {
    /// One without sessions that offers these tools, and answers each call with the `params` it
    /// heard.
    pub(crate) async fn modern(names: &[&str]) -> Self {
        let server = Self::with_tools(names).await;
        let server = server.without_sessions().without_streams();
        server.on("server/discover", |heard| Answer::result(heard, DISCOVERY));
        server.on("initialize", |heard: &Heard| {
            let error = r#"{"code":-32022,"message":"unsupported","data":{"supported":["2026-07-28"],"requested":"?"}}"#;
            Answer::body(400, "application/json", heard.error(error))
        });
        server.on("subscriptions/listen", |heard| {
            Answer::events([acknowledged(heard)]).wait(&Gate::default())
        });
        server
    }
}

/// The first message on a stream of notifications.
pub(crate) fn acknowledged(heard: &Heard) -> String {
    let mark = format!(
        r#""_meta":{{"io.modelcontextprotocol/subscriptionId":{}}}"#,
        heard.id()
    );
    super::notification(
        "notifications/subscriptions/acknowledged",
        &format!(
            r#"{{{mark},"notifications":{}}}"#,
            heard.param("notifications")
        ),
    )
}

const DISCOVERY: &str = r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true,"listChanged":true},"prompts":{"listChanged":true},"logging":{},"completions":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"fake","version":"1"}},"ttlMs":0,"cacheScope":"public"}"#;
