//! A client of 2026-07-28, whose requests stand for themselves, and one that speaks plain HTTP.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Kind},
    judge::Ending,
    session::{one_for_all, sorted},
    wire::{Wire, request},
};
use crate::world::World;

/// A client without a session.
pub(crate) struct Stateless {
    key: &'static str,
    /// Whether it speaks MCP at all.
    plain: bool,
    wire: Wire,
}

impl Stateless {
    /// One that speaks MCP, or plain HTTP.
    pub(super) fn new(key: &'static str, plain: bool) -> Self {
        let wire = Wire::default();
        Self { key, plain, wire }
    }

    /// Asks; gives how it ended.
    pub(super) async fn turn(&mut self, world: &World, asks: &[Ask]) -> Vec<Ending> {
        let mut endings = Vec::new();
        for ask in asks {
            endings.extend(match self.plain {
                true => vec![self.plain(world, ask).await],
                false => self.modern(world, std::slice::from_ref(ask), ask).await,
            });
        }
        endings
    }

    async fn modern(&mut self, world: &World, asks: &[Ask], ask: &Ask) -> Vec<Ending> {
        let mut params = ask.params();
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "chaos", "version": "0"},
        });
        let token = params["_meta"]["progressToken"].take();
        params["_meta"] = meta;
        if !token.is_null() {
            params["_meta"]["progressToken"] = token;
        }
        let method = ask.method();
        let mut head = request(world, "POST", "/mcp", self.key)
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", method);
        if ask.kind != Kind::List {
            head = head.header("mcp-name", ask.exposed());
        }
        let body = json!({"jsonrpc": "2.0", "id": ask.id, "method": method, "params": params});
        match self.wire.ask(world, head, body.to_string()).await {
            Ok(reply) => sorted(world, (reply.status, &reply.text), reply.messages, asks),
            Err(broken) => one_for_all(asks, &Ending::Broken(broken)),
        }
    }

    async fn plain(&mut self, world: &World, ask: &Ask) -> Ending {
        let (method, path, body) = match ask.kind {
            Kind::List => ("GET", "/mcp/tools", Value::Null),
            Kind::Echo | Kind::Rude | Kind::Secret => {
                let body = json!({"name": ask.exposed(), "arguments": ask.arguments});
                ("POST", "/mcp/call-tool", body)
            }
        };
        let head = request(world, method, path, self.key);
        let reply = match self.wire.ask(world, head, body.to_string()).await {
            Ok(reply) => reply,
            Err(broken) => return Ending::Broken(broken),
        };
        let Some(mut message) = reply.messages.into_iter().next() else {
            return Ending::Status(reply.status, reply.text);
        };
        if reply.status == 200 {
            return Ending::Answer(json!({"result": message}));
        }
        let error = message["error"].take();
        if error.is_null() {
            return Ending::Status(reply.status, reply.text);
        }
        // Ours is words, the server's what it wrote.
        let error = match error.as_str() {
            Some(words) => json!({"message": words}),
            None => error,
        };
        Ending::Answer(json!({"error": error}))
    }
}
