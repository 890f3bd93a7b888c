mod turns;

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use tokio::time::Instant;

use super::*;

fn queue(most: usize, waiting: usize) -> Arc<Queue> {
    Queue::new(&ServerConfig {
        max_in_flight: Some(most),
        queue: Some(waiting),
        ..ServerConfig::default()
    })
}

fn asker(name: &str) -> Asker {
    Asker::Known(name.into())
}

type Inside<'a> = Place<&'a Arc<Queue>>;
type Entering<'a> = Pin<Box<dyn Future<Output = Result<Inside<'a>, Turned>> + 'a>>;

fn entering<'a>(queue: &'a Arc<Queue>, who: &str) -> Entering<'a> {
    Box::pin(queue.enter(asker(who)))
}

fn poll<'a>(entering: &mut Entering<'a>) -> Poll<Result<Inside<'a>, Turned>> {
    entering
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// One that waits.
fn waits<'a>(queue: &'a Arc<Queue>, who: &str) -> Entering<'a> {
    let mut entering = entering(queue, who);
    assert!(poll(&mut entering).is_pending());
    entering
}

fn is_in(entering: &mut Entering<'_>) -> Option<()> {
    match poll(entering) {
        Poll::Ready(Ok(_place)) => Some(()),
        Poll::Ready(Err(_)) | Poll::Pending => None,
    }
}

#[tokio::test]
async fn so_many_are_inside_and_the_place_of_one_who_leaves_is_the_next_ones() {
    let queue = queue(2, 10);
    let (one, two) = (queue.try_enter().unwrap(), queue.try_enter().unwrap());
    assert!(queue.try_enter().is_none());
    let mut third = waits(&queue, "a");
    drop(one);
    assert!(queue.try_enter().is_none(), "it is not for who comes later");
    let Poll::Ready(Ok(third)) = poll(&mut third) else {
        panic!("it is in");
    };
    drop((two, third));
    assert_eq!((queue.in_flight(), queue.waiting()), (0, 0));
    assert!(queue.try_enter().is_some());
}

#[tokio::test]
async fn a_thousand_of_one_caller_cost_another_one_turn() {
    let queue = queue(1, 2000);
    let place = queue.try_enter().unwrap();
    let mut flood: Vec<_> = (0..1000).map(|_| waits(&queue, "flood")).collect();
    let mut single = waits(&queue, "single");
    drop(place);
    assert!(is_in(&mut single).is_none(), "whose turn began before");
    assert!(is_in(&mut flood[0]).is_some());
    assert!(is_in(&mut single).is_some());
    assert!(is_in(&mut flood[1]).is_some());
    let mut again = waits_behind(&queue, &mut flood[2], "single");
    assert!(is_in(&mut flood[3]).is_some(), "whose turn began before");
    assert!(is_in(&mut again).is_some());
}

/// Somebody comes while that one is inside.
fn waits_behind<'a>(queue: &'a Arc<Queue>, inside: &mut Entering<'a>, who: &str) -> Entering<'a> {
    let Poll::Ready(Ok(place)) = poll(inside) else {
        panic!("it is not in");
    };
    let waits = waits(queue, who);
    drop(place);
    waits
}

#[tokio::test]
async fn strangers_are_told_apart_by_their_network() {
    use crate::call::{Caller, Identity, Standing, Who};
    let stranger = |address: &str| {
        let who = Who::of(Identity::Anonymous, Standing::Everything);
        Asker::of(&Caller::new(Arc::new(who), address.parse().ok()))
    };
    assert_eq!(stranger("2001:db8::1"), stranger("2001:db8::2:3"));
    assert_ne!(stranger("192.0.2.1"), stranger("192.0.2.2"));
    let local = Caller::local(Standing::Everything);
    assert_eq!(Asker::of(&local), asker("local"));
}

#[tokio::test]
async fn in_a_full_line_the_longest_tail_goes_and_nobody_is_put_out_for_his_like() {
    let queue = queue(1, 4);
    let place = queue.try_enter().unwrap();
    let mut flood: Vec<_> = (0..4).map(|_| waits(&queue, "flood")).collect();
    assert_eq!(
        poll(&mut entering(&queue, "flood")).map(Result::err),
        Poll::Ready(Some(Turned("queue")))
    );
    let mut others = vec![waits(&queue, "a"), waits(&queue, "b")];
    for (place, gone) in [(3, true), (2, true), (1, false), (0, false)] {
        let told = poll(&mut flood[place]).map(Result::err);
        let expected = gone.then_some(Poll::Ready(Some(Turned("queue"))));
        assert_eq!(told, expected.unwrap_or(Poll::Pending));
    }
    // Two of the flood, one of `a`, one of `b`: another of `a` would have as many as the most.
    assert!(matches!(
        poll(&mut entering(&queue, "a")),
        Poll::Ready(Err(Turned("queue")))
    ));
    others.push(waits(&queue, "c"));
    assert!(matches!(poll(&mut flood[1]), Poll::Ready(Err(_))));
    assert!(matches!(
        poll(&mut entering(&queue, "d")),
        Poll::Ready(Err(_))
    ));
    assert_eq!((queue.waiting(), queue.refused()), (4, 6));
    drop(place);
    assert!(is_in(&mut flood[0]).is_some());
    assert!(others.iter_mut().all(|other| is_in(other).is_some()));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_they_may() {
    let config = ServerConfig {
        max_in_flight: Some(1),
        queue_wait: Some(Duration::from_secs(3)),
        ..ServerConfig::default()
    };
    let queue = Queue::new(&config);
    let _place = queue.try_enter().unwrap();
    let begun = Instant::now();
    let turned = queue.enter(asker("a")).await.err();
    assert_eq!(turned, Some(Turned("queue_wait")));
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert_eq!((queue.waiting(), queue.refused()), (0, 1));

    let impatient = ServerConfig {
        timeout: Duration::from_secs(1),
        ..config
    };
    assert_eq!(impatient.queue_wait(), Duration::from_secs(1));
}

#[tokio::test]
async fn without_a_line_who_finds_no_place_is_refused_at_once() {
    let queue = queue(1, 0);
    let place = queue.try_enter().unwrap();
    let turned = queue.enter(asker("a")).await.err();
    assert_eq!(turned, Some(Turned("max_in_flight")));
    drop(place);
    assert!(queue.try_enter().is_some());
}

#[tokio::test]
async fn a_place_that_comes_too_late_for_one_goes_to_the_next() {
    let queue = queue(1, 10);
    let place = queue.try_enter().unwrap();
    let (gone, late, mut next) = (waits(&queue, "a"), waits(&queue, "b"), waits(&queue, "c"));
    drop(gone);
    drop(place);
    drop(late); // it has its place, and does not know it yet
    assert!(is_in(&mut next).is_some());
    assert_eq!((queue.in_flight(), queue.waiting()), (0, 0));
}

#[tokio::test]
async fn a_call_whose_client_is_asked_lends_its_place_and_need_not_wait_to_go_on() {
    let queue = queue(1, 10);
    let asking = queue.try_enter().unwrap();
    let mut other = waits(&queue, "a");
    let lent = queue.lend();
    let Poll::Ready(Ok(other)) = poll(&mut other) else {
        panic!("the place is lent");
    };
    let mut third = waits(&queue, "b");
    drop(lent);
    assert_eq!(queue.in_flight(), 2);
    drop(other);
    assert!(
        poll(&mut third).is_pending(),
        "there is one more than there may be"
    );
    drop(asking);
    assert!(is_in(&mut third).is_some());

    let (asking, lent) = (queue.try_enter().unwrap(), queue.lend());
    drop(asking); // it ends before its question does
    drop(queue.try_enter().unwrap());
    drop(lent);
    assert_eq!(queue.in_flight(), 0);
}
