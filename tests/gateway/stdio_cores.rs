//! A child that is read on one core, and callers on others.

use std::path::Path;

use futures_util::future::join_all;

use crate::{
    pipe::{fake, table},
    support::Gateway,
};

/// More than there are cores, so that some are where the child is not read.
const CLIENTS: usize = 4;

/// Each of some clients is answered by a child whose output goes through this: it alone calls, the
/// others are only there.
async fn each_is_answered(settings: &str, filter: &str) {
    let script = format!("'{}' --name kid | {filter}", fake().display());
    let servers = table("kid", Path::new("sh"), &["-c".to_owned(), script]);
    for caller in 0..CLIENTS {
        let gateway = Gateway::start(&format!("{settings}{servers}")).await;
        gateway.settled().await;
        let clients = join_all((0..CLIENTS).map(|_| gateway.session())).await;
        let reply = clients[caller].call("kid__echo", r#"{"a":"mark"}"#).await;
        assert!(reply.text().contains("mark"), "{caller}: {}", reply.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_does_not_wait_for_what_comes_after_a_blank_line() {
    each_is_answered("", "sed -u G").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_a_line_that_is_too_long_is_not_lost_with_it() {
    let filter = format!("sed -u '/mark/s/$/\\n{}/'", "x".repeat(9000));
    each_is_answered("[gateway]\nmax_message = 8000\n", &filter).await;
}
