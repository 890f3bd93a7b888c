//! What a role may do: what is listed may be called, and the rest is not there.

use http::StatusCode;

use crate::support::{Client, Gateway, HttpServer, key};

/// A gateway in front of `files` with these tools, under one role of whoever holds `sam`.
async fn under(role: &str, tools: &[&str]) -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(tools).await;
    let policy = format!("{}{role}", key("sam", "role = 'r'"));
    let gateway = Gateway::with_policy(&server.table("files"), &policy).await;
    gateway.settled().await;
    (server, gateway)
}

async fn sam(gateway: &Gateway) -> Client {
    gateway.client().holding("sam").open().await
}

/// The tools that are listed, each of which may be called, while none of the others may.
async fn usable(role: &str, tools: &[&str]) -> Vec<String> {
    let (server, gateway) = under(role, tools).await;
    let client = sam(&gateway).await;
    let listed = client.list("tools").await;
    let names: Vec<String> = listed
        .iter()
        .map(|name| name.replacen("files__", "", 1))
        .collect();
    let mut heard = 0;
    for tool in tools {
        let reply = client.call(&format!("files__{tool}"), "{}").await;
        assert_eq!(reply.status, StatusCode::OK);
        let is_listed = names.iter().any(|name| name == tool);
        let called = reply.answer().get("result").is_some();
        assert_eq!(called, is_listed, "{tool}: {}", reply.text());
        heard += usize::from(is_listed);
        assert_eq!(server.heard_of("tools/call").len(), heard, "{tool}");
    }
    names
}

#[tokio::test]
async fn a_tool_is_there_where_a_rule_allows_it_and_none_denies_it() {
    let tools = ["read", "read_x", "write", "delete_x"];
    for (rules, expected) in [
        ("", &[][..]),
        ("allow = []", &[]),
        ("allow = ['files/read']", &["read"]),
        ("allow = ['files/read*']", &["read", "read_x"]),
        ("allow = ['tool:files/read_?']", &["read_x"]),
        ("allow = ['*']", &tools),
        (
            "allow = ['*']\ndeny = ['*/delete_*']",
            &["read", "read_x", "write"],
        ),
        ("allow = ['files/read']\ndeny = ['files/read']", &[]),
        ("deny = ['files/delete_*']", &[]),
        ("allow = ['other/*', 'prompt:files/*', 'FILES/read']", &[]),
        ("allow = ['files/READ']", &[]),
        ("allow = ['files/files__read']", &[]),
    ] {
        let role = format!("[roles.r]\n{rules}\n");
        assert_eq!(usable(&role, &tools).await, expected, "{rules}");
    }
}

#[tokio::test]
async fn a_wildcard_that_is_escaped_is_the_character_itself() {
    let tools = ["a*b", "axb", "a?b", "a[1]"];
    for (rule, expected) in [
        (r"files/a\*b", "a*b"),
        (r"files/a\?b", "a?b"),
        (r"files/a\[1]", "a[1]"),
    ] {
        let (server, gateway) = under(&format!("[roles.r]\nallow = ['{rule}']"), &tools).await;
        let client = sam(&gateway).await;
        let listed = client.list("tools").await;
        assert_eq!(listed.len(), 1, "{rule}: {listed:?}");
        client.call(&listed[0], "{}").await;
        let heard = server.heard_of("tools/call");
        assert_eq!(heard[0].param("name"), expected);
    }
}

#[tokio::test]
async fn a_role_inherits_what_others_may_do_and_what_they_may_not() {
    let tools = ["read", "write", "delete"];
    let roles = "
        [roles.reader]
        allow = ['files/read']
        deny = ['files/delete']
        [roles.writer]
        inherits = ['reader']
        allow = ['files/write']
        [roles.r]
        inherits = ['writer']
        allow = ['files/delete']
    ";
    assert_eq!(usable(roles, &tools).await, ["read", "write"]);
}

#[tokio::test]
async fn a_role_is_good_only_from_where_it_may_be_used() {
    for (from, allowed) in [("127.0.0.0/8", true), ("192.0.2.0/24", false)] {
        let role = format!("[roles.r]\nallow = ['*']\nfrom = ['{from}']");
        let (_server, gateway) = under(&role, &["read"]).await;
        let opened = gateway.client().holding("sam");
        let opened = opened.post(crate::support::initialize("2025-11-25")).await;
        assert_eq!(opened.status, StatusCode::OK);
        assert_eq!(opened.headers.contains_key("mcp-session-id"), allowed);
        if !allowed {
            assert_eq!(
                opened.error().1,
                "the role `r` may not be used from this address ([roles.r] from)"
            );
        }
    }
}

const UNDER_SRV: &str = "{ target = 'files/read', when = \"args.path.startsWith('/srv/')\" }";

#[tokio::test]
async fn a_condition_decides_call_by_call_and_one_that_fails_denies() {
    let role = format!("[roles.r]\nallow = [{UNDER_SRV}]");
    let (server, gateway) = under(&role, &["read"]).await;
    let client = sam(&gateway).await;
    assert_eq!(client.list("tools").await, ["files__read"]);
    for (arguments, passes) in [
        (r#"{"path":"/srv/a"}"#, true),
        (r#"{"p\u0061th":"/srv/a"}"#, true),
        (r#"{"path":"/etc/a"}"#, false),
        (r#"{"path":7}"#, false),
        (r"{}", false),
        ("null", false),
        ("[]", false),
        (r#"{"path":"/srv/a","path":"/etc"}"#, false),
        (r#"{"path":"/srv/a","Path":"/etc"}"#, false),
        (r#"{"path":"/srv/a","n":9007199254740993}"#, false),
    ] {
        let before = server.heard_of("tools/call").len();
        let reply = client.call("files__read", arguments).await;
        let heard = server.heard_of("tools/call").len() > before;
        assert_eq!(heard, passes, "{arguments}: {}", reply.text());
        if !passes {
            let words = "tool `files__read` is not allowed with these arguments";
            assert_eq!(reply.error(), (-32602, words.to_owned()));
        }
    }
    let without = r#"{"name":"files__read"}"#;
    assert_eq!(
        client.request("tools/call", without).await.error().0,
        -32602
    );
    for twice in [
        r#"{"name":"files__read","arguments":{"path":"/srv/a"},"arguments":{"path":"/etc"}}"#,
        r#"{"name":"files__read","arguments":{"path":"/srv/a"},"Arguments":{"path":"/etc"}}"#,
    ] {
        let before = server.heard_of("tools/call").len();
        client.request("tools/call", twice).await;
        assert_eq!(server.heard_of("tools/call").len(), before, "{twice}");
    }
}

#[tokio::test]
async fn a_conditional_denial_counts_while_it_holds_and_when_it_cannot_be_told() {
    let role = format!("[roles.r]\nallow = ['*']\ndeny = [{UNDER_SRV}]");
    let (_server, gateway) = under(&role, &["read"]).await;
    let client = sam(&gateway).await;
    assert_eq!(client.list("tools").await, ["files__read"]);
    for (arguments, passes) in [
        (r#"{"path":"/etc/a"}"#, true),
        (r#"{"path":"/srv/a"}"#, false),
        (r"{}", false),
        (r#"{"path":"/etc","path":"/etc"}"#, false),
    ] {
        let reply = client.call("files__read", arguments).await;
        let called = reply.answer().get("result").is_some();
        assert_eq!(called, passes, "{arguments}");
    }
}

#[tokio::test]
async fn a_key_without_what_it_was_given_a_role_for_may_do_nothing() {
    let server = HttpServer::with_tools(&["read"]).await;
    let policy = [
        key("sam", "role = 'none'"),
        "[roles.none]\n[roles.all]\nallow = ['*']\n".to_owned(),
    ];
    let gateway = Gateway::with_policy(&server.table("files"), &policy.concat()).await;
    gateway.settled().await;
    let client = sam(&gateway).await;
    for list in ["tools", "prompts", "resources", "resources/templates"] {
        assert_eq!(client.list(list).await, [""; 0], "{list}");
    }
    let own = client.request("files/own_method", "{}").await;
    assert_eq!(own.error().0, -32601);
    assert_eq!(server.heard_of("files/own_method").len(), 0);
}
