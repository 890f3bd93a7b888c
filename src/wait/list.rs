//! The waits of one thread that last for long.

use std::{cell::RefCell, task::Waker, time::Duration};

use slab::Slab;
use tokio::time::{Instant, sleep};

use crate::home;

/// How often the list is looked through.
const LOOK: Duration = Duration::from_secs(1);
/// A wait that ends within so long gets a timer: it could be over before the next look.
const NEAR: Duration = Duration::from_secs(2);
/// One that lasts for less has no place here.
pub(super) const LONG: Duration = Duration::from_secs(3);

thread_local! {
    static LIST: RefCell<List> = const { RefCell::new(List::EMPTY) };
}

/// Where a wait stands. Once it does not any more, it is nearly over.
pub(super) struct Place {
    index: usize,
    /// Another wait may have the index by now.
    number: u64,
}

struct Entry {
    number: u64,
    due: Instant,
    waker: Waker,
}

struct List {
    entries: Slab<Entry>,
    number: u64,
    /// Somebody looks through it.
    watched: bool,
}

impl List {
    const EMPTY: Self = Self {
        entries: Slab::new(),
        number: 0,
        watched: false,
    };

    fn find(&mut self, place: &Place) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(place.index);
        entry.filter(|entry| entry.number == place.number)
    }

    /// Takes out those that are nearly over.
    fn take_near(&mut self) -> Vec<Entry> {
        let near = Instant::now() + NEAR;
        let due = self.entries.iter().filter(|(_, entry)| entry.due <= near);
        let due: Vec<usize> = due.map(|(index, _)| index).collect();
        due.into_iter()
            .map(|index| self.entries.remove(index))
            .collect()
    }
}

/// Notes somebody who waits until then; not on a thread without a runtime for life.
pub(super) fn enter(due: Instant, waker: &Waker) -> Option<Place> {
    home::settled()?;
    let entered = LIST.try_with(|list| {
        let list = &mut *list.borrow_mut();
        list.number += 1;
        let number = list.number;
        let index = list.entries.insert(Entry {
            number,
            due,
            waker: waker.clone(),
        });
        let watched = std::mem::replace(&mut list.watched, true);
        (Place { index, number }, watched)
    });
    let (place, watched) = entered.ok()?;
    if !watched {
        tokio::spawn(watch());
    }
    Some(place)
}

/// Whether it still stands there; then that is whom to wake.
pub(super) fn stands(place: &Place, waker: &Waker) -> bool {
    let found = LIST.try_with(|list| {
        let list = &mut *list.borrow_mut();
        let entry = list.find(place)?;
        let other = !entry.waker.will_wake(waker);
        Some(other.then(|| std::mem::replace(&mut entry.waker, waker.clone())))
    });
    // Who waited before may end with this, and leave the list in turn.
    matches!(found, Ok(Some(_before)))
}

/// It is given up.
pub(super) fn leave(place: &Place) {
    let left = LIST.try_with(|list| {
        let list = &mut *list.borrow_mut();
        list.find(place)?;
        Some(list.entries.remove(place.index))
    });
    drop(left);
}

/// Wakes those whose wait is nearly over, for as long as there are any.
async fn watch() {
    loop {
        sleep(LOOK).await;
        let (near, watched) = LIST.with_borrow_mut(|list| {
            let near = list.take_near();
            list.watched = !list.entries.is_empty();
            (near, list.watched)
        });
        for entry in near {
            entry.waker.wake();
        }
        if !watched {
            return;
        }
    }
}

#[cfg(test)]
pub(super) fn length() -> usize {
    LIST.with_borrow(|list| list.entries.len())
}
