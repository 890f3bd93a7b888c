//! The legacy transport behind: a server that has a stream and an address to post to.

use std::time::Duration;

use crate::support::{Gateway, Heard, SseClient, SseServer, call, notification, request, within};

const STREAM: &str = "x-stream";

fn stream(heard: &Heard) -> usize {
    heard.headers[STREAM].to_str().unwrap().parse().unwrap()
}

/// How the gateway says that the one server is doing.
fn state(gateway: &Gateway) -> mcpgate::forward::State {
    let plan = gateway.pipeline().plan();
    let (_, server) = plan.servers.iter().next().unwrap();
    server.state()
}

async fn start(table: &str) -> Gateway {
    let gateway = Gateway::start(table).await;
    gateway.settled().await;
    gateway
}

#[tokio::test]
async fn it_is_found_when_the_address_takes_no_post() {
    for status in [404, 405, 400] {
        let server = SseServer::with_tools(&["echo"]).await;
        server.probed(status);
        let gateway = start(&server.table("old")).await;

        assert_eq!(state(&gateway).transport, "sse", "{status}");
        assert_eq!(state(&gateway).revision.as_deref(), Some("2024-11-05"));
        let client = gateway.session().await;
        let answer = client.call("old__echo", r#"{"n":1E+2}"#).await;
        assert_eq!(
            answer.text(),
            r#"{"jsonrpc":"2.0","id":1,"result":{"name":"echo","arguments":{"n":1E+2}}}"#
        );
    }
}

#[tokio::test]
async fn other_failures_say_nothing_of_the_transport() {
    for status in [401, 403, 500] {
        let server = SseServer::with_tools(&["echo"]).await;
        server.probed(status);
        let gateway = start(&server.table("old")).await;
        assert_eq!(state(&gateway).state, "down", "{status}");
        assert_eq!(server.opened(), 0, "{status}");
    }
}

#[tokio::test]
async fn the_config_can_say_so_and_nothing_is_probed() {
    let server = SseServer::with_tools(&["echo"]).await;
    server.probed(500);
    let gateway = start(&format!("{}transport = \"sse\"\n", server.table("old"))).await;
    assert_eq!(state(&gateway).state, "up");
    assert_eq!(gateway.session().await.list("tools").await, ["old__echo"]);
}

#[tokio::test]
async fn the_address_may_be_relative_or_whole_but_not_elsewhere() {
    for (form, up) in [
        ("messages?c=N", true),
        ("/messages?c=N", true),
        ("http://ADDRESS/messages?c=N", true),
        ("http://localhost:1/messages?c=N", false),
        ("https://ADDRESS/messages?c=N", false),
        ("//ADDRESS/messages?c=N", false),
    ] {
        let server = SseServer::with_tools(&["echo"]).await;
        let form = form.replace("ADDRESS", &server.address().to_string());
        let named = form.clone();
        server.endpoint(move |number| named.replace('N', &number.to_string()));
        let gateway = start(&format!("{}transport = \"sse\"\n", server.table("old"))).await;

        let state = state(&gateway);
        assert_eq!(state.state == "up", up, "{form}: {:?}", state.error);
        if !up {
            assert!(state.error.unwrap().contains("is elsewhere"), "{form}");
            assert_eq!(server.heard_of("initialize").len(), 0, "{form}");
        }
    }
}

#[tokio::test]
async fn a_refused_post_fails_its_own_call_at_once_and_no_other() {
    let server = SseServer::with_tools(&["echo"]).await;
    server.on("tools/call", |_| Vec::new());
    let gateway = start(&server.table("old")).await;
    let client = gateway.session().await;
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { client.call("old__echo", "{}").await })
    };
    let first = server.hears("tools/call").await;

    server.refuse("tools/call", 500);
    let (code, words) = client.post(call("2", "old__echo", "{}")).await.error();
    assert_eq!(code, -32603);
    assert!(words.contains("HTTP 500"), "{words}");

    server
        .push(stream(&first), &first.result(r#"{"late":true}"#))
        .await;
    let answer = waiting.await.unwrap();
    assert_eq!(
        answer.text(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"late":true}}"#
    );
}

#[tokio::test]
async fn a_stream_that_closes_fails_the_calls_in_flight_and_the_next_opens_another() {
    let server = SseServer::with_tools(&["echo"]).await;
    let gateway = start(&server.table("old")).await;
    let client = gateway.session().await;
    client.call("old__echo", "{}").await;
    server.on("tools/call", |_| Vec::new());
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { client.call("old__echo", "{}").await })
    };
    let second = |heard: &Heard| heard.method() == "tools/call";
    let held = server.nth("the call", 2, second).await;

    server.close(stream(&held));

    let (code, words) = waiting.await.unwrap().error();
    assert_eq!(code, -32000);
    assert!(
        words.contains("`old`") && words.contains("closed the stream"),
        "{words}"
    );
    server.on("tools/call", |heard| vec![heard.result("{}")]);
    let answer = client.call("old__echo", "{}").await.answer();
    assert_eq!(answer["result"], serde_json::json!({}));
    assert_eq!(
        server.opened(),
        3,
        "the gateway's, the client's, and again the client's"
    );
}

#[tokio::test]
async fn the_gateways_own_stream_is_opened_again_and_the_lists_are_fetched_anew() {
    let server = SseServer::with_tools(&["one"]).await;
    let gateway = start(&server.table("old")).await;
    let mut client = SseClient::of(gateway.client()).await;
    client = client.initialize("2024-11-05", "{}").await;
    client.ask("1", "tools/list", "{}").await;
    server.offer_tools(&["two"]);

    server.close(0);

    client.told("notifications/tools/list_changed").await;
    assert!(
        client
            .ask("2", "tools/list", "{}")
            .await
            .contains("old__two")
    );
    let state = state(&gateway);
    assert_eq!((state.state, state.restarts), ("up", 1));
}

#[tokio::test]
async fn every_session_has_a_stream_of_its_own_that_ends_with_it() {
    let server = SseServer::with_tools(&["echo"]).await;
    let gateway = start(&server.table("old")).await;
    let (one, two) = (gateway.session().await, gateway.session().await);
    for client in [&one, &two, &one] {
        client.call("old__echo", "{}").await;
    }
    let calls = server.heard_of("tools/call");
    assert_eq!(calls.iter().map(stream).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!(server.heard_of("initialize").len(), 3);

    one.ask(http::Method::DELETE, "").await;

    server.closed(1).await;
    two.call("old__echo", "{}").await;
    assert_eq!(server.opened(), 3);
}

#[tokio::test]
async fn one_stream_for_everybody_when_the_config_says_so_and_ids_never_cross() {
    let server = SseServer::with_tools(&["echo"]).await;
    // Both calls must be there before either is answered, and in the wrong order.
    let kept = std::sync::Mutex::new(None::<Heard>);
    server.on("tools/call", move |heard| {
        let token = |heard: &Heard| heard.param("_meta")["progressToken"].to_string();
        let said = |heard: &Heard| {
            let progress = format!(r#"{{"progressToken":{},"progress":1}}"#, token(heard));
            let progress = notification("notifications/progress", &progress);
            [
                progress,
                heard.result(&heard.param("arguments").to_string()),
            ]
        };
        let first = kept.lock().unwrap().replace(heard.clone());
        match first {
            None => Vec::new(),
            Some(first) => [said(heard), said(&first)].concat(),
        }
    });
    let table = format!("{}scope = \"shared\"\n", server.table("old"));
    let gateway = start(&table).await;
    let ask = |who: usize| {
        let gateway = &gateway;
        async move {
            let client = gateway.session().await;
            let params = format!(
                r#"{{"name":"old__echo","arguments":{{"who":{who}}},"_meta":{{"progressToken":7}}}}"#
            );
            let mut events = client
                .post_events(request("1", "tools/call", &params))
                .await;
            [events.data().await, events.data().await]
        }
    };
    let (one, two) = within("both", async { tokio::join!(ask(1), ask(2)) }).await;

    for (who, [progress, answer]) in [(1, one), (2, two)] {
        let expected = r#"{"progressToken":7,"progress":1}"#;
        assert_eq!(progress, notification("notifications/progress", expected));
        let expected = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"who":{who}}}}}"#);
        assert_eq!(answer, expected);
    }
    assert_eq!(server.opened(), 1);
}

#[tokio::test]
async fn it_comes_up_when_it_comes_up() {
    let server = SseServer::with_tools(&["echo"]).await;
    server.refuse("initialize", 500);
    let gateway = start(&format!("{}transport = \"sse\"\n", server.table("old"))).await;
    assert_eq!(state(&gateway).state, "down");
    assert!(state(&gateway).error.unwrap().contains("HTTP 500"));

    server.on("tools/list", |heard| {
        vec![heard.result(&format!(
            r#"{{"tools":[{}]}}"#,
            crate::support::tool("late")
        ))]
    });
    server.accept("initialize");

    server.hears("tools/list").await;
    let client = gateway.session().await;
    let listed = async {
        let mut events = client.listen().await;
        while client.list("tools").await != ["old__late"] {
            events.data().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), listed)
        .await
        .unwrap();
}
