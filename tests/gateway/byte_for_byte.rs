//! What a client gets through the gateway is what the server wrote, over every pair of
//! transports, to the byte after what the gateway owns is put back.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::{
    pipe::{self, server},
    support::{
        Answer, Client as Http, Events, Gateway, HttpServer, SseClient, SseServer, notification,
        request, within,
    },
};

/// Results and errors that a decoder would not write again as they were.
fn hostile() -> Vec<String> {
    let mut bodies: Vec<String> = [
        r#""result":{}"#,
        r#""result":{ "z" : 1 , "a" : [ ], "content" : [ {"type":"hologram","x":{"k":1,"k":2}} ] }"#,
        r#""result":{"content":[],"structuredContent":null}"#,
        r#""result":{"content":[],"structuredContent":"text\/\u00e9"}"#,
        r#""result":{"content":[],"structuredContent":[1E+2,1.10,-0.0,1e400]}"#,
        r#""result":{"content":[],"structuredContent":true,"isError":true}"#,
        r#""result":{"content":[],"structuredContent":{"big":[9007199254740993,18446744073709551616,-9223372036854775809,0.1000000000000000055511151231257827]}}"#,
        r#""result":{"_meta":{"io.example/x":[null],"progressToken":7},"content":[{"type":"text","text":"","annotations":{"audience":["user"],"priority":0.70,"new":1},"_meta":{"a":1}}]}"#,
        r#""result":{"content":[{"type":"resource_link","uri":"a://b","name":"n","icons":[{"src":"data:,","sizes":["any"],"theme":"x"}]},{"type":"audio","data":"AA==","mimeType":"audio/wav"}]}"#,
        "\"result\":{\"line\u{2028}separator\":\"\u{2029}\",\"astral\":\"\u{1F680}\u{10FFFF}\",\"escaped\":\"\\ud83d\\ude80\",\"lone\":\"\\ud800\",\"nul\":\"\\u0000\"}",
        r#""result":{"id":7,"method":"x","params":{"name":"y"},"result":null,"jsonrpc":"1.0"}"#,
        r#""error":{"code":-32001,"message":"no","data":{"z":1E+2,"a":[null]},"more":1.0}"#,
        r#""error":{"data":18446744073709551616,"message":"\u0000","code":1234567}"#,
        r#""result":[1E+2,"not an object"]"#,
        r#""x":{"unknown":1}, "result" : {"a":1},"y":[]"#,
    ]
    .map(str::to_owned)
    .into();
    let large = format!(
        r#""result":{{"content":[{{"type":"text","text":"{}"}}],"n":1E+2}}"#,
        "\u{e9}x".repeat(1_750_000)
    );
    bodies.push(large);
    bodies
}

/// Notifications that precede an answer; TOKEN is the progress token.
const TOLD: [&str; 6] = [
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{ "progress":1E+2,"progressToken":TOKEN,"total":1.10,"message":"\u00e9", "new":[ ]}}"#,
    r#"{"method":"notifications/message","params":{"level":"info","data":{"z":1,"a":18446744073709551616},"x":1},"jsonrpc":"2.0","more":0}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"\ud83d\ude80","level":"emergency"}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/custom/thing","params":{"a":[1E+2],"_meta":{"k":null}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/custom/thing"}"#,
    r#"{"jsonrpc":"2.0","params":{"progressToken":TOKEN,"progress":2},"method":"notifications/progress"}"#,
];

const TOKEN: &str = r#""t\/1""#;

/// A server behind the gateway that says what it is told to.
enum Server {
    Http {
        _running: HttpServer,
    },
    Sse {
        _running: SseServer,
    },
    /// A command, which is told by the arguments of its call.
    Stdio,
}

type Said = Arc<Mutex<(Vec<String>, String)>>;

impl Server {
    async fn start(kind: &str) -> (Self, Gateway, Said) {
        let said = Said::default();
        let script = said.clone();
        let lines = move |heard: &crate::support::Heard| {
            let (told, answer) = script.lock().unwrap().clone();
            let token = heard.param("_meta")["progressToken"].clone();
            let told = told
                .iter()
                .map(|line| line.replace("TOKEN", &spelt(&token)));
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{},{answer}}}"#, heard.id());
            told.chain([answer]).collect::<Vec<_>>()
        };
        let (server, table) = match kind {
            "http" => {
                let server = HttpServer::with_tools(&["say"]).await;
                server.on("tools/call", move |heard| Answer::events(lines(heard)));
                let table = server.table("up");
                (Self::Http { _running: server }, table)
            }
            "sse" => {
                let server = SseServer::with_tools(&["say"]).await;
                server.on("tools/call", lines);
                let table = server.table("up");
                (Self::Sse { _running: server }, table)
            }
            _ => (
                Self::Stdio,
                format!("{}scope = \"session\"\n", server("up", &[])),
            ),
        };
        let gateway = Gateway::start(&table).await;
        gateway.settled().await;
        (server, gateway, said)
    }

    /// The arguments of a call that is to be answered so.
    fn arguments(&self, told: &[String], answer: &str) -> Value {
        match self {
            Self::Http { .. } | Self::Sse { .. } => json!({}),
            Self::Stdio => {
                let told = told.iter().map(|line| line.replace("TOKEN", "$TOKEN"));
                let answer = format!(r#"{{"jsonrpc":"2.0","id":$ID,{answer}}}"#);
                json!({"lines": told.chain([answer]).collect::<Vec<_>>()})
            }
        }
    }
}

/// A token as the client spelt it, where a server was given that one.
fn spelt(token: &Value) -> String {
    match token.is_string() {
        true => TOKEN.to_owned(),
        false => token.to_string(),
    }
}

/// A client in front of it that keeps the text.
enum Client {
    Http(Box<Http>),
    Sse(Box<SseClient>),
    Stdio(Box<pipe::Client>),
}

impl Client {
    async fn open(kind: &str, gateway: &Gateway) -> Self {
        match kind {
            "http" => Self::Http(Box::new(gateway.session().await)),
            "sse" => Self::Sse(Box::new(
                gateway.sse().await.initialize("2024-11-05", "{}").await,
            )),
            _ => {
                let mut client = gateway.stranger();
                client.initialize("2025-11-25").await;
                Self::Stdio(Box::new(client))
            }
        }
    }

    /// Calls, and gives the next `count` messages.
    async fn call(&mut self, id: &str, params: &Value, count: usize) -> Vec<String> {
        let text = request(id, "tools/call", &params.to_string());
        let text = text.replace(r#""t/1""#, TOKEN);
        let mut got = Vec::new();
        match self {
            Self::Http(client) if count == 1 => {
                let reply = client.post(text).await;
                got.push(match reply.header("content-type") {
                    "application/json" => reply.text().to_owned(),
                    _ => reply.events()[0].data.clone(),
                });
            }
            Self::Http(client) => {
                let mut events: Events = client.post_events(text).await;
                for _ in 0..count {
                    got.push(events.data().await);
                }
                assert_eq!(events.next().await, None, "nothing after the answer");
            }
            Self::Sse(client) => {
                client.say(&text).await;
                for _ in 0..count {
                    got.push(client.data().await);
                }
            }
            Self::Stdio(client) => {
                client.say(&text).await;
                for _ in 0..count {
                    got.push(client.line().await.unwrap());
                }
            }
        }
        got
    }
}

async fn pair(client_kind: &str, server_kind: &str) {
    let (server, gateway, said) = Server::start(server_kind).await;
    let mut client = Client::open(client_kind, &gateway).await;
    for (at, body) in hostile().into_iter().enumerate() {
        let large = body.len() > 1 << 20;
        for told in [&[][..], &TOLD].into_iter().take(if large { 1 } else { 2 }) {
            let id = format!(r#""i\/{at}""#);
            let told: Vec<String> = told.iter().map(|line| (*line).to_owned()).collect();
            *said.lock().unwrap() = (told.clone(), body.clone());
            let params = json!({
                "name": "up__say", "arguments": server.arguments(&told, &body),
                "_meta": {"progressToken": "t/1"},
            });
            let got = client.call(&id, &params, told.len() + 1).await;
            let mut expected: Vec<String> = told
                .iter()
                .map(|line| line.replace("TOKEN", TOKEN))
                .collect();
            expected.push(format!(r#"{{"jsonrpc":"2.0","id":{id},{body}}}"#));
            for (got, expected) in got.iter().zip(&expected) {
                assert!(
                    got == expected,
                    "{client_kind} in front of {server_kind}:\n{}\n{}",
                    got.chars().take(400).collect::<String>(),
                    expected.chars().take(400).collect::<String>()
                );
            }
        }
    }
    // Nothing has been said twice, or late.
    let last = client.call("0", &json!({"name": "up__none"}), 1).await;
    assert!(last[0].contains(r#""id":0,"error""#), "{}", last[0]);
}

async fn in_front_of_all(client: &str) {
    for server in ["stdio", "http", "sse"] {
        within(server, pair(client, server)).await;
    }
}

#[tokio::test]
async fn over_stdio() {
    in_front_of_all("stdio").await;
}

#[tokio::test]
async fn over_streamable_http() {
    in_front_of_all("http").await;
}

#[tokio::test]
async fn over_http_and_sse() {
    in_front_of_all("sse").await;
}

#[tokio::test]
async fn white_space_between_tokens_is_kept_where_the_transport_can_carry_it() {
    let server = HttpServer::with_tools(&["say"]).await;
    server.on("tools/call", |heard| {
        Answer::json(format!(
            "{{\n\t\"jsonrpc\" :\"2.0\",\n \"id\":{},\r\n\"result\":{{ }}\n}}\n",
            heard.id()
        ))
    });
    let gateway = Gateway::of(&[("up", &server)]).await;
    let text = "{\n\t\"jsonrpc\" :\"2.0\",\n \"id\":1,\r\n\"result\":{ }\n}\n";
    let params = json!({"name": "up__say"});
    let http = Client::open("http", &gateway)
        .await
        .call("1", &params, 1)
        .await;
    assert_eq!(http[0], text);
    // An event has no way to write a carriage return, and a line on a pipe none to write either.
    let sse = Client::open("sse", &gateway)
        .await
        .call("1", &params, 1)
        .await;
    assert_eq!(sse[0], text.replace('\r', " "));
    let stdio = Client::open("stdio", &gateway)
        .await
        .call("1", &params, 1)
        .await;
    assert_eq!(stdio[0], text.replace(['\r', '\n'], " "));
}

#[tokio::test]
async fn what_belongs_to_no_call_is_kept_as_well() {
    let said = [
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a://b","n":1E+2,"_meta":{"k":null}}}"#,
        r#"{"params":{"level":"error","data":[18446744073709551616,"\ud83d\ude80"]},"method":"notifications/message","jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/custom","params":{ "z":1,"a":2 },"more":[]}"#,
    ];
    let server = HttpServer::with_tools(&["say"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__say", "{}").await;
    let session = server.heard_of("tools/call")[0].session().to_owned();
    let mut stream = client.listen().await;
    for said in said {
        server.push(&session, said).await;
        assert_eq!(stream.data().await, said);
    }
    let custom = notification("notifications/custom", "{}");
    server.push(&session, &custom).await;
    assert_eq!(stream.data().await, custom);
}
