//! Every request leaves one record, however it ends.

use mcpgate::observe::metrics::Look;

use crate::support::{Answer, Gate, Gateway, Heard, HttpServer};

/// How many requests ended so, by `/metrics`.
fn ended(gateway: &Gateway, server: &str, outcome: &str) -> u64 {
    let page = gateway.pipeline().metrics.render(&Look::default());
    let line = format!(r#"mcp_requests_total{{server="{server}",outcome="{outcome}"}} "#);
    let found = page
        .lines()
        .find_map(|text| text.strip_prefix(line.as_str()));
    found.unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_request_leaves_one_record_hang_ups_included() {
    let server = HttpServer::with_tools(&["echo", "hold"]).await;
    let gateway = Gateway::of(&[("up", &server)]).await;
    let client = gateway.session().await;

    client.call("up__echo", "{}").await;
    server.on("tools/call", |heard: &Heard| {
        Answer::json(heard.error(r#"{"code":-32000,"message":"no"}"#))
    });
    client.call("up__echo", "{}").await;
    client.call("up__nothing", "{}").await;
    server.on("tools/call", |heard: &Heard| {
        Answer::result(heard, "{}").held(&Gate::default())
    });
    let calling = tokio::spawn({
        let client = client.clone();
        async move { client.call("up__hold", "{}").await }
    });
    server
        .nth("the held call", 3, |heard: &Heard| {
            heard.method() == "tools/call"
        })
        .await;
    calling.abort();
    server.hears("notifications/cancelled").await;

    assert_eq!(ended(&gateway, "up", "ok"), 1);
    assert_eq!(ended(&gateway, "up", "error"), 1);
    assert_eq!(ended(&gateway, "mcpgate", "refused"), 1);
    assert_eq!(ended(&gateway, "up", "cancelled"), 1);
    let page = gateway.pipeline().metrics.render(&Look::default());
    assert!(page.contains("\nmcp_requests_in_flight 0\n"), "{page}");
}
