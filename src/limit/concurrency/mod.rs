//! So many calls at once, and a short queue for those who may wait.

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use dashmap::{DashMap, Entry};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    keys::Key,
    places::{self, Places},
};

/// Calls that wait for one count; further ones are refused at once.
const WAITING: u32 = 256;

/// A number of calls at once, counted for each key.
pub(super) struct Concurrency {
    /// Who is inside, by key. None: all who found no place for a key of their own.
    rooms: DashMap<Option<Key>, Room>,
    places: Places,
    most: u32,
    wait: Duration,
}

/// One count. It is there as long as somebody is inside or waits.
#[derive(Default)]
struct Room {
    /// Who is inside or waits.
    users: u32,
    /// Seats inside, where there is a queue for them. It is served in its order.
    seats: Option<Arc<Semaphore>>,
}

impl Concurrency {
    /// `most` at once; others wait so long.
    pub(super) fn new(most: u32, wait: Duration) -> Arc<Self> {
        Self::with_room(most, wait, places::MOST)
    }

    /// The same, for so many keys.
    fn with_room(most: u32, wait: Duration, keys: usize) -> Arc<Self> {
        Arc::new(Self {
            rooms: DashMap::new(),
            places: Places::new(keys),
            most: most.max(1),
            wait,
        })
    }

    /// Whether calls wait.
    pub(super) fn waits(&self) -> bool {
        !self.wait.is_zero()
    }

    /// A seat, now or within the wait. To drop the future is to leave the queue.
    pub(super) async fn enter(self: &Arc<Self>, key: Key) -> Option<Seat> {
        let (mut seat, seats) = self.join(Some(key))?;
        let Some(seats) = seats else {
            return Some(seat);
        };
        // It never overtakes: a seat that becomes free goes to who waits for it.
        let permit = match seats.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => timeout(self.wait, seats.acquire_owned()).await.ok()?.ok()?,
        };
        seat.permit = Some(permit);
        Some(seat)
    }

    /// Counts somebody in, unless room and queue are full.
    fn join(self: &Arc<Self>, key: Option<Key>) -> Option<(Seat, Option<Arc<Semaphore>>)> {
        let mut room = match self.rooms.entry(key) {
            Entry::Occupied(room) => room.into_ref(),
            Entry::Vacant(place) if key.is_none() || self.places.take() => {
                place.insert(Room::default())
            }
            Entry::Vacant(place) => {
                drop(place);
                return self.join(None);
            }
        };
        let queue = if self.waits() { WAITING } else { 0 };
        if room.users >= self.most.saturating_add(queue) {
            return None;
        }
        room.users += 1;
        let seats = self.waits().then(|| {
            let most = usize::try_from(self.most).unwrap_or(Semaphore::MAX_PERMITS);
            let new = || Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
            room.seats.get_or_insert_with(new).clone()
        });
        let seat = Seat {
            concurrency: self.clone(),
            key,
            permit: None,
        };
        Some((seat, seats))
    }
}

/// A place among those at once. Dropping it gives it to the next.
pub(super) struct Seat {
    concurrency: Arc<Concurrency>,
    key: Option<Key>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // First: a room that is forgotten has all its seats back.
        drop(self.permit.take());
        let Entry::Occupied(mut room) = self.concurrency.rooms.entry(self.key) else {
            return;
        };
        room.get_mut().users -= 1;
        if room.get().users > 0 {
            return;
        }
        room.remove();
        if self.key.is_some() {
            self.concurrency.places.give_back();
        }
    }
}

impl fmt::Debug for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Concurrency")
            .field("keys", &self.places.taken())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seat")
    }
}
