//! `[traces]`: how spans reach a collector, and what it costs if they do not.

use http_body_util::BodyExt;
use mcpgate::{admin, pipeline::Pipeline};
use tokio::net::TcpListener;

use super::Collector;
use crate::support::{Client, Gate, Gateway, HttpServer};

async fn started(traces: &str) -> (HttpServer, Gateway) {
    let up = HttpServer::with_tools(&["echo"]).await;
    let gateway = Gateway::start(&format!("{traces}{}", up.table("up"))).await;
    gateway.settled().await;
    (up, gateway)
}

async fn call(client: &Client) {
    client.call("up__echo", "{}").await.answer();
}

/// What is counted of spans: sent and dropped.
async fn counted(pipeline: &Pipeline) -> (u64, u64) {
    let page = admin::metrics(pipeline).into_body().collect().await;
    let page = String::from_utf8(page.unwrap().to_bytes().into()).unwrap();
    let count = |name: &str| {
        let mut lines = page.lines().filter_map(|line| line.strip_prefix(name));
        lines.next().expect(&page).trim().parse().unwrap()
    };
    (
        count("mcp_spans_sent_total "),
        count("mcp_spans_dropped_total "),
    )
}

#[tokio::test]
async fn spans_are_sent_by_themselves_with_the_headers_of_the_config() {
    let collector = Collector::start().await;
    let more = "headers = { X-Team = \"blue\" }\nservice_name = \"gate\"\n\
                resource = { \"deployment.environment.name\" = \"test\" }\n";
    let (_up, gateway) = started(&collector.table(more)).await;
    call(&gateway.session().await).await;
    collector.hears(1).await;

    let (headers, _) = &collector.requests()[0];
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["x-team"], "blue");
    let resource = collector.resource();
    assert_eq!(resource["service.name"], "gate");
    assert_eq!(resource["deployment.environment.name"], "test");
    let pipeline = gateway.pipeline().clone();
    gateway.stop().await;
    assert_eq!(collector.spans().len(), 2);
    assert_eq!(counted(&pipeline).await, (2, 0));
}

#[tokio::test]
async fn a_collector_that_is_not_there_costs_spans_and_no_calls() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let (_up, gateway) = started(&format!("[traces]\nendpoint = \"http://{address}\"\n")).await;
    let client = gateway.session().await;
    for _ in 0..3 {
        call(&client).await;
    }
    let pipeline = gateway.pipeline().clone();
    gateway.stop().await;
    assert_eq!(counted(&pipeline).await, (0, 6));
}

#[tokio::test]
async fn a_collector_that_does_not_answer_holds_up_nothing_and_what_finds_no_room_is_counted() {
    let (collector, gate) = (Collector::start().await, Gate::default());
    collector.hold(&gate);
    let (_up, gateway) = started(&collector.table("queue = 3")).await;
    let client = gateway.session().await;
    // The first two are on their way; behind them there is room for three more.
    call(&client).await;
    collector.hears(1).await;
    for _ in 0..3 {
        call(&client).await;
    }
    let pipeline = gateway.pipeline().clone();
    assert_eq!(counted(&pipeline).await, (0, 3));
    gate.open();
    gateway.stop().await;
    assert_eq!(counted(&pipeline).await, (5, 3));
    assert_eq!(collector.spans().len(), 5);
}

#[tokio::test]
async fn what_may_be_tried_again_is_and_what_may_not_is_dropped() {
    for (status, sent, requests) in [(503, (2, 0), 2), (429, (2, 0), 2), (400, (0, 2), 1)] {
        let collector = Collector::start().await;
        collector.answers(status, b"");
        let (_up, gateway) = started(&collector.table("")).await;
        call(&gateway.session().await).await;
        collector.hears(requests).await;
        let pipeline = gateway.pipeline().clone();
        gateway.stop().await;
        assert_eq!(counted(&pipeline).await, sent, "{status}");
        assert_eq!(collector.requests().len(), requests, "{status}");
    }
}

#[tokio::test]
async fn what_a_collector_says_it_has_not_taken_is_counted() {
    let collector = Collector::start().await;
    // partial_success { rejected_spans: 1, error_message: "no" }
    collector.answers(200, b"\x0a\x06\x08\x01\x12\x02no");
    let (_up, gateway) = started(&collector.table("")).await;
    call(&gateway.session().await).await;
    let pipeline = gateway.pipeline().clone();
    gateway.stop().await;
    assert_eq!(counted(&pipeline).await, (1, 1));
}

#[tokio::test]
async fn a_reload_switches_traces_on_and_off_and_sends_them_elsewhere() {
    let (here, there) = (Collector::start().await, Collector::start().await);
    let (up, gateway) = started("").await;
    let client = gateway.session().await;
    call(&client).await;
    for (traces, calls) in [
        (here.table(""), 1),
        (here.table("sample = 0"), 2),
        (there.table(""), 3),
        (String::new(), 4),
    ] {
        gateway.write("servers.toml", &format!("{traces}{}", up.table("up")));
        let reloaded = gateway.reload().await.unwrap();
        assert_eq!(
            (reloaded.unchanged.len(), reloaded.needs_restart.len()),
            (1, 0)
        );
        call(&client).await;
        assert_eq!(up.heard_of("tools/call").len(), calls + 1);
    }
    here.hears(1).await;
    there.hears(1).await;
    gateway.stop().await;
    assert_eq!((here.spans().len(), there.spans().len()), (2, 2));
}
