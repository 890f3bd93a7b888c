//! Several addresses of one remote server: calls are shared out, and one that is gone costs nobody
//! else anything.

mod back;
mod moved;
mod outage;
mod shared;

use crate::support::{Client, Gateway, HttpServer, replicas, within};

/// A gateway in front of replicas, once all of them are up.
pub(super) async fn gateway(servers: &[&HttpServer], settings: &str) -> Gateway {
    let gateway = Gateway::start(&(replicas(servers) + settings)).await;
    for index in 0..servers.len() {
        doing(&gateway, index, "up").await;
    }
    gateway
}

/// Waits until a replica is in that state. Nobody is told of that, so it is looked for.
pub(super) async fn doing(gateway: &Gateway, replica: usize, state: &str) {
    within("the state of a replica", async {
        while gateway.state("up").replicas[replica].state != state {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Two that offer `echo`.
pub(super) async fn two() -> [HttpServer; 2] {
    [
        HttpServer::with_tools(&["echo"]).await,
        HttpServer::with_tools(&["echo"]).await,
    ]
}

/// Two of 2026-07-28.
pub(super) async fn two_modern() -> [HttpServer; 2] {
    [
        HttpServer::modern(&["echo"]).await,
        HttpServer::modern(&["echo"]).await,
    ]
}

/// Two that keep no sessions.
pub(super) async fn two_without_sessions() -> [HttpServer; 2] {
    two().await.map(HttpServer::without_sessions)
}

pub(super) fn calls(server: &HttpServer) -> usize {
    server.heard_of("tools/call").len()
}

pub(super) async fn echoes(client: &Client) {
    let reply = client.call("up__echo", "{}").await;
    assert_eq!(reply.answer()["result"]["name"], "echo", "{}", reply.text());
}

/// Which of them has a client's session.
pub(super) async fn home(client: &Client, servers: [&HttpServer; 2]) -> usize {
    let before = servers.map(calls);
    echoes(client).await;
    let now = servers.map(calls);
    usize::from(now[1] > before[1])
}

/// The first failure is one too many, and it is asked again at once, or never.
pub(super) fn breaker(pause: &str) -> String {
    format!("breaker = {{ failures = 1, pause = \"{pause}\", longest_pause = \"{pause}\" }}\n")
}
