//! What is merged: every page, nothing bad, under names that lead back.

use crate::support::{Answer, Gate, Gateway, Heard, HttpServer, call, initialize, tool};

#[tokio::test]
async fn every_page_of_a_list_is_fetched_in_order() {
    let server = HttpServer::with_tools(&[]).await;
    server.on("tools/list", |heard| {
        let (item, cursor) = match heard.param("cursor").as_str() {
            None => ("a", r#","nextCursor":"p2\u00e9""#),
            Some("p2é") => ("b", r#","nextCursor":"3""#),
            Some("3") => ("c", r#","nextCursor":null"#),
            Some(other) => panic!("no such page: {other}"),
        };
        Answer::result(heard, &format!(r#"{{"tools":[{}]{cursor}}}"#, tool(item)))
    });

    let gateway = Gateway::of(&[("up", &server)]).await;

    let client = gateway.session().await;
    assert_eq!(client.list("tools").await, ["up__a", "up__b", "up__c"]);
}

#[tokio::test]
async fn a_cursor_that_turns_in_circles_costs_that_list_alone() {
    let server = HttpServer::with_tools(&[]).await;
    server.on("tools/list", |heard| {
        let next = if heard.param("cursor") == "a" {
            "b"
        } else {
            "a"
        };
        let page = format!(r#"{{"tools":[{}],"nextCursor":"{next}"}}"#, tool(next));
        Answer::result(heard, &page)
    });
    server.offer("prompts/list", &[r#"{"name":"p"}"#]);
    let other = HttpServer::with_tools(&["echo"]).await;

    let gateway = Gateway::of(&[("up", &server), ("other", &other)]).await;

    let client = gateway.session().await;
    assert_eq!(client.list("tools").await, ["other__echo"]);
    assert_eq!(client.list("prompts").await, ["up__p"]);
    assert_eq!(server.heard_of("tools/list").len(), 3);
}

#[tokio::test]
async fn a_list_that_fails_costs_that_list_alone() {
    let server = HttpServer::with_tools(&["echo"]).await;
    server.on("prompts/list", |heard| {
        Answer::error(heard, r#"{"code":-32603,"message":"no"}"#)
    });
    server.on("resources/list", |_| Answer::status(500));
    server.offer(
        "resources/templates/list",
        &[r#"{"uriTemplate":"x://{id}","name":"x"}"#],
    );

    let gateway = Gateway::of(&[("up", &server)]).await;

    let client = gateway.session().await;
    assert_eq!(client.list("tools").await, ["up__echo"]);
    assert_eq!(client.list("resources/templates").await, ["x://{id}"]);
    for empty in ["prompts", "resources"] {
        assert!(client.list(empty).await.is_empty());
    }
}

#[tokio::test]
async fn a_bad_item_is_left_out_and_the_others_stay() {
    let server = HttpServer::with_tools(&[]).await;
    let good = [tool("a"), tool("b")];
    for bad in [
        "7",
        "null",
        "{}",
        r#"{"name":"x"}"#,
        r#"{"name":"","inputSchema":{"type":"object"}}"#,
        r#"{"name":7,"inputSchema":{"type":"object"}}"#,
        r#"{"name":"x","inputSchema":{"type":"string"}}"#,
        r#"{"name":"x","inputSchema":[]}"#,
        r#"{"name":"x","inputSchema":null}"#,
        r#"{"name":"x","name":"y","inputSchema":{"type":"object"}}"#,
    ] {
        server.offer("tools/list", &[&good[0], bad, &good[1]]);
        let gateway = Gateway::of(&[("up", &server)]).await;
        let client = gateway.session().await;
        assert_eq!(client.list("tools").await, ["up__a", "up__b"], "{bad}");
    }
}

#[tokio::test]
async fn a_name_of_128_characters_is_shortened_and_leads_to_its_tool() {
    let long = "n".repeat(128);
    let server = HttpServer::with_tools(&[&long]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    let listed = client.list("tools").await;

    assert_eq!(listed[0].len(), 50);
    client.call(&listed[0], "{}").await;
    assert_eq!(server.hears("tools/call").await.param("name"), long);
}

#[tokio::test]
async fn names_may_be_left_as_the_server_wrote_them() {
    let server = HttpServer::with_tools(&["a.b/c d"]).await;
    let verbatim = "[gateway]\nnames = \"verbatim\"\n";
    let gateway = Gateway::start(&format!("{verbatim}{}prefix = \"\"\n", server.table("up"))).await;
    let client = gateway.session().await;

    assert_eq!(client.list("tools").await, ["a.b/c d"]);
    client.call("a.b/c d", "{}").await;

    assert_eq!(
        server.hears("tools/call").await.text(),
        call("1", "a.b/c d", "{}")
    );
}

#[tokio::test]
async fn of_two_servers_with_the_same_names_the_first_in_the_file_wins_with_a_warning() {
    let (slow, quick) = (
        HttpServer::with_tools(&[]).await,
        HttpServer::with_tools(&["echo"]).await,
    );
    let gate = Gate::default();
    let held = gate.clone();
    slow.on("tools/list", move |heard| {
        Answer::result(heard, &format!(r#"{{"tools":[{}]}}"#, tool("echo"))).held(&held)
    });
    slow.offer("resources/list", &[r#"{"uri":"x://1","name":"slow"}"#]);
    quick.offer("resources/list", &[r#"{"uri":"x://1","name":"quick"}"#]);
    let tables = format!(
        "{}prefix = \"\"\n{}prefix = \"\"\n",
        slow.table("slow"),
        quick.table("quick")
    );
    let gateway = Gateway::start(&tables).await;
    // The later one is there first, and still gives way.
    quick
        .nth("its lists", 4, |heard| heard.method().ends_with("/list"))
        .await;
    gate.open();
    gateway.settled().await;
    let client = gateway.session().await;

    client.call("echo", "{}").await;
    client.request("resources/read", r#"{"uri":"x://1"}"#).await;

    assert_eq!(client.list("tools").await, ["echo"]);
    slow.hears("tools/call").await;
    slow.hears("resources/read").await;
    let warnings = gateway.pipeline().plan().views.whole().warnings.join("\n");
    assert!(
        warnings.contains("give [servers.quick] another `prefix`"),
        "{warnings}"
    );
    assert!(warnings.contains("`x://1`"), "{warnings}");
}

#[tokio::test]
async fn a_tool_that_a_server_lists_twice_is_listed_once() {
    let server = HttpServer::with_tools(&["echo", "echo"]).await;

    let gateway = Gateway::of(&[("up", &server)]).await;

    assert_eq!(gateway.session().await.list("tools").await, ["up__echo"]);
    let plan = gateway.pipeline().plan();
    let warnings = &plan.views.whole().warnings;
    assert!(warnings[0].contains("`echo` twice"), "{warnings:?}");
}

/// Trap: Only tools declared at initialize.
#[tokio::test]
async fn all_is_declared_from_the_start_and_instructions_are_merged_under_their_servers() {
    let server = HttpServer::with_tools(&[]).await;
    server.on("initialize", |heard| {
        Answer::result(heard, r#"{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"f","version":"1"},"instructions":" Be kind. "}"#)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;

    let opened = gateway
        .client()
        .post(initialize("2025-06-18"))
        .await
        .answer();

    let result = &opened["result"];
    assert_eq!(result["protocolVersion"], "2025-06-18");
    assert_eq!(result["instructions"], "# up\n\nBe kind.");
    for capability in ["tools", "resources", "prompts", "completions", "logging"] {
        assert!(
            result["capabilities"][capability].is_object(),
            "{capability}"
        );
    }
    assert_eq!(result["capabilities"]["resources"]["subscribe"], true);
    let client = gateway.session().await;
    for list in ["tools", "resources", "resources/templates", "prompts"] {
        assert!(client.list(list).await.is_empty());
    }
    let asked = |heard: &Heard| heard.method().ends_with("/list");
    assert!(
        !server.heard().iter().any(asked),
        "it declared none of them"
    );
}

#[tokio::test]
async fn the_gateway_speaks_the_revision_that_was_agreed_with_the_server() {
    let server = HttpServer::with_tools(&["echo"]).await;
    server.on("initialize", |heard| {
        Answer::result(heard, r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"f","version":"1"}}"#)
    });
    let gateway = Gateway::of(&[("up", &server)]).await;

    gateway.session().await.call("up__echo", "{}").await;

    let call = server.hears("tools/call").await;
    assert_eq!(call.headers["mcp-protocol-version"], "2025-06-18");
    let accept = call.headers["accept"].to_str().unwrap();
    assert!(accept.contains("application/json") && accept.contains("text/event-stream"));
}
