//! Turns are kept and no place is lost, whatever happens, and from many threads.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::{runtime::Builder, task::yield_now};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Come(u8),
    Leave(usize),
    GiveUp(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u8..6).prop_map(Step::Come),
        2 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::GiveUp),
    ];
    prop::collection::vec(step, 0..200)
}

/// Who is inside, and who waits for a place, with how often each other has gone in since.
#[derive(Default)]
struct World<'a> {
    inside: Vec<Inside<'a>>,
    waiting: Vec<(u8, Entering<'a>)>,
    passed: HashMap<(u8, u8), usize>,
}

impl<'a> World<'a> {
    fn take(&mut self, queue: &'a Arc<Queue>, step: &Step) {
        match step {
            Step::Come(who) => {
                if let Some(place) = queue.try_enter() {
                    assert!(self.waiting.is_empty(), "nobody overtakes");
                    return self.inside.push(place);
                }
                if !self.waiting.iter().any(|(waits, _)| waits == who) {
                    self.passed.retain(|(waits, _), _| waits != who);
                }
                self.waiting.push((*who, entering(queue, &who.to_string())));
            }
            Step::Leave(which) if !self.inside.is_empty() => {
                drop(self.inside.remove(which % self.inside.len()));
            }
            Step::GiveUp(which) if !self.waiting.is_empty() => {
                drop(self.waiting.remove(which % self.waiting.len()));
            }
            Step::Leave(_) | Step::GiveUp(_) => {}
        }
        self.look();
        self.look(); // whoever was put out for the last one
    }

    /// Nobody has gone in twice while somebody else waited.
    fn look(&mut self) {
        let mut still = Vec::new();
        for (who, mut entering) in std::mem::take(&mut self.waiting) {
            match poll(&mut entering) {
                Poll::Pending => still.push((who, entering)),
                Poll::Ready(Err(turned)) => assert_ne!(turned, Turned("queue_wait")),
                Poll::Ready(Ok(place)) => {
                    self.inside.push(place);
                    self.passed.retain(|(waits, _), _| *waits != who);
                    for other in 0..6 {
                        *self.passed.entry((other, who)).or_default() += 1;
                    }
                }
            }
        }
        for (who, _) in &still {
            let overtaken =
                |(pair, times): (&(u8, u8), &usize)| pair.0 == *who && pair.1 != *who && *times > 1;
            assert!(!self.passed.iter().any(overtaken), "{:?}", self.passed);
        }
        self.waiting = still;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whoever_comes_and_goes_turns_are_kept_and_no_place_is_lost(
        most in 1_usize..4, waiting in 0_usize..12, steps in steps(),
    ) {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let queue = queue(most, waiting);
        let mut world = World::default();
        for step in &steps {
            world.take(&queue, step);
            queue.line().check();
            prop_assert_eq!(queue.in_flight(), world.inside.len() as u64);
            prop_assert_eq!(queue.waiting(), world.waiting.len() as u64);
            prop_assert!(world.inside.len() <= most && world.waiting.len() <= waiting);
            // A place stands empty only where nobody wants it.
            prop_assert!(world.waiting.is_empty() || world.inside.len() == most);
        }
        drop(world);
        prop_assert_eq!((queue.in_flight(), queue.waiting()), (0, 0));
        prop_assert!(queue.try_enter().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn from_many_threads_there_is_not_one_too_many_and_everybody_gets_in() {
    let (queue, inside) = (queue(3, 10_000), Arc::new(AtomicUsize::new(0)));
    let tasks = (0..64_usize).map(|number| {
        let (queue, inside) = (queue.clone(), inside.clone());
        tokio::spawn(async move {
            for _ in 0..200 {
                let place = match queue.try_enter() {
                    Some(place) => place,
                    None => queue.enter(asker(&(number % 5).to_string())).await.unwrap(),
                };
                assert!(inside.fetch_add(1, SeqCst) < 3);
                if number % 3 == 0 {
                    yield_now().await;
                }
                inside.fetch_sub(1, SeqCst);
                drop(place);
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(
        (queue.in_flight(), queue.waiting(), queue.refused()),
        (0, 0, 0)
    );
}
