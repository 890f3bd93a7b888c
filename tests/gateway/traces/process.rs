//! `[traces]` in the program itself.

use super::Collector;
use crate::{
    pipe::{program, run, server},
    support::{Running, folder},
};

#[tokio::test]
async fn the_usual_variables_say_what_the_table_does_not_and_the_end_loses_nothing() {
    let collector = Collector::start().await;
    let folder = folder(&format!("[traces]\n{}", server("kid", &[])), &[]);
    let mut command = program(folder.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue%20green")
        .env("OTEL_SERVICE_NAME", "gate");
    let running = Running::of(command).await;
    let client = running.client().open().await;
    client.call("kid__echo", "{}").await.answer();
    assert!(running.stop().await.success());

    assert_eq!(collector.spans().len(), 2);
    assert_eq!(collector.resource()["service.name"], "gate");
    assert_eq!(collector.requests()[0].0["x-team"], "blue green");
}

#[tokio::test]
async fn without_the_table_the_variables_trace_nothing() {
    let collector = Collector::start().await;
    let folder = folder(&server("kid", &[]), &[]);
    let mut command = program(folder.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
    let running = Running::of(command).await;
    let client = running.client().open().await;
    client.call("kid__echo", "{}").await.answer();
    assert!(running.stop().await.success());
    assert_eq!(collector.requests().len(), 0);
}

#[tokio::test]
async fn a_collector_that_is_down_is_told_of_once_and_so_is_a_wrong_key() {
    let folder = folder(
        &format!(
            "[traces]\nendpoint = \"http://127.0.0.1:1\"\n{}",
            server("kid", &[])
        ),
        &[],
    );
    let mut running = Running::start(folder.path()).await;
    let client = running.client().open().await;
    client.call("kid__echo", "{}").await.answer();
    running
        .says("traces cannot be sent to http://127.0.0.1:1/v1/traces")
        .await;
    client.call("kid__echo", "{}").await.answer();
    running.signal("TERM").await;
    running.ended().await;
    let said = running.said();
    assert_eq!(said.matches("cannot be sent").count(), 1, "{said}");

    let checked = run("[traces]\nsampel = 0.5\n", &["check"]).await;
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(said.contains("servers.toml:2:1"), "{said}");
    assert!(
        said.contains("unknown key `sampel` in [traces]; did you mean `sample`?"),
        "{said}"
    );
}
