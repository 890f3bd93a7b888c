//! A server has as many calls at once as its table says. Others wait, each caller's in turn; beyond,
//! they are refused and told when to come again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{
    Answer, Client, Gate, Gateway, Heard, HttpServer, Modern, Reply, call, key, within,
};

/// A server that holds each of the first calls at a gate of its own.
struct Slow {
    server: HttpServer,
    gates: Vec<Gate>,
}

impl Slow {
    async fn with(held: usize) -> Self {
        let server = HttpServer::with_tools(&["slow"]).await;
        let gates: Vec<Gate> = (0..held).map(|_| Gate::default()).collect();
        let (held, count) = (gates.clone(), Arc::new(AtomicUsize::new(0)));
        server.on("tools/call", move |heard: &Heard| {
            let answer = Answer::result(heard, r#"{"content":[]}"#);
            match held.get(count.fetch_add(1, Ordering::Relaxed)) {
                Some(gate) => answer.held(gate),
                None => answer,
            }
        });
        Self { server, gates }
    }

    /// A gateway in front of it, with this in its table.
    async fn behind(&self, gateway: &str, settings: &str) -> Gateway {
        let keys = ["sam", "eve"].map(|name| key(name, "role = 'user'"));
        let policy = format!("{}\n[roles.user]\nallow = ['*']\n", keys.concat());
        let tables = format!("{gateway}\n{}{settings}\n", self.server.table("up"));
        let gateway = Gateway::with_policy(&tables, &policy).await;
        gateway.settled().await;
        gateway
    }

    /// Whose the calls were that it has heard, in their order.
    fn heard(&self) -> Vec<String> {
        let calls = self.server.heard_of("tools/call").into_iter();
        calls
            .map(|heard| heard.param("arguments")["who"].as_str().unwrap().to_owned())
            .collect()
    }

    /// It has been called so often.
    async fn called(&self, count: usize) {
        let is_call = |heard: &Heard| heard.method() == "tools/call";
        self.server.nth("a call", count, is_call).await;
    }
}

fn spawn(client: &Client, body: String) -> JoinHandle<Reply> {
    let client = client.clone();
    tokio::spawn(async move { client.post(body).await })
}

fn of(who: &str) -> String {
    call("1", "up__slow", &format!(r#"{{"who":"{who}"}}"#))
}

/// So many wait. Nobody is told of that, so it is looked for.
async fn waiting(gateway: &Gateway, count: u64) {
    let waiting = async {
        while gateway.state("up").waiting != count {
            tokio::task::yield_now().await;
        }
    };
    within("those who wait", waiting).await;
}

async fn passes(call: JoinHandle<Reply>) {
    let reply = within("an answer", call).await.unwrap();
    assert!(reply.answer()["result"].is_object(), "{}", reply.text());
}

async fn open(gateway: &Gateway, who: &str) -> Client {
    gateway.client().holding(who).open().await
}

#[tokio::test]
async fn a_flood_of_one_caller_costs_another_one_turn() {
    let slow = Slow::with(10).await;
    let gateway = slow.behind("", "max_in_flight = 1").await;
    let sam = open(&gateway, "sam").await;
    let eve = gateway.client().holding("eve").open_as("2025-03-26").await;
    let flood = format!("[{}]", vec![of("eve"); 500].join(","));
    let flood = spawn(&eve, flood);
    waiting(&gateway, 499).await;

    let mut open = slow.gates.iter();
    let mut next = async |count| {
        open.next().unwrap().open();
        slow.called(count).await;
    };
    let first = spawn(&sam, of("sam"));
    waiting(&gateway, 500).await;
    next(2).await; // eve's, who came first
    next(3).await; // sam's
    let second = {
        next(4).await;
        passes(first).await;
        spawn(&sam, of("sam"))
    };
    waiting(&gateway, 497 + 1).await;
    next(5).await;
    next(6).await;
    assert_eq!(slow.heard(), ["eve", "eve", "sam", "eve", "eve", "sam"]);

    slow.gates.iter().for_each(Gate::open);
    passes(second).await;
    let all = within("the flood", flood).await.unwrap();
    let answers: Vec<Value> = serde_json::from_slice(&all.body).unwrap();
    assert_eq!(answers.len(), 500);
    assert!(answers.iter().all(|answer| answer["result"].is_object()));
    assert_eq!(slow.heard().len(), 502);
}

#[tokio::test]
async fn who_finds_no_place_is_told_the_setting_and_when_to_come_again() {
    let slow = Slow::with(1).await;
    let settings = "max_in_flight = 1\nqueue = 0";
    let audit = "[audit]\nfile = \"audit.jsonl\"";
    let gateway = slow.behind(audit, settings).await;
    let sam = open(&gateway, "sam").await;
    let first = spawn(&sam, of("sam"));
    slow.called(1).await;

    let refused = sam.post(of("sam")).await;
    assert_eq!(refused.status, StatusCode::OK);
    let words = "server `up` has too many calls at the moment; try again in 1 s \
                 ([servers.up] max_in_flight)";
    let error = json!({
        "code": -32000,
        "message": words,
        "data": {"server": "up", "retry_after": 1},
    });
    assert_eq!(refused.answer()["error"], error);
    let modern = Modern::new(gateway.client()).holding("sam");
    let modern = modern.call("up__slow", "{}").await;
    assert_eq!(modern.status, StatusCode::OK);
    assert_eq!(modern.answer()["error"], error);
    let plain = gateway.client().holding("sam").at("/mcp/call-tool");
    let plain = plain.post(r#"{"name":"up__slow","arguments":{}}"#).await;
    assert_eq!(plain.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(plain.header("retry-after"), "1");
    assert_eq!(sam.list("tools").await.len(), 1, "a list takes no place");

    slow.gates[0].open();
    passes(first).await;
    passes(spawn(&sam, of("sam"))).await;
    drop((sam, modern));
    let lines = gateway.audited().await;
    let refused = lines.iter().filter(|line| line["decision"] == "refused");
    assert!(
        refused.clone().all(|line| line["reason"] == words),
        "{lines:?}"
    );
    assert_eq!((refused.count(), lines.len()), (3, 5));
}

#[tokio::test]
async fn those_who_want_a_status_get_503_and_retry_after() {
    let slow = Slow::with(1).await;
    let settings = "max_in_flight = 1\nqueue = 0";
    let gateway = slow
        .behind("[gateway]\nrefuse_with_status = true", settings)
        .await;
    let sam = open(&gateway, "sam").await;
    let first = spawn(&sam, of("sam"));
    slow.called(1).await;

    let refused = sam.post(of("sam")).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "1");
    slow.gates[0].open();
    passes(first).await;
}

#[tokio::test]
async fn in_a_full_queue_the_last_call_of_the_flood_goes_for_another_callers_first() {
    let slow = Slow::with(1).await;
    let gateway = slow.behind("", "max_in_flight = 1\nqueue = 3").await;
    let (sam, eve) = (open(&gateway, "sam").await, open(&gateway, "eve").await);
    let mut flood = vec![spawn(&eve, of("eve"))];
    slow.called(1).await;
    for count in 1..=3 {
        flood.push(spawn(&eve, of("eve")));
        waiting(&gateway, count).await;
    }
    let (code, words) = eve.post(of("eve")).await.error();
    assert!(
        code == -32000 && words.contains("[servers.up] queue)"),
        "{words}"
    );

    let single = spawn(&sam, of("sam"));
    let last = within("the last", flood.pop().unwrap()).await.unwrap();
    assert!(last.error().1.contains("[servers.up] queue)"));
    slow.gates[0].open();
    passes(single).await;
    for call in flood {
        passes(call).await;
    }
    let page = gateway.client().holding("sam").at("/metrics");
    let page = page.ask(Method::GET, "").await;
    for line in [
        r#"mcp_server_calls_in_flight{server="up"} 0"#,
        r#"mcp_server_calls_waiting{server="up"} 0"#,
        r#"mcp_server_calls_crowded_out_total{server="up"} 2"#,
        r#"mcp_server_queue_wait_seconds_count{server="up"} 5"#,
        r#"mcp_server_queue_wait_seconds_bucket{server="up",le="+Inf"} 5"#,
    ] {
        assert!(page.text().lines().any(|have| have == line), "{line}");
    }
}

#[tokio::test]
async fn who_has_waited_for_long_enough_is_refused() {
    let slow = Slow::with(1).await;
    let settings = "max_in_flight = 1\nqueue_wait = \"50ms\"";
    let gateway = slow.behind("", settings).await;
    let sam = open(&gateway, "sam").await;
    let first = spawn(&sam, of("sam"));
    slow.called(1).await;

    let (_, words) = sam.post(of("sam")).await.error();
    assert!(words.contains("[servers.up] queue_wait)"), "{words}");

    slow.gates[0].open();
    passes(first).await;
}

#[tokio::test]
async fn a_hang_up_in_the_queue_leaves_no_gap() {
    let slow = Slow::with(1).await;
    let gateway = slow.behind("", "max_in_flight = 1").await;
    let sam = open(&gateway, "sam").await;
    let first = spawn(&sam, of("first"));
    slow.called(1).await;
    // A connection of its own, which ends with it.
    let other = open(&gateway, "sam").await;
    let gone = spawn(&other, of("gone"));
    waiting(&gateway, 1).await;
    gone.abort();
    drop(other);
    waiting(&gateway, 0).await;
    let next = spawn(&sam, of("next"));
    waiting(&gateway, 1).await;
    slow.gates[0].open();
    passes(first).await;
    passes(next).await;
    assert_eq!(slow.heard(), ["first", "next"]);
}

#[tokio::test]
async fn while_a_person_is_asked_another_call_has_the_place() {
    let slow = Slow::with(0).await;
    let gate = Gate::default();
    let answered = gate.clone();
    slow.server.on("tools/call", move |heard: &Heard| {
        if heard.param("arguments")["who"] != "asked" {
            return Answer::result(heard, "{}");
        }
        let question =
            r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"message":"?"}}"#;
        let answer = Answer::events([heard.result("{}")]);
        Answer::events([question]).wait(&answered).then(answer)
    });
    let gateway = slow.behind("", "max_in_flight = 1\nqueue = 0").await;
    let sam = gateway.client().holding("sam");
    let sam = sam.open_with("2025-11-25", r#"{"elicitation":{}}"#).await;
    let mut events = sam.post_events(of("asked")).await;
    let question: Value = serde_json::from_str(&events.data().await).unwrap();
    let id = &question["id"];
    assert_eq!(gateway.state("up").in_flight, 0);
    passes(spawn(&sam, of("other"))).await;

    let accept = json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept"}});
    sam.post(accept.to_string()).await;
    let back = async {
        while gateway.state("up").in_flight != 1 {
            tokio::task::yield_now().await;
        }
    };
    within("the call's own place", back).await;
    assert_eq!(sam.post(of("late")).await.error().0, -32000);
    gate.open();
    assert!(events.data().await.contains("result"));
}
