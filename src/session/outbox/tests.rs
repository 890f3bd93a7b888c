use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::time::Instant;

use super::{weight::Held, *};

#[tokio::test]
async fn a_stream_goes_on_where_the_last_one_stopped_or_where_it_is_told() {
    let outbox = Arc::new(Outbox::default());
    for text in ["a", "b", "c"] {
        outbox.push(text.into());
    }
    let mut first = Reader::open(outbox.clone(), None);
    assert_eq!(first.next().await, Some((1, "a".into())));
    let mut second = Reader::open(outbox.clone(), None);
    assert_eq!(
        first.next().await,
        None,
        "a second stream replaces the first"
    );
    assert_eq!(second.next().await, Some((2, "b".into())));
    let mut third = Reader::open(outbox.clone(), Some(1));
    assert_eq!(third.next().await, Some((2, "b".into())));
    assert_eq!(third.next().await, Some((3, "c".into())));
    outbox.close();
    assert_eq!(third.next().await, None);
}

#[tokio::test]
async fn the_ring_is_bounded_and_keeps_the_newest() {
    let outbox = Arc::new(Outbox::default());
    for number in 0..1000 {
        outbox.push(number.to_string().into());
    }
    let mut reader = Reader::open(outbox.clone(), Some(3));
    assert_eq!(reader.next().await, Some((745, "744".into())));
    outbox.push(vec![b'x'; 2 * BYTES].into());
    let mut reader = Reader::open(outbox, Some(0));
    assert_eq!(reader.next().await.unwrap().1.len(), 2 * BYTES);
}

#[tokio::test]
async fn the_same_message_waits_only_once() {
    let outbox = Arc::new(Outbox::default());
    outbox.push_once("changed".into());
    outbox.push_once("changed".into());
    let mut reader = Reader::open(outbox.clone(), None);
    reader.next().await;
    outbox.push_once("changed".into());
    assert_eq!(reader.next().await, Some((2, "changed".into())));
    assert_eq!(outbox.ring().last(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_abandoned_when_nobody_comes_back_in_time() {
    let patience = Duration::from_secs(60);
    let outbox = Arc::new(Outbox::default());
    for kept in [1, LIGHT] {
        let start = Instant::now();
        let mut reader = Reader::open(outbox.clone(), None);
        outbox.push(vec![b'x'; kept].into());
        assert!(reader.next().await.is_some());
        outbox.finish();
        drop(reader);
        outbox.abandoned(patience).await;
        let waited = if kept < LIGHT {
            patience
        } else {
            Duration::ZERO
        };
        assert_eq!(start.elapsed(), waited, "{kept} bytes");
    }
    assert!(outbox.is_read());
}

#[tokio::test]
async fn all_rings_together_take_no_more_than_they_may_and_give_it_back() {
    let held: &'static Held = Box::leak(Box::new(Held {
        bytes: AtomicUsize::new(0),
        most: 1000 * 1024,
    }));
    let sharing = |outbox: Outbox| {
        outbox.ring().weight.of = held;
        Arc::new(outbox)
    };
    let rings: Vec<_> = (0..100).map(|_| sharing(Outbox::default())).collect();
    for outbox in &rings {
        for _ in 0..4 {
            outbox.push(vec![b'x'; 10 * 1024].into());
        }
    }
    let bytes = || held.bytes.load(Ordering::Relaxed);
    assert!(bytes() <= held.most, "{}", bytes());

    // Small news still come, and in the place of what is older.
    rings[99].push("news".into());
    let mut reader = Reader::open(rings[99].clone(), None);
    assert_eq!(reader.next().await.unwrap().1, "news");
    drop(reader);
    // An answer with a gap is none.
    let answer = sharing(Outbox::of_answer());
    assert_eq!(bytes(), held.most + "news".len());
    answer.push(vec![b'x'; 10 * 1024].into());
    let mut reader = Reader::open(answer.clone(), None);
    assert_eq!(reader.next().await, None);
    answer.abandoned(Duration::from_secs(3600)).await;

    drop((rings, answer, reader));
    assert_eq!(bytes(), 0);
}
