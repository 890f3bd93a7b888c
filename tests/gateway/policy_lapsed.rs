//! A stream outlives its request, and not what was shown for it: a token whose time is over, a key
//! that expires, or one that a reload takes away.

use std::time::SystemTime;

use serde_json::json;

use crate::support::{
    Answer, Client, Events, Gate, Gateway, HttpServer, Modern, SseClient, call, key, notification,
    token, within,
};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const POLICY: &str = "
    [tokens.corp]
    issuer = 'corp'
    audience = ['gate']
    secret = '0123456789abcdef0123456789abcdef'
    leeway = '0s'
    [roles.all]
    allow = ['*']
";

/// `db` is shared by all, since it keeps no sessions.
async fn gateway(policy: &str) -> (HttpServer, Gateway) {
    let db = HttpServer::with_tools(&["query"]).await.without_sessions();
    let gateway = Gateway::with_policy(&db.table("db"), policy).await;
    gateway.settled().await;
    (db, gateway)
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// What is shown of somebody, until then.
fn bearer(sub: &str, until: u64) -> String {
    bearer_of(sub, until, &["all"])
}

fn bearer_of(sub: &str, until: u64, roles: &[&str]) -> String {
    let claims = json!({"iss": "corp", "aud": "gate", "sub": sub, "exp": until, "roles": roles});
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    format!("Bearer {}", token(SECRET, header, &claims.to_string()))
}

fn holder(gateway: &Gateway, sub: &str, until: u64) -> Client {
    gateway.client().with("authorization", &bearer(sub, until))
}

/// The same client with another token.
fn renewed(client: &Client, sub: &str) -> Client {
    let client = client.clone().without("authorization");
    client.with("authorization", &bearer(sub, now() + 600))
}

/// A stream on which everything is told that `db` logs.
async fn hearing(client: Client) -> (Client, Events) {
    let client = client.open().await;
    let level = client
        .request("logging/setLevel", r#"{"level":"debug"}"#)
        .await;
    assert!(level.answer()["result"].is_object(), "{}", level.text());
    let stream = client.listen().await;
    (client, stream)
}

async fn ends(stream: &mut Events) {
    let event = within("the end of the stream", stream.next()).await;
    assert!(event.is_none(), "it goes on: {:?}", event.map(|e| e.data));
}

fn log(words: &str) -> String {
    let params = json!({"level": "error", "data": words});
    notification("notifications/message", &params.to_string())
}

#[tokio::test]
async fn a_stream_ends_with_the_token_and_with_a_new_one_goes_on_where_it_stopped() {
    let (db, gateway) = gateway(POLICY).await;
    let (_witness, mut of_witness) = hearing(holder(&gateway, "witness", now() + 600)).await;
    let (client, mut stream) = hearing(holder(&gateway, "sam", now() + 3)).await;
    db.push_own(&log("early")).await;
    assert_eq!(stream.data().await, log("early"));
    assert_eq!(of_witness.data().await, log("early"));

    ends(&mut stream).await;

    assert_eq!(client.call("db__query", "{}").await.status, 401);
    db.push_own(&log("late")).await;
    assert_eq!(of_witness.data().await, log("late"));
    let mut stream = renewed(&client, "sam").listen().await;
    assert_eq!(stream.data().await, log("late"));
}

#[tokio::test]
async fn to_have_lost_the_role_meanwhile_is_no_reason_to_stay() {
    let (_db, gateway) = gateway(POLICY).await;
    let end = now() + 3;
    let (client, mut stream) = hearing(holder(&gateway, "sam", end)).await;
    let roleless = client.clone().without("authorization");
    let roleless = roleless.with("authorization", &bearer_of("sam", end, &[]));
    assert_eq!(roleless.call("db__query", "{}").await.error().0, -32000);

    ends(&mut stream).await;
}

#[tokio::test]
async fn a_stream_whose_client_shows_a_new_token_in_time_goes_on_and_so_does_a_call() {
    let (db, gateway) = gateway(POLICY).await;
    let end = now() + 3;
    let (client, mut stream) = hearing(holder(&gateway, "sam", end)).await;
    let (calls, mut other) = hearing(holder(&gateway, "kim", end)).await;
    let gate = Gate::default();
    let held = gate.clone();
    let progress = r#"{"progressToken":1,"progress":1}"#;
    let progress = notification("notifications/progress", progress);
    db.on("tools/call", move |request| {
        let answer = Answer::events([request.result(r#"{"content":[]}"#)]);
        Answer::events([progress.clone()]).wait(&held).then(answer)
    });
    let mut answer = calls.post_events(call("7", "db__query", "{}")).await;
    assert_eq!(renewed(&client, "sam").list("tools").await, ["db__query"]);

    ends(&mut other).await;

    db.push_own(&log("late")).await;
    assert_eq!(stream.data().await, log("late"));
    gate.open();
    let mut said = String::new();
    while !said.contains(r#""id":7"#) {
        said = answer.data().await;
    }
    assert!(said.contains("content"), "{said}");
}

#[tokio::test]
async fn a_legacy_stream_ends_with_the_token_once_what_was_asked_is_answered() {
    let (db, gateway) = gateway(POLICY).await;
    let end = now() + 3;
    let quiet = SseClient::of(holder(&gateway, "kim", end)).await;
    let mut quiet = quiet.initialize("2024-11-05", "{}").await;
    let asks = SseClient::of(holder(&gateway, "sam", end)).await;
    let mut asks = asks.initialize("2024-11-05", "{}").await;
    let gate = Gate::default();
    let held = gate.clone();
    db.on("tools/call", move |request| {
        Answer::json(request.result(r#"{"content":[]}"#)).held(&held)
    });
    asks.say(&call("7", "db__query", "{}")).await;
    db.hears("tools/call").await;

    assert!(within("the end", quiet.ended()).await);
    gate.open();

    assert!(asks.answer("7").await.contains("content"));
    assert!(within("the end", asks.ended()).await);
}

#[tokio::test]
async fn a_stream_of_a_client_without_sessions_ends_with_the_token_in_an_answer() {
    let (_db, gateway) = gateway(POLICY).await;
    let client = Modern::new(holder(&gateway, "sam", now() + 3));
    let mut events = client
        .events(
            "1",
            "subscriptions/listen",
            r#"{"notifications":{"toolsListChanged":true}}"#,
        )
        .await;
    assert!(events.data().await.contains("acknowledged"));
    let last = events.data().await;
    assert!(last.contains(r#""resultType":"complete""#), "{last}");
    ends(&mut events).await;
}

#[tokio::test]
async fn a_stream_ends_with_the_time_of_the_key() {
    let end = jiff::Timestamp::from_second(i64::try_from(now()).unwrap() + 3).unwrap();
    let keys = [
        key("short", &format!("role = 'all'\nexpires = '{end}'")),
        key("long", "role = 'all'"),
    ];
    let (db, gateway) = gateway(&[&keys.concat(), "[roles.all]\nallow = ['*']"].concat()).await;
    let (_client, mut stream) = hearing(gateway.client().holding("short")).await;
    let (_witness, mut of_witness) = hearing(gateway.client().holding("long")).await;

    ends(&mut stream).await;

    db.push_own(&log("late")).await;
    assert_eq!(of_witness.data().await, log("late"));
}

#[tokio::test]
async fn streams_end_at_the_reload_that_takes_away_what_was_shown_for_them() {
    let roles = "[roles.all]\nallow = ['*']\n[roles.less]\nallow = ['other/*']\n";
    let two = [key("gone", "role = 'all'"), key("stays", "role = 'all'")];
    let issuer = POLICY.replace("[roles.all]\n    allow = ['*']\n", "");
    let (db, gateway) = gateway(&[&two.concat(), roles, &issuer].concat()).await;
    let (gone, mut of_gone) = hearing(gateway.client().holding("gone")).await;
    let (_holder, mut of_holder) = hearing(holder(&gateway, "sam", now() + 600)).await;
    let (_stays, mut of_stays) = hearing(gateway.client().holding("stays")).await;
    let modern = Modern::new(gateway.client()).holding("gone");
    let mut listening = modern
        .events(
            "1",
            "subscriptions/listen",
            r#"{"notifications":{"toolsListChanged":true}}"#,
        )
        .await;
    assert!(listening.data().await.contains("acknowledged"));

    let kept = key("stays", "role = 'all'");
    gateway.write("policies/policy.toml", &[&kept, roles].concat());
    gateway.reload().await.unwrap();

    ends(&mut of_gone).await;
    ends(&mut of_holder).await;
    let last = listening.data().await;
    assert!(last.contains(r#""resultType":"complete""#), "{last}");
    ends(&mut listening).await;
    db.push_own(&log("late")).await;
    assert_eq!(of_stays.data().await, log("late"));
    // Another role is still one.
    let changed = [&*two.concat(), roles].concat();
    let changed = changed.replacen("role = 'all'", "role = 'less'", 1);
    gateway.write("policies/policy.toml", &changed);
    gateway.reload().await.unwrap();
    let mut of_gone = gone.listen().await;
    gateway.write("policies/policy.toml", &[&*two.concat(), roles].concat());
    gateway.reload().await.unwrap();
    assert!(of_gone.data().await.contains("tools/list_changed"));
}
