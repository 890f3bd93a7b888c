//! What is parked is bounded in number and time.

use super::*;
use crate::{
    call::{Client, Identity},
    mcp::Revision,
};

fn parked() -> Parked {
    let revision = Revision::V2026_07_28;
    let client = Client::new("".into(), Identity::Local, revision, "{}", "{}");
    let begun = Frame::parse(Bytes::from_static(
        br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#,
    ));
    Parked {
        call: Task(tokio::spawn(std::future::pending())),
        begun: begun.unwrap(),
        exchange: Arc::new(Exchange::new(Arc::new(client), None)),
        asked: Vec::new(),
        until: Instant::now() + LONGEST,
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_client_does_not_come_back() {
    let parking = Parking::new();
    let (early, late) = (parked(), parked());
    let calls = [early.call.0.abort_handle(), late.call.0.abort_handle()];
    let [early, late] = [early, late].map(|parked| parking.park("x", parked).unwrap());
    tokio::time::advance(LONGEST - Duration::from_secs(1)).await;
    parking.sweep();
    assert!(parking.fetch("x", &early).is_some());
    assert!(parking.fetch("x", &early).is_none(), "only once");
    assert!(parking.fetch("y", &late).is_none(), "and for nothing else");
    tokio::time::advance(Duration::from_secs(1)).await;
    parking.sweep();
    assert!(parking.fetch("x", &late).is_none());
    tokio::task::yield_now().await;
    assert!(calls.iter().all(tokio::task::AbortHandle::is_finished));
}

#[tokio::test(start_paused = true)]
async fn an_expired_call_is_not_there_even_before_it_is_swept() {
    let parking = Parking::new();
    let state = parking.park("x", parked()).unwrap();
    tokio::time::advance(LONGEST).await;
    assert!(parking.fetch("x", &state).is_none());
}

#[tokio::test]
async fn no_more_calls_are_parked_than_there_is_room_for() {
    let parking = Parking::new();
    for _ in 0..MOST {
        assert!(parking.park("x", parked()).is_some());
    }
    assert!(parking.park("x", parked()).is_none());
    assert_eq!(parking.parked.len(), MOST);
}
