//! A server's lists change: that server is asked again, and only those are told who see it.

use crate::support::{Answer, Event, Gate, Gateway, Heard, HttpServer, notification, tool};

fn changed(list: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/{list}/list_changed"}}"#)
}

#[tokio::test]
async fn the_server_that_changed_is_asked_again_alone_and_then_every_session_is_told() {
    let (server, other) = (
        HttpServer::with_tools(&["a"]).await,
        HttpServer::with_tools(&["x"]).await,
    );
    let gateway = Gateway::of(&[("up", &server), ("other", &other)]).await;
    let clients = [gateway.session().await, gateway.session().await];
    let mut streams = [clients[0].listen().await, clients[1].listen().await];
    let before = other.heard().len();

    server.offer_tools(&["a", "b"]);
    server
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;

    for (client, stream) in clients.iter().zip(&mut streams) {
        assert_eq!(stream.data().await, changed("tools"));
        assert_eq!(client.list("tools").await, ["up__a", "up__b", "other__x"]);
    }
    assert_eq!(server.heard_of("tools/list").len(), 2);
    assert_eq!(
        server.heard_of("prompts/list").len(),
        1,
        "only what changed"
    );
    assert_eq!(other.heard().len(), before);
}

#[tokio::test]
async fn sessions_are_told_once_the_new_list_is_there_and_not_before() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/list", move |heard| {
        Answer::result(heard, &format!(r#"{{"tools":[{}]}}"#, tool("b"))).held(&held)
    });

    server
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;
    server
        .nth("a second fetch", 2, |heard| heard.method() == "tools/list")
        .await;

    assert_eq!(
        client.list("tools").await,
        ["up__a"],
        "the old list serves meanwhile"
    );
    gate.open();
    assert_eq!(stream.data().await, changed("tools"));
    assert_eq!(client.list("tools").await, ["up__b"]);
}

#[tokio::test]
async fn nobody_is_told_where_the_view_stays_the_same() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    let news = notification("notifications/tools/list_changed", "{}");

    server.push_own(&news).await;
    server
        .nth("a second fetch", 2, |heard| heard.method() == "tools/list")
        .await;
    server.offer_tools(&["b"]);
    server.push_own(&news).await;

    // The first message there ever was is the one about the real change.
    let told = Event {
        id: Some("1".to_owned()),
        data: changed("tools"),
    };
    assert_eq!(stream.next().await, Some(told));
    assert_eq!(client.list("tools").await, ["up__b"]);
}

#[tokio::test]
async fn each_kind_of_list_has_its_own_word_and_templates_go_with_resources() {
    let server = HttpServer::with_tools(&[]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;

    server.offer("prompts/list", &[r#"{"name":"p"}"#]);
    server
        .push_own(&notification("notifications/prompts/list_changed", "{}"))
        .await;
    assert_eq!(stream.data().await, changed("prompts"));
    assert_eq!(client.list("prompts").await, ["up__p"]);

    server.offer("resources/list", &[r#"{"uri":"x://1","name":"x"}"#]);
    server.offer(
        "resources/templates/list",
        &[r#"{"uriTemplate":"x://{y}","name":"x"}"#],
    );
    server
        .push_own(&notification("notifications/resources/list_changed", "{}"))
        .await;
    assert_eq!(stream.data().await, changed("resources"));
    assert_eq!(client.list("resources").await, ["x://1"]);
    assert_eq!(client.list("resources/templates").await, ["x://{y}"]);

    server.offer_tools(&["t"]);
    server
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;
    assert_eq!(
        stream.data().await,
        changed("tools"),
        "resources were told twice"
    );
}

#[tokio::test]
async fn a_change_told_on_a_clients_session_or_in_mid_call_counts_too() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    let news = notification("notifications/tools/list_changed", "{}");
    let told = news.clone();
    server.on("tools/call", move |heard| {
        Answer::events([told.clone(), heard.result("{}")])
    });

    server.offer_tools(&["a", "b"]);
    let reply = client.call("up__a", "{}").await;
    assert_eq!(
        reply.header("content-type"),
        "application/json",
        "it is not the call's"
    );
    assert_eq!(stream.data().await, changed("tools"));

    server.offer_tools(&["a", "c"]);
    let session = server.hears("tools/call").await.session().to_owned();
    server.push(&session, &news).await;
    assert_eq!(stream.data().await, changed("tools"));
    assert_eq!(client.list("tools").await, ["up__a", "up__c"]);
}

#[tokio::test]
async fn a_list_that_cannot_be_fetched_again_stays_as_it_was() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    server.on("tools/list", |_| Answer::status(500));

    server
        .push_own(&notification("notifications/tools/list_changed", "{}"))
        .await;
    server
        .nth("a second fetch", 2, |heard| heard.method() == "tools/list")
        .await;
    server.offer("prompts/list", &[r#"{"name":"p"}"#]);
    let mut stream = client.listen().await;
    server
        .push_own(&notification("notifications/prompts/list_changed", "{}"))
        .await;

    assert_eq!(stream.data().await, changed("prompts"));
    assert_eq!(client.list("tools").await, ["up__a"]);
}

#[tokio::test]
async fn changes_that_come_while_a_list_is_fetched_are_one() {
    let server = HttpServer::with_tools(&["a"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;
    client.call("up__a", "{}").await;
    let kept = server.hears("tools/call").await.session().to_owned();
    let mut stream = client.listen().await;
    let gate = Gate::default();
    let held = gate.clone();
    server.on("tools/list", move |heard| {
        let tools = format!(r#"{{"tools":[{}]}}"#, tool("b"));
        Answer::result(heard, &tools).held(&held)
    });
    let news = notification("notifications/tools/list_changed", "{}");
    server.push(&kept, &news).await;
    let fetches = |heard: &Heard| heard.method() == "tools/list";
    server.nth("a second fetch", 2, fetches).await;

    for _ in 0..5 {
        server.push(&kept, &news).await;
    }
    // Comes on the same stream, so by now the gateway has heard of all of them.
    let after = notification("notifications/message", r#"{"level":"info","data":1}"#);
    server.push(&kept, &after).await;
    assert_eq!(stream.data().await, after);
    gate.open();
    server.nth("a third fetch", 3, fetches).await;
    server.offer("prompts/list", &[r#"{"name":"p"}"#]);
    let more = notification("notifications/prompts/list_changed", "{}");
    server.push(&kept, &more).await;

    assert_eq!(stream.data().await, changed("tools"));
    assert_eq!(stream.data().await, changed("prompts"));
    assert_eq!(server.heard_of("tools/list").len(), 3);
}

#[tokio::test]
async fn a_list_that_never_comes_holds_no_later_change_up() {
    let server = HttpServer::with_tools(&["a"]).await;
    let table = format!("{}timeout = \"1s\"\n", server.table("up"));
    let gateway = Gateway::start(&table).await;
    gateway.settled().await;
    let client = gateway.session().await;
    let mut stream = client.listen().await;
    server.on("tools/list", |_| Answer::status(200).held(&Gate::default()));
    server.offer("prompts/list", &[r#"{"name":"p"}"#]);

    for list in ["tools", "prompts"] {
        let news = format!("notifications/{list}/list_changed");
        server.push_own(&notification(&news, "{}")).await;
    }

    assert_eq!(stream.data().await, changed("prompts"));
    assert_eq!(client.list("tools").await, ["up__a"]);
}
