//! A client on a pipe, which works on the very text of the messages.

use mcpgate::mcp::Lines;
use std::collections::VecDeque;

use mcpgate::mcp::{Frame, Kind, Part};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split},
    task::JoinHandle,
};

use super::soon;

/// A client and the task that serves it.
pub(crate) struct Client {
    read: Lines<ReadHalf<DuplexStream>>,
    write: WriteHalf<DuplexStream>,
    /// What came while something else was waited for.
    kept: VecDeque<String>,
    served: JoinHandle<()>,
    calls: u64,
}

impl Client {
    pub(crate) fn start(serve: impl FnOnce(DuplexStream) -> JoinHandle<()>) -> Self {
        let (ours, theirs) = duplex(64 * 1024);
        let (read, write) = split(ours);
        Self {
            read: Lines::new(read, 1 << 26),
            write,
            kept: VecDeque::new(),
            served: serve(theirs),
            calls: 0,
        }
    }

    /// Writes a line.
    pub(crate) async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        soon("writing", self.write.write_all(line.as_bytes()))
            .await
            .unwrap();
    }

    /// The next line, if there comes one.
    pub(crate) async fn line(&mut self) -> Option<String> {
        if let Some(line) = self.kept.pop_front() {
            return Some(line);
        }
        self.read().await
    }

    async fn read(&mut self) -> Option<String> {
        let line = soon("reading", self.read.next()).await.unwrap()?;
        Some(String::from_utf8(line.to_vec()).unwrap())
    }

    /// The next message.
    pub(crate) async fn message(&mut self) -> Value {
        serde_json::from_str(&self.line().await.unwrap()).unwrap()
    }

    /// The first line that fits; the others are kept.
    async fn first(&mut self, fits: impl Fn(&Frame) -> bool) -> String {
        let fits = |line: &String| fits(&Frame::parse(line.clone().into()).unwrap());
        if let Some(at) = self.kept.iter().position(fits) {
            return self.kept.remove(at).unwrap();
        }
        loop {
            let line = self.read().await.expect("the pipe stays open");
            if fits(&line) {
                return line;
            }
            self.kept.push_back(line);
        }
    }

    /// The answer to the request whose id is spelt so, as it is written.
    pub(crate) async fn raw_answer(&mut self, id: &str) -> String {
        self.first(|frame| frame.kind() == Kind::Response && frame.raw(Part::Id) == Some(id))
            .await
    }

    /// The answer to the request whose id is spelt so.
    pub(crate) async fn answer(&mut self, id: &str) -> Value {
        serde_json::from_str(&self.raw_answer(id).await).unwrap()
    }

    /// The next notification of that method.
    pub(crate) async fn told(&mut self, method: &str) -> Value {
        let line = self.first(|frame| frame.method_name() == method).await;
        serde_json::from_str(&line).unwrap()
    }

    /// What has come and was not asked for, and then the answer to a `ping`: whatever was said
    /// before is there by then.
    pub(crate) async fn rest(&mut self) -> Vec<String> {
        self.ask("ping", &json!({})).await;
        self.kept.drain(..).collect()
    }

    /// Asks, under an id of its own; gives the answer.
    pub(crate) async fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params).await;
        self.answer(&id).await
    }

    /// Asks, and gives the id.
    pub(crate) async fn begin(&mut self, method: &str, params: &Value) -> String {
        self.calls += 1;
        let id = self.calls.to_string();
        self.request(&id, method, params).await;
        id
    }

    /// Asks under that id, which is JSON.
    pub(crate) async fn request(&mut self, id: &str, method: &str, params: &Value) {
        self.say(&format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#
        ))
        .await;
    }

    /// Calls a tool; gives the answer.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", &json!({"name": tool, "arguments": arguments}))
            .await
    }

    /// Calls a tool, and gives the id.
    pub(crate) async fn begin_call(&mut self, tool: &str, arguments: Value) -> String {
        self.begin("tools/call", &json!({"name": tool, "arguments": arguments}))
            .await
    }

    /// Says something that has no answer.
    pub(crate) async fn notify(&mut self, method: &str, params: &Value) {
        self.say(&format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#
        ))
        .await;
    }

    /// The text of a fake server's answer.
    pub(crate) async fn text(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.call(tool, arguments).await;
        let text = &answer["result"]["content"][0]["text"];
        text.as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned()
    }

    /// The lines with these words that a fake server has received, once there are `count`.
    pub(crate) async fn received(&mut self, server: &str, words: &str, count: usize) -> Vec<Value> {
        let arguments = json!({"contains": words, "count": count});
        let answer = self.call(&format!("{server}__received"), arguments).await;
        let lines = answer["result"]["structuredContent"]["lines"].as_array();
        let lines = lines.unwrap_or_else(|| panic!("{answer}"));
        let message = |line: &Value| serde_json::from_str(line.as_str().unwrap()).unwrap();
        lines.iter().map(message).collect()
    }

    /// Sends `initialize`; gives the answer.
    pub(crate) async fn initialize(&mut self, revision: &str) -> Value {
        self.initialize_with(revision, json!({})).await
    }

    /// Sends `initialize` with capabilities; gives the answer.
    pub(crate) async fn initialize_with(&mut self, revision: &str, capabilities: Value) -> Value {
        let info = json!({"name": "test", "version": "0"});
        let params = json!({
            "protocolVersion": revision, "capabilities": capabilities, "clientInfo": info,
        });
        let answer = self.ask("initialize", &params).await;
        self.notify("notifications/initialized", &json!({})).await;
        answer
    }

    /// Says nothing more; gives what still comes.
    pub(crate) async fn close(mut self) -> Vec<String> {
        soon("closing", self.write.shutdown()).await.unwrap();
        let mut lines = Vec::new();
        while let Some(line) = self.line().await {
            lines.push(line);
        }
        soon("the end of the service", self.served).await.unwrap();
        lines
    }

    /// Closes both ways at once, as a client does that crashes; gives the task that served it.
    pub(crate) fn vanish(self) -> JoinHandle<()> {
        self.served
    }
}
