//! Prompts, resources, completions and subscriptions under a role.

use serde_json::json;

use crate::support::{Client, Gateway, HttpServer, Modern, key};

fn resource(uri: &str) -> String {
    format!(r#"{{"uri":"{uri}","name":"r"}}"#)
}

fn template(uri: &str) -> String {
    format!(r#"{{"uriTemplate":"{uri}","name":"t"}}"#)
}

async fn server() -> HttpServer {
    let server = HttpServer::with_tools(&[]).await;
    server.offer(
        "prompts/list",
        &[r#"{"name":"hello"}"#, r#"{"name":"bye"}"#],
    );
    server.offer(
        "resources/list",
        &[resource("file:///srv/a"), resource("file:///etc/b")],
    );
    let templates = ["file:///srv/{+path}", "db://{table}/{row}", "user://{id}"];
    server.offer("resources/templates/list", &templates.map(template));
    server
}

async fn under(server: &HttpServer, role: &str) -> (Gateway, Client) {
    let policy = [key("sam", "role = 'r'"), format!("[roles.r]\n{role}\n")].concat();
    let gateway = Gateway::with_policy(&server.table("files"), &policy).await;
    gateway.settled().await;
    let client = gateway.client().holding("sam").open().await;
    (gateway, client)
}

/// Whether the request was let through to the server.
async fn passes(client: &Client, method: &str, params: &serde_json::Value) -> bool {
    let reply = client.request(method, &params.to_string()).await;
    let passes = reply.answer().get("result").is_some();
    assert_eq!(
        passes,
        !reply.text().contains("unknown "),
        "{}",
        reply.text()
    );
    passes
}

async fn reads(client: &Client, uri: &str) -> bool {
    passes(client, "resources/read", &json!({"uri": uri})).await
}

#[tokio::test]
async fn prompts_and_their_completions_follow_the_same_rule() {
    let server = server().await;
    let (_gateway, client) = under(&server, "allow = ['prompt:files/h*']").await;
    assert_eq!(client.list("prompts").await, ["files__hello"]);
    assert_eq!(client.list("resources").await, [""; 0]);
    for (name, expected) in [("files__hello", true), ("files__bye", false)] {
        let completed = json!({
            "ref": {"type": "ref/prompt", "name": name}, "argument": {"name": "a", "value": "b"},
        });
        let got = json!({"name": name});
        assert_eq!(
            passes(&client, "prompts/get", &got).await,
            expected,
            "{name}"
        );
        let completes = passes(&client, "completion/complete", &completed).await;
        assert_eq!(completes, expected, "{name}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_allowed_lends_its_name_to_no_template_that_is_not() {
    let server = server().await;
    let (_gateway, client) = under(&server, "allow = ['prompt:files/h*']").await;
    let both = json!({
        "ref": {"type": "ref/resource", "name": "files__hello", "uri": "user://{id}"},
        "argument": {"name": "id", "value": "a"},
    });

    let reply = client
        .request("completion/complete", &both.to_string())
        .await;

    assert_eq!(reply.error().0, -32602, "{}", reply.text());
    assert_eq!(server.heard_of("completion/complete").len(), 0);
}

#[tokio::test]
async fn resources_are_judged_by_their_own_uri_listed_or_not() {
    let server = server().await;
    let rules = "allow = ['resource:file:///srv/*', 'resource:files/db://users/*']
                 deny = ['resource:file:///srv/private/*']";
    let (_gateway, client) = under(&server, rules).await;
    assert_eq!(client.list("resources").await, ["file:///srv/a"]);
    let templates = ["file:///srv/{+path}", "db://{table}/{row}"];
    assert_eq!(client.list("resources/templates").await, templates);
    for (uri, expected) in [
        ("file:///srv/a", true),
        ("file:///etc/b", false),
        // By template.
        ("file:///srv/deep/c", true),
        ("db://users/1", true),
        ("db://secrets/1", false),
        ("user://1", false),
        // In no list and of no template.
        ("file:///elsewhere", false),
        // In other words.
        ("file:///srv/private/x", false),
        ("file:///srv//private/x", false),
        ("file:///srv/%70rivate/x", false),
        ("file:///srv/../etc/b", false),
        ("file:///srv/%2e%2e/etc/b", false),
        ("FILE:///srv/a", false),
    ] {
        let before = server.heard_of("resources/read").len();
        assert_eq!(reads(&client, uri).await, expected, "{uri}");
        let heard = server.heard_of("resources/read").len() > before;
        assert_eq!(heard, expected, "{uri}");
        for method in ["resources/subscribe", "resources/unsubscribe"] {
            let follows = passes(&client, method, &json!({"uri": uri})).await;
            assert_eq!(follows, expected, "{method} {uri}");
        }
    }
}

#[tokio::test]
async fn a_way_up_is_let_through_only_where_everything_is() {
    let server = server().await;
    let up = [
        "file:///srv/../etc/b",
        "file:///srv/%2e%2e/etc/b",
        "file:///srv/./a",
    ];
    for (rule, expected) in [("file:///srv/*", false), ("files/*", true)] {
        let (_gateway, client) = under(&server, &format!("allow = ['resource:{rule}']")).await;
        assert!(reads(&client, "file:///srv/a").await);
        for uri in up {
            assert_eq!(reads(&client, uri).await, expected, "{rule} {uri}");
        }
    }
}

#[tokio::test]
async fn what_no_list_has_is_read_where_only_that_is_allowed() {
    let (files, other) = (server().await, server().await);
    let rule = "[roles.r]\nallow = ['resource:files/note://*', 'method:files/jobs/*']";
    let policy = [key("sam", "role = 'r'"), rule.to_owned()].concat();
    let tables = [files.table("files"), other.table("other")].concat();
    let gateway = Gateway::with_policy(&tables, &policy).await;
    gateway.settled().await;
    let client = gateway.client().holding("sam").open().await;
    assert_eq!(client.list("resources").await, [""; 0]);
    assert!(
        reads(&client, "note://1").await,
        "the role has only one server to read of"
    );
    assert!(!reads(&client, "file:///elsewhere").await);
    let mine = client.request("jobs/start", "{}").await;
    assert!(mine.answer()["result"].is_object(), "{}", mine.text());
    assert_eq!(client.request("tricks/start", "{}").await.error().0, -32601);
    assert_eq!(files.heard_of("jobs/start").len(), 1);
    assert_eq!(other.heard_of("resources/read").len(), 0);
}

#[tokio::test]
async fn a_completion_of_a_template_goes_where_it_was_judged() {
    let (other, files) = (server().await, server().await);
    // Listed by the first as a resource: the text of the second one's template.
    other.offer("resources/list", &[resource("user://{id}")]);
    other.offer("resources/templates/list", &[""; 0]);
    let rule = "[roles.r]\nallow = ['resource:files/*']";
    let policy = [key("sam", "role = 'r'"), rule.to_owned()].concat();
    let tables = [other.table("other"), files.table("files")].concat();
    let gateway = Gateway::with_policy(&tables, &policy).await;
    gateway.settled().await;
    let client = gateway.client().holding("sam").open().await;
    let completed = json!({
        "ref": {"type": "ref/resource", "uri": "user://{id}"},
        "argument": {"name": "id", "value": "1"},
    });
    assert!(passes(&client, "completion/complete", &completed).await);
    assert_eq!(other.heard_of("completion/complete").len(), 0);
    assert_eq!(files.heard_of("completion/complete").len(), 1);
}

#[tokio::test]
async fn a_stream_of_notifications_is_judged_as_a_subscription_is_conditions_too() {
    let server = server().await;
    let rules =
        "allow = [{ target = 'resource:files/*', when = \"caller.email == 'sam@example.com'\" }]";
    let (gateway, client) = under(&server, rules).await;
    let refused = client
        .request("resources/subscribe", r#"{"uri":"file:///srv/a"}"#)
        .await;
    assert_eq!(refused.error().0, -32602, "{}", refused.text());

    let client = Modern::new(gateway.client()).holding("sam");
    let wanted = r#"{"notifications":{"resourceSubscriptions":["file:///srv/a"]}}"#;
    let mut events = client.events("1", "subscriptions/listen", wanted).await;
    let first = events.data().await;
    assert!(!first.contains("file:///srv/a"), "{first}");
    assert_eq!(server.heard_of("resources/subscribe").len(), 0);
}
