//! Never too many inside, and nobody forgotten.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{FutureExt, future::join_all};
use tokio::{
    task::yield_now,
    time::{Instant, advance},
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn enter_now(concurrency: &Arc<Concurrency>, key: Key) -> Option<Seat> {
    concurrency.enter(key).now_or_never().flatten()
}

fn is_empty(concurrency: &Concurrency) -> bool {
    concurrency.rooms.is_empty() && concurrency.places.taken() == 0
}

#[tokio::test]
async fn a_seat_is_free_again_when_it_is_dropped() {
    let concurrency = Concurrency::new(2, Duration::ZERO);
    let first = enter_now(&concurrency, 1).unwrap();
    let second = enter_now(&concurrency, 1).unwrap();

    assert!(enter_now(&concurrency, 1).is_none());
    assert!(enter_now(&concurrency, 2).is_some(), "counted apart");
    drop(first);
    let third = enter_now(&concurrency, 1).unwrap();
    assert!(enter_now(&concurrency, 1).is_none(), "one left, one came");
    drop((second, third));
    assert!(is_empty(&concurrency));
}

/// 64 tasks come and go; never are more inside than may be. How many have been refused.
async fn crowd(concurrency: &Arc<Concurrency>, most: usize) -> usize {
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks = (0..64).map(|_| {
        let (concurrency, inside) = (concurrency.clone(), inside.clone());
        tokio::spawn(async move {
            let mut refused = 0;
            for _ in 0..200 {
                let Some(seat) = concurrency.enter(7).await else {
                    refused += 1;
                    yield_now().await;
                    continue;
                };
                assert!(inside.fetch_add(1, Ordering::SeqCst) < most);
                yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(seat);
            }
            refused
        })
    });
    let refused = join_all(tasks).await.into_iter().map(Result::unwrap);
    refused.sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn never_more_than_allowed_are_inside() {
    let concurrency = Concurrency::new(5, Duration::ZERO);
    assert!(crowd(&concurrency, 5).await > 0);
    assert!(is_empty(&concurrency));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_may_wait_gets_in_and_never_too_many_at_once() {
    let concurrency = Concurrency::new(5, 60 * SECOND);
    assert_eq!(crowd(&concurrency, 5).await, 0);
    assert!(is_empty(&concurrency));
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_served_in_its_order() {
    let concurrency = Concurrency::new(1, 60 * SECOND);
    let first = enter_now(&concurrency, 1).unwrap();
    let mut second = Box::pin(concurrency.enter(1));
    let mut third = Box::pin(concurrency.enter(1));
    assert!(second.as_mut().now_or_never().is_none());
    assert!(third.as_mut().now_or_never().is_none());

    drop(first);
    assert!(enter_now(&concurrency, 1).is_none(), "nobody overtakes");
    assert!(third.as_mut().now_or_never().is_none());
    let second = second.await.unwrap();
    assert!(third.as_mut().now_or_never().is_none());
    drop(second);
    assert!(third.await.is_some());
    assert!(is_empty(&concurrency));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends() {
    let concurrency = Concurrency::new(1, 3 * SECOND);
    let _seat = enter_now(&concurrency, 1).unwrap();
    let start = Instant::now();
    assert!(concurrency.enter(1).await.is_none());
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_queue_takes_nothing_along() {
    let concurrency = Concurrency::new(1, 60 * SECOND);
    let first = enter_now(&concurrency, 1).unwrap();
    let mut waiting = Box::pin(concurrency.enter(1));
    let mut called = Box::pin(concurrency.enter(1));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(called.as_mut().now_or_never().is_none());
    drop(waiting);
    drop(first);
    // The seat is already his when he gives up.
    advance(SECOND).await;
    drop(called);

    assert!(is_empty(&concurrency));
    assert!(enter_now(&concurrency, 1).is_some());
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded() {
    let concurrency = Concurrency::new(2, 60 * SECOND);
    let mut queue: Vec<_> = (0..2 + WAITING)
        .map(|_| Box::pin(concurrency.enter(1)))
        .collect();
    let seats: Vec<_> = queue
        .iter_mut()
        .filter_map(|future| future.as_mut().now_or_never())
        .collect();
    assert_eq!(seats.iter().flatten().count(), 2);

    let start = Instant::now();
    assert!(concurrency.enter(1).await.is_none());
    assert_eq!(start.elapsed(), Duration::ZERO);
    drop((queue, seats));
    assert!(is_empty(&concurrency));
}

#[tokio::test]
async fn a_million_keys_need_the_memory_of_the_most() {
    let concurrency = Concurrency::with_room(1, Duration::ZERO, 1000);
    let seats: Vec<_> = (0..1_000_000)
        .filter_map(|key| enter_now(&concurrency, key))
        .collect();

    // One for each that has a place, and one for all the others together.
    assert_eq!(seats.len(), 1001);
    assert_eq!(concurrency.rooms.len(), 1001);
    assert!(enter_now(&concurrency, 5).is_none());
    drop(seats);
    assert!(is_empty(&concurrency));
}

#[tokio::test]
async fn with_nobody_allowed_it_is_one() {
    let concurrency = Concurrency::new(0, Duration::ZERO);
    let _seat = enter_now(&concurrency, 1).unwrap();
    assert!(enter_now(&concurrency, 1).is_none());
}
