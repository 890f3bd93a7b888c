//! When calls are refused, for how long, and who asks whether the server is back.

use tokio::time::advance;

use super::{Breaker, BreakerConfig};

fn breaker() -> Breaker {
    Breaker::new(&BreakerConfig {
        failures: 3,
        ..BreakerConfig::default()
    })
}

fn opened() -> Breaker {
    let breaker = breaker();
    (0..3).for_each(|_| breaker.failed());
    assert!(breaker.is_open());
    breaker
}

/// How long it refuses now, in seconds, without its jitter.
async fn pause(breaker: &Breaker) -> u64 {
    let wait = breaker.open().unwrap().wait;
    advance(wait).await;
    let seconds = wait.as_secs_f64();
    [1, 2, 4, 8, 16, 30]
        .into_iter()
        .find(|pause| (*pause as f64..=*pause as f64 * 1.25).contains(&seconds))
        .unwrap_or_else(|| panic!("{wait:?}"))
}

#[tokio::test(start_paused = true)]
async fn only_failures_in_a_row_open_it() {
    let breaker = breaker();
    for _ in 0..5 {
        breaker.failed();
        breaker.failed();
        assert!(!breaker.is_open());
        breaker.succeeded();
    }
    (0..3).for_each(|_| breaker.failed());
    assert!(breaker.is_open());
    assert_eq!(breaker.open().unwrap().failures, 3);
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_before_the_pause_is_over_and_then_one_at_a_time() {
    let breaker = opened();
    assert!(breaker.ask().is_err());
    pause(&breaker).await;

    let first = breaker.ask().ok().flatten().unwrap();
    assert!(breaker.ask().is_err());
    // One that went away lets the next one ask.
    drop(first);
    let second = breaker.ask().ok().flatten().unwrap();
    assert!(breaker.ask().is_err());
    second.answered();

    assert!(!breaker.is_open());
    assert!(matches!(breaker.ask(), Ok(None)));
}

#[tokio::test(start_paused = true)]
async fn each_pause_is_longer_than_the_one_before_up_to_the_longest() {
    let breaker = opened();
    for expected in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(pause(&breaker).await, expected);
        let asking = breaker.ask().ok().flatten().unwrap();
        asking.unanswered();
    }
    breaker.succeeded();
    (0..3).for_each(|_| breaker.failed());
    assert_eq!(pause(&breaker).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_there_and_fails_again_is_given_up_at_its_first_failure() {
    let breaker = opened();
    pause(&breaker).await;
    breaker.ask().ok().flatten().unwrap().answered();

    breaker.failed();

    assert!(breaker.is_open());
    assert_eq!(pause(&breaker).await, 2);
    breaker.ask().ok().flatten().unwrap().answered();
    breaker.succeeded();
    breaker.failed();
    assert!(!breaker.is_open(), "one success and it starts anew");
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_under_way_do_not_make_the_pause_longer() {
    let breaker = opened();
    (0..100).for_each(|_| breaker.failed());
    assert_eq!(pause(&breaker).await, 1);
    assert_eq!(breaker.open().unwrap().failures, 103);
}
