//! A reload, and callers: what the policies say counts at once, and only those hear of it whom it
//! concerns.

use http::Method;

use crate::support::{
    Answer, Client, Event, Events, Gate, Gateway, Heard, HttpServer, call, key, within,
};

pub(crate) const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// `read` and `write` of `files`, for sam in the role `a` and for eve in `b`.
pub(crate) async fn under(policy: &str) -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["read", "write"]).await;
    let gateway = Gateway::with_policy(&server.table("files"), policy).await;
    gateway.settled().await;
    (server, gateway)
}

pub(crate) fn roles(a: &str, b: &str) -> String {
    let keys = [key("sam", "role = 'a'"), key("eve", "role = 'b'")];
    format!(
        "{}[roles.a]\nallow = [{a}]\n[roles.b]\nallow = [{b}]\n",
        keys.concat()
    )
}

pub(crate) async fn open(gateway: &Gateway, name: &str) -> Client {
    gateway.client().holding(name).open().await
}

/// All sessions hear of another list, which comes after whatever they were told before.
async fn prompts(server: &HttpServer, stream: &mut Events) -> Vec<String> {
    server.offer("prompts/list", &[r#"{"name":"p"}"#]);
    server.push_own(&CHANGED.replace("tools", "prompts")).await;
    let mut told = Vec::new();
    loop {
        let Event { data, .. } = stream.next().await.unwrap();
        if data.contains("prompts") {
            return told;
        }
        told.push(data);
    }
}

#[tokio::test]
async fn only_sessions_whose_role_sees_other_tools_are_told_and_all_of_them_live_on() {
    let (server, gateway) = under(&roles("'*/read', 'prompt:*'", "'*'")).await;
    let (sam, eve) = (open(&gateway, "sam").await, open(&gateway, "eve").await);
    let (mut to_sam, mut to_eve) = (sam.listen().await, eve.listen().await);
    assert_eq!(sam.list("tools").await, ["files__read"]);
    eve.list("tools").await;

    gateway.write(
        "policies/policy.toml",
        &roles("'*/write', 'prompt:*'", "'*'"),
    );
    let reloaded = gateway.reload().await.unwrap();

    assert_eq!(reloaded.unchanged, ["files"]);
    assert_eq!(to_sam.data().await, CHANGED);
    assert_eq!(sam.list("tools").await, ["files__write"]);
    assert_eq!(prompts(&server, &mut to_eve).await, [""; 0]);
    assert_eq!(
        server.heard_of("tools/list").len(),
        1,
        "nobody was asked again"
    );
    assert_eq!(server.heard_of("initialize").len(), 1);
}

#[tokio::test]
async fn a_session_whose_key_gets_another_role_is_told_before_it_asks() {
    let policy = roles("'*/read'", "'*'");
    let (_server, gateway) = under(&policy).await;
    let sam = open(&gateway, "sam").await;
    let mut stream = sam.listen().await;

    gateway.write(
        "policies/policy.toml",
        &policy.replacen("role = 'a'", "role = 'b'", 1),
    );
    gateway.reload().await.unwrap();

    assert_eq!(stream.data().await, CHANGED);
    assert_eq!(sam.list("tools").await.len(), 2);
}

#[tokio::test]
async fn the_stream_of_a_key_that_is_gone_ends_and_can_be_opened_again_when_it_is_back() {
    let (server, gateway) = under(&roles("'*'", "'*'")).await;
    let (sam, eve) = (open(&gateway, "sam").await, open(&gateway, "eve").await);
    let (mut to_sam, mut to_eve) = (sam.listen().await, eve.listen().await);

    let without = roles("'*'", "'*'").replacen("role = 'a'", "role = 'a'\ndisabled = true", 1);
    gateway.write("policies/policy.toml", &without);
    gateway.reload().await.unwrap();

    assert_eq!(sam.request("ping", "{}").await.status, 401);
    assert_eq!(prompts(&server, &mut to_eve).await, [""; 0]);
    assert!(to_sam.next().await.is_none());
    assert_eq!(sam.ask(Method::GET, "").await.status, 401);
    gateway.write("policies/policy.toml", &roles("'*'", "'*'"));
    gateway.reload().await.unwrap();
    let mut to_sam = sam.listen().await;
    sam.list("tools").await;
    server.offer_tools(&["other"]);
    server.push_own(CHANGED).await;
    assert_eq!(to_sam.data().await, CHANGED);
}

#[tokio::test]
async fn what_a_limit_has_counted_stays() {
    let limit = "[limits.few]\ncalls = 3\nper = '1h'\neach = ['caller']\n";
    let policy = [&roles("'*'", "'*'"), limit].concat();
    let (_server, gateway) = under(&policy).await;
    let sam = open(&gateway, "sam").await;
    for _ in 0..2 {
        assert!(sam.call("files__read", "{}").await.answer()["result"].is_object());
    }

    gateway.write(
        "policies/policy.toml",
        &[&roles("'*', 'a/*'", "'*'"), limit].concat(),
    );
    gateway.reload().await.unwrap();

    assert!(sam.call("files__read", "{}").await.answer()["result"].is_object());
    let refused = sam.call("files__read", "{}").await.answer();
    assert_eq!(refused["error"]["data"]["limit"], "few");
}

#[tokio::test]
async fn failed_sign_ins_stay_counted() {
    let (server, gateway) = under(&roles("'*'", "'*'")).await;
    let settings = "[gateway]\nfailed_sign_ins = 2\n";
    gateway.write("servers.toml", &[settings, &server.table("files")].concat());
    gateway.reload().await.unwrap();
    let guess = async || {
        gateway
            .client()
            .holding("nobody")
            .request("ping", "{}")
            .await
            .status
    };
    assert_eq!(
        (guess().await, guess().await),
        (401.try_into().unwrap(), 401.try_into().unwrap())
    );

    gateway.write("policies/policy.toml", &roles("'*', 'a/*'", "'*'"));
    gateway.reload().await.unwrap();

    assert_eq!(guess().await, 429);
}

#[tokio::test]
async fn a_call_goes_on_with_what_it_was_judged_by() {
    let limit = "[limits.one]\nconcurrent = 1\nwait = '60s'\n";
    let policy = |allow: &str| [&roles(allow, "'*'"), limit].concat();
    let (server, gateway) = under(&policy("'*'")).await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/call", move |heard: &Heard| {
        Answer::result(heard, r#"{"content":[]}"#).held(&held)
    });
    let (sam, eve) = (open(&gateway, "sam").await, open(&gateway, "eve").await);
    let call = |client: &Client| {
        let client = client.clone();
        tokio::spawn(async move { client.post(call("1", "files__write", "{}")).await })
    };
    let first = call(&eve);
    server.hears("tools/call").await;
    let waits = call(&sam);
    for _ in 0..5 {
        sam.request("ping", "{}").await;
    }

    gateway.write("policies/policy.toml", &policy("'*/read'"));
    gateway.reload().await.unwrap();
    let refused = sam.call("files__write", "{}").await;
    assert_eq!(refused.error().0, -32602, "it is not there any more");
    gate.open();

    for call in [first, waits] {
        let reply = within("an answer", call).await.unwrap();
        assert!(reply.answer()["result"].is_object(), "{}", reply.text());
    }
}
