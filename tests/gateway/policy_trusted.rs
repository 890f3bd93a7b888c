//! Headers by which a trusted peer, such as LibreChat, says for whom it asks.

use http::{Method, StatusCode};

use crate::support::{
    Client, Gateway, HttpServer, Modern, Reply, SseClient, call, initialize, key, request,
};

const ROLES: &str = "
    [roles.admin]
    allow = ['*']
    [roles.reader]
    allow = ['files/read']
";
const MAPPED: &str = "roles = { ADMIN = 'admin', USER = 'reader' }";
/// LibreChat's own key, which may do more than most of its users.
const WITH_KEY: &str = "keys = ['chat']\nroles = { ADMIN = 'admin', USER = 'reader' }";

async fn under(trusted: &str) -> (HttpServer, Gateway) {
    let server = HttpServer::with_tools(&["read", "write"]).await;
    let keys = [key("chat", "role = 'admin'"), key("sam", "role = 'reader'")];
    let trusted = format!("[trusted_headers]\n{trusted}\n");
    let policy = [&keys.concat(), ROLES, &trusted].concat();
    let gateway = Gateway::with_policy(&server.table("files"), &policy).await;
    gateway.settled().await;
    (server, gateway)
}

fn chat(gateway: &Gateway, role: &str, id: &str) -> Client {
    gateway.client().holding("chat").asking_for(id, role)
}

async fn opens(client: &Client) -> Reply {
    client.post(initialize("2025-11-25")).await
}

/// How many of the two tools are seen; nothing where the door stays shut.
async fn sees(client: Client) -> Option<usize> {
    match opens(&client).await.status {
        StatusCode::UNAUTHORIZED => None,
        _ => Some(client.open().await.list("tools").await.len()),
    }
}

#[tokio::test]
async fn they_are_believed_with_the_key_from_the_address_or_only_with_both() {
    let (key, here, far) = (
        "keys = ['chat']",
        "from = ['127.0.0.1']",
        "from = ['192.0.2.1']",
    );
    for (trusted, with_key, with_another, without) in [
        ([key, ""], Some(1), Some(1), None),
        ([here, ""], Some(1), Some(2), Some(2)),
        ([far, ""], Some(2), Some(1), None),
        ([key, here], Some(1), Some(1), None),
        ([key, far], Some(2), Some(1), None),
    ] {
        let trusted = format!("{}\n{MAPPED}", trusted.join("\n"));
        let (_server, gateway) = under(&trusted).await;
        // Who is not believed is what its key says, and nobody without one.
        let asked = sees(chat(&gateway, "USER", "u")).await;
        assert_eq!(asked, with_key, "{trusted}");
        let spoofed = gateway.client().holding("sam").asking_for("u", "ADMIN");
        assert_eq!(sees(spoofed).await, with_another, "{trusted}");
        let nobody = gateway.client().asking_for("u", "ADMIN");
        assert_eq!(sees(nobody).await, without, "{trusted}");
    }
}

#[tokio::test]
async fn who_is_not_believed_keeps_its_own_identity_whatever_its_headers_say() {
    let (_server, gateway) = under(WITH_KEY).await;
    let sam = gateway.client().holding("sam").open().await;
    let claims = gateway
        .client()
        .holding("sam")
        .asking_for("victim", "ADMIN");
    let same = claims.clone().with("mcp-session-id", sam.session());
    assert_eq!(same.list("tools").await, ["files__read"]);
    let victim = chat(&gateway, "ADMIN", "victim").open().await;
    let stolen = claims.with("mcp-session-id", victim.session());
    let reply = stolen.post(request("1", "tools/list", "{}")).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_role_that_is_none_here_is_refused_with_words_that_say_so() {
    let (server, gateway) = under(WITH_KEY).await;
    for (role, words) in [
        (
            "GUEST",
            "the role that x-user-role names is not mapped to one here",
        ),
        (
            "admin",
            "the role that x-user-role names is not mapped to one here",
        ),
        ("", "the header x-user-role is missing or empty"),
        (" ", "the header x-user-role is missing or empty"),
        (
            "{{LIBRECHAT_USER_ROLE}}",
            "the header x-user-role carries a placeholder that was not replaced",
        ),
    ] {
        let client = chat(&gateway, role, "u");
        let reply = opens(&client).await;
        assert_eq!(reply.status, StatusCode::OK, "{role}");
        assert_eq!(reply.error(), (-32000, words.to_owned()), "{role}");
        let modern = Modern::new(client.clone()).call("files__read", "{}").await;
        assert_eq!(
            (modern.status, modern.error().1),
            (StatusCode::OK, words.to_owned())
        );
        let sse = client.at("/sse").ask(Method::GET, "").await;
        assert_eq!(sse.status, StatusCode::FORBIDDEN, "{role}");
        assert!(sse.text().contains(words), "{}", sse.text());
    }
    assert_eq!(server.heard_of("tools/call").len(), 0);
}

#[tokio::test]
async fn a_peers_key_without_a_role_may_do_nothing_in_its_own_name() {
    let server = HttpServer::with_tools(&["read"]).await;
    let trusted = format!("[trusted_headers]\n{WITH_KEY}\n");
    let policy = [key("chat", "").as_str(), ROLES, &trusted].concat();
    let gateway = Gateway::with_policy(&server.table("files"), &policy).await;
    gateway.settled().await;

    let reply = opens(&gateway.client().holding("chat")).await;

    let words = "its key has no `role`, and no header says for whom it asks";
    assert_eq!(reply.error(), (-32000, words.to_owned()));
    assert_eq!(sees(chat(&gateway, "ADMIN", "u")).await, Some(1));
}

#[tokio::test]
async fn headers_that_stand_twice_or_are_no_text_count_as_no_role() {
    let (_server, gateway) = under(WITH_KEY).await;
    for (name, value, words) in [
        (
            "x-user-role",
            "ADMIN",
            "the header x-user-role stands twice",
        ),
        ("x-user-id", "other", "the header x-user-id stands twice"),
    ] {
        let client = chat(&gateway, "ADMIN", "u").with(name, value);
        assert_eq!(opens(&client).await.error().1, words);
    }
    let unfilled = gateway
        .client()
        .holding("chat")
        .with("x-user-role", "ADMIN");
    let unfilled = unfilled.with("x-user-email", "{{LIBRECHAT_USER_EMAIL}}");
    let words = "the header x-user-email carries a placeholder that was not replaced";
    assert_eq!(opens(&unfilled).await.error().1, words);
}

#[tokio::test]
async fn only_a_peer_that_says_no_role_at_all_lends_its_own() {
    let (_server, gateway) = under(WITH_KEY).await;
    let without = gateway.client().holding("chat").with("x-user-id", "u");
    assert_eq!(sees(without.clone()).await, Some(2));
    let refused = opens(&without.with("x-user-role", "")).await;
    assert!(!refused.headers.contains_key("mcp-session-id"));
}

#[tokio::test]
async fn a_role_is_that_of_the_request_and_not_of_the_session() {
    let (server, gateway) = under(WITH_KEY).await;
    let admin = chat(&gateway, "ADMIN", "u").open().await;
    assert!(admin.call("files__write", "{}").await.answer()["result"].is_object());

    let lesser = chat(&gateway, "USER", "u").with("mcp-session-id", admin.session());
    assert_eq!(lesser.list("tools").await, ["files__read"]);
    let hidden = lesser.call("files__write", "{}").await;
    assert_eq!(
        hidden.error(),
        (-32602, "unknown tool `files__write`".to_owned())
    );
    assert_eq!(server.heard_of("tools/call").len(), 1);

    let none = chat(&gateway, "GUEST", "u").with("mcp-session-id", admin.session());
    let refused = none.post(request("1", "tools/list", "{}")).await;
    assert!(
        refused.error().1.contains("not mapped"),
        "{}",
        refused.text()
    );
    let stream = none.ask(Method::GET, "").await;
    assert_eq!(
        stream.status,
        StatusCode::FORBIDDEN,
        "nor is anything heard"
    );
    assert_eq!(admin.list("tools").await.len(), 2);
}

#[tokio::test]
async fn with_a_legacy_stream_the_headers_of_each_post_decide() {
    let (server, gateway) = under(WITH_KEY).await;
    let client = SseClient::of(chat(&gateway, "ADMIN", "u")).await;
    let mut client = client.initialize("2024-11-05", "{}").await;
    let post = |role: &str, id: &str| {
        let posts = client.posts.clone();
        let posts = posts.without("x-user-role").without("x-user-id");
        posts.asking_for(id, role)
    };
    let (lesser, other) = (post("USER", "u"), post("ADMIN", "other"));

    let taken = lesser.post(call("7", "files__write", "{}")).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    let answer = client.answer("7").await;
    assert!(answer.contains("unknown tool `files__write`"), "{answer}");
    let stolen = other.post(call("8", "files__write", "{}")).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND);
    assert_eq!(server.heard_of("tools/call").len(), 0);
    assert!(
        client
            .ask("9", "tools/call", r#"{"name":"files__write"}"#)
            .await
            .contains("result")
    );
}

#[tokio::test]
async fn a_session_belongs_to_the_user_and_not_to_the_peer() {
    let (_server, gateway) = under(WITH_KEY).await;
    let one = chat(&gateway, "ADMIN", "one").open().await;
    let by_email = |email: &str| {
        let client = gateway.client().holding("chat").with("x-user-role", "USER");
        client.with("x-user-email", email)
    };
    let sam = by_email("sam@example.com").open().await;
    assert_eq!(
        sam.list("tools").await,
        ["files__read"],
        "an address is enough"
    );

    let plain = gateway.client().holding("chat");
    for (thief, of) in [
        (chat(&gateway, "ADMIN", "two"), &one),
        (plain, &one),
        (by_email("one"), &sam),
        (by_email("eve@example.com"), &sam),
        (chat(&gateway, "USER", "sam"), &sam),
    ] {
        let thief = thief.with("mcp-session-id", of.session());
        for verb in [Method::POST, Method::GET, Method::DELETE] {
            let reply = thief.ask(verb, request("1", "tools/list", "{}")).await;
            assert_eq!(reply.status, StatusCode::NOT_FOUND);
        }
    }
    let again = by_email("sam@example.com").with("mcp-session-id", sam.session());
    assert_eq!(again.list("tools").await, ["files__read"]);
}

#[tokio::test]
async fn a_user_by_address_is_not_one_by_key_though_the_names_look_alike() {
    let (_server, gateway) = under("from = ['127.0.0.1']\nroles = { USER = 'reader' }").await;
    let by_key = chat(&gateway, "USER", "sam").open().await;
    let by_address = gateway.client().asking_for("chat:sam", "USER");
    let stolen = by_address.clone().with("mcp-session-id", by_key.session());
    let reply = stolen.post(request("1", "tools/list", "{}")).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    // Without sessions there is nothing to steal, if what stands for them is not shared.
    let before = gateway.pipeline().sessions.count();
    for client in [by_address, chat(&gateway, "USER", "sam")] {
        let listed = Modern::new(client).ask("1", "tools/list", "{}").await;
        assert!(listed.answer()["result"].is_object(), "{}", listed.text());
    }
    assert_eq!(gateway.pipeline().sessions.count(), before + 2);
}
