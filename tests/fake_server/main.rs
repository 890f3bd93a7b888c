//! A stdio MCP server that does as it is told, however rude: by flags when it starts, by its
//! tools later.
//!
//! | flag | what it does |
//! |---|---|
//! | `--name NAME` | how it calls itself, and the scheme of its resources |
//! | `--instructions TEXT` | says this at `initialize` |
//! | `--mute METHOD` | never answers it |
//! | `--fail METHOD` | answers it with an error |
//! | `--cursor TEXT` | each list has this next page |
//! | `--banner TEXT` | writes this line before anything else |
//! | `--gate SOCKET` | connects there, and reads nothing until the other end closes |
//! | `--tools JSON` | offers these tools, too, as they are written; `env` tells a variable |
//! | `--modern REVISION` | knows no `initialize`, but `server/discover` |
//! | `--forget all` | does not keep what it has received |

mod ask;
mod message;

use std::{
    env,
    io::{self, BufRead, Read, Write},
    os::unix::{net::UnixStream, process::CommandExt},
    process::{Command, exit},
};

use message::{Arguments, Message, Params};
use serde_json::{Value, json, value::RawValue};

/// The id of a call of `received`, and which lines it wants, and how many.
type Waiting = (String, String, usize);

#[derive(Default)]
struct Server {
    name: String,
    instructions: Option<String>,
    mute: Vec<String>,
    fail: Vec<String>,
    cursor: Option<String>,
    tools: Vec<Value>,
    /// Every line that came, but the calls of `received`.
    received: Vec<String>,
    waiting: Vec<Waiting>,
    held: Vec<String>,
    asking: ask::Asking,
    modern: Option<String>,
    forgets: bool,
}

const TOOLS: [&str; 12] = [
    "echo", "hold", "release", "received", "say", "big", "die", "become", "spawn", "offer", "pid",
    "ask",
];

fn main() {
    let mut server = Server {
        name: "fake".to_owned(),
        ..Server::default()
    };
    let mut words = env::args().skip(1);
    while let (Some(flag), Some(value)) = (words.next(), words.next()) {
        match flag.as_str() {
            "--name" => server.name = value,
            "--instructions" => server.instructions = Some(value),
            "--mute" => server.mute.push(value),
            "--fail" => server.fail.push(value),
            "--cursor" => server.cursor = Some(value),
            "--banner" => say(&value),
            "--gate" => wait_at(&value),
            "--modern" => server.modern = Some(value),
            "--forget" => server.forgets = true,
            "--tools" => server.tools = serde_json::from_str(&value).unwrap_or_default(),
            unknown => complain(&format!("unknown flag {unknown}")),
        }
    }
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        server.take(&line);
    }
}

fn wait_at(gate: &str) {
    let opened = UnixStream::connect(gate).and_then(|mut gate| gate.read_to_end(&mut Vec::new()));
    if let Err(error) = opened {
        complain(&format!("the gate: {error}"));
    }
}

fn complain(words: &str) -> ! {
    drop(writeln!(io::stderr(), "{words}"));
    exit(64)
}

/// Writes a line. Nobody there to read it is a reason to leave.
fn say(line: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        exit(0);
    }
}

fn answer(id: &str, result: &str) {
    say(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
    ));
}

fn text(id: &str, text: &str) {
    let result = json!({"content": [{"type": "text", "text": text}]});
    answer(id, &result.to_string());
}

impl Server {
    fn take(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Message<'_>>(line) else {
            return drop(writeln!(io::stderr(), "not a message: {line}"));
        };
        let raw = message.params.map_or("{}", RawValue::get);
        let params: Params<'_> = serde_json::from_str(raw).unwrap_or_default();
        if !self.forgets && params.name.as_deref() != Some("received") {
            self.received.push(line.to_owned());
        }
        match (message.method, message.id) {
            (Some(method), Some(id)) => self.request(&method, id.get(), raw, params),
            (None, Some(id)) => {
                let answer = message.result.or(message.error);
                self.asking
                    .answered(id.get(), answer.map_or("null", RawValue::get));
            }
            _ => {}
        }
        self.tell();
    }

    fn request(&mut self, method: &str, id: &str, raw: &str, params: Params<'_>) {
        if self.mute.iter().any(|mute| mute == method) {
            return;
        }
        if self.fail.iter().any(|fail| fail == method) {
            let error = r#"{"code":-31999,"message":"told to fail","data":{"z":1,"a":1.50}}"#;
            return say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#));
        }
        let name = &self.name;
        match method {
            "server/discover" if self.modern.is_some() => answer(id, &self.discovery()),
            "initialize" if self.modern.is_some() => say(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no such method"}}}}"#
            )),
            "subscriptions/listen" if self.modern.is_some() => {
                let mark = format!(r#"{{"io.modelcontextprotocol/subscriptionId":{id}}}"#);
                say(&format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{mark},"notifications":{{}}}}}}"#
                ));
            }
            "initialize" => answer(id, &self.greeting()),
            "tools/list" => self.list(id, "tools", self.tools()),
            "resources/list" => {
                let one = json!({"uri": format!("{name}://one"), "name": "one"});
                self.list(id, "resources", vec![one]);
            }
            "resources/templates/list" => {
                let any = json!({"uriTemplate": format!("{name}://{{id}}/data"), "name": "any"});
                self.list(id, "resourceTemplates", vec![any]);
            }
            "prompts/list" => self.list(id, "prompts", vec![json!({"name": "greet"})]),
            "tools/call" => self.call(id, raw, params),
            "ping" | "logging/setLevel" | "resources/subscribe" | "resources/unsubscribe" => {
                answer(id, "{}");
            }
            _ => answer(id, &format!(r#"{{"method":"{method}","params":{raw}}}"#)),
        }
    }

    fn greeting(&self) -> String {
        let changes = json!({"listChanged": true});
        let mut result = json!({
            "protocolVersion": "2025-06-18",
            "capabilities": {
                "tools": changes, "prompts": changes, "logging": {}, "completions": {},
                "resources": {"subscribe": true, "listChanged": true},
            },
            "serverInfo": {"name": self.name, "version": "0"},
        });
        if let (Some(told), Some(result)) = (&self.instructions, result.as_object_mut()) {
            result.insert("instructions".to_owned(), json!(told));
        }
        result.to_string()
    }

    fn discovery(&self) -> String {
        let result = json!({
            "resultType": "complete", "supportedVersions": [self.modern],
            "capabilities": {"tools": {}, "resources": {"subscribe": true}, "prompts": {}},
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": self.name, "version": "0"}},
            "ttlMs": 0, "cacheScope": "public",
        });
        result.to_string()
    }

    fn tools(&self) -> Vec<Value> {
        let own = TOOLS
            .iter()
            .map(|name| json!({"name": name, "inputSchema": {"type": "object"}}));
        own.chain(self.tools.iter().cloned()).collect()
    }

    fn list(&self, id: &str, key: &str, items: Vec<Value>) {
        let mut result = serde_json::Map::new();
        result.insert(key.to_owned(), Value::from(items));
        if let Some(cursor) = &self.cursor {
            result.insert("nextCursor".to_owned(), json!(cursor));
        }
        answer(id, &Value::from(result).to_string());
    }

    fn call(&mut self, id: &str, raw: &str, params: Params<'_>) {
        let arguments = params.arguments.map_or("{}", RawValue::get);
        let given: Arguments = serde_json::from_str(arguments).unwrap_or_default();
        match params.name.as_deref().unwrap_or_default() {
            "ask" if self.modern.is_some() => ask::required(id, &given, params),
            "ask" => self.asking.begin(id, &given.questions),
            "hold" => self.held.push(id.to_owned()),
            "release" => {
                for held in self.held.drain(..).rev() {
                    text(&held, "released");
                }
                text(id, "done");
            }
            "received" => self
                .waiting
                .push((id.to_owned(), given.contains, given.count)),
            "say" => {
                let token = params.meta.and_then(|meta| meta.token);
                let token = token.map_or("null", RawValue::get);
                for line in given.lines {
                    say(&line.replace("$ID", id).replace("$TOKEN", token));
                }
                self.mute = given.mute;
                text(id, "said");
            }
            "big" => text(id, &"x".repeat(given.bytes)),
            "die" => {
                for line in given.stderr {
                    drop(writeln!(io::stderr(), "{line}"));
                }
                exit(given.status);
            }
            "become" => {
                let failed = Command::new("sh").args(["-c", &given.script]).exec();
                complain(&failed.to_string());
            }
            "spawn" => match Command::new("sleep").arg("3600").spawn() {
                Ok(child) => text(id, &child.id().to_string()),
                Err(error) => complain(&error.to_string()),
            },
            "offer" => {
                let tools = given
                    .tools
                    .and_then(|tools| serde_json::from_value(tools).ok());
                self.tools = tools.unwrap_or_default();
                say(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
                text(id, "offered");
            }
            "env" => text(
                id,
                &env::var(given.variable).unwrap_or_else(|_| "(not set)".to_owned()),
            ),
            "pid" => text(id, &std::process::id().to_string()),
            _ => answer(id, &format!(r#"{{"content":[],"params":{raw}}}"#)),
        }
    }

    /// Answers those who wait for what has come by now.
    fn tell(&mut self) {
        let received = &self.received;
        self.waiting.retain(|(id, contains, count)| {
            let lines: Vec<&String> = received
                .iter()
                .filter(|line| line.contains(contains))
                .collect();
            if lines.len() < *count {
                return true;
            }
            let result = json!({"content": [], "structuredContent": {"lines": lines}});
            answer(id, &result.to_string());
            false
        });
    }
}
