//! A stream of notifications (2026-07-28) follows resources as `resources/subscribe` does: under
//! the same limits, and with a line of the audit for each.

use serde_json::{Value, json};

use crate::support::{Gateway, HttpServer, Modern, key};

const POLICY: &str = "
    [roles.reader]
    allow = ['resource:a://open/*']
    limits = [{ calls = 2, per = '1h', each = ['caller'] }]
";

async fn followed() -> (HttpServer, Gateway, String) {
    let server = HttpServer::with_tools(&[]).await;
    let uris = ["a://open/1", "a://secret", "a://open/2", "a://open/3"];
    let resources = uris.map(|uri| json!({"uri": uri, "name": "r"}).to_string());
    server.offer("resources/list", &resources);
    let servers = format!("[audit]\nfile = \"audit.jsonl\"\n{}", server.table("up"));
    let policy = [&key("sam", "role = 'reader'"), POLICY].concat();
    let gateway = Gateway::with_policy(&servers, &policy).await;
    gateway.settled().await;
    let wanted = json!({"notifications": {"resourceSubscriptions": uris}}).to_string();
    let client = Modern::new(gateway.client()).holding("sam");
    let mut events = client.events("9", "subscriptions/listen", &wanted).await;
    let agreed = events.data().await;
    (server, gateway, agreed)
}

#[tokio::test]
async fn a_stream_follows_no_more_resources_than_the_limits_leave_room_for() {
    let (server, _gateway, agreed) = followed().await;

    assert!(
        agreed.contains(r#"["a://open/1","a://open/2"]"#),
        "{agreed}"
    );
    for heard in server.heard_of("resources/subscribe") {
        let params: Value = serde_json::from_str(heard.params()).unwrap();
        assert!(agreed.contains(params["uri"].as_str().unwrap()), "{params}");
    }
}

#[tokio::test]
async fn each_resource_that_a_stream_asks_for_leaves_its_line() {
    let (_server, gateway, _agreed) = followed().await;

    let lines = gateway.audited().await;

    let said = |key: &str| -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        lines.iter().map(|line| text(&line[key])).collect()
    };
    let expected = ["a://open/1", "a://secret", "a://open/2", "a://open/3"];
    assert_eq!(said("resource"), expected, "{lines:?}");
    assert_eq!(said("stage"), ["", "authorise", "", "limit"]);
    assert_eq!(said("method"), ["subscriptions/listen"; 4]);
    assert_eq!(said("outcome"), ["ok", "refused", "ok", "refused"]);
}
