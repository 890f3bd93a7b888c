//! Who is connected: so many of all, so many from one address, and an idle one goes for a newcomer.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    future::poll_fn,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::GatewayConfig;
use crate::call::network;

/// How long a connection has been idle before it goes for another: its client may be about to use it.
const RESTED: Duration = Duration::from_secs(1);
/// How long a newcomer waits for the one that goes.
const LEAVING: Duration = Duration::from_secs(1);

/// Why there is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// `[gateway] max_connections`
    All,
    /// `[gateway] max_connections_per_address`
    Address,
}

impl Full {
    /// The key of `[gateway]` that says so.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Self::All => "max_connections",
            Self::Address => "max_connections_per_address",
        }
    }

    /// What the client is told.
    pub(super) fn words(self) -> &'static [u8] {
        match self {
            Self::All => br#"{"error":"Server at capacity"}"#,
            Self::Address => br#"{"error":"Too many connections from this address"}"#,
        }
    }
}

/// The connections of a listener.
pub(super) struct Guests {
    most: usize,
    most_each: usize,
    /// Whether the machine's own connections are counted by address: only where somebody said so.
    counts_own: bool,
    start: Instant,
    inside: Mutex<Inside>,
    left: Notify,
}

#[derive(Default)]
struct Inside {
    all: HashMap<u64, Arc<Guest>>,
    each: HashMap<u128, usize>,
    next: u64,
    /// All go, newcomers too.
    closing: bool,
}

/// One connection.
pub(super) struct Guest {
    /// Since when it has no request, in milliseconds; or [`BUSY`].
    idle: AtomicU64,
    goes: AtomicBool,
    carrier: AtomicWaker,
    start: Instant,
}

/// It has a request, or has been told to go.
const BUSY: u64 = u64::MAX;

impl Guests {
    pub(super) fn new(config: &GatewayConfig) -> Arc<Self> {
        let each = config.max_connections_per_address;
        Arc::new(Self {
            most: config.max_connections,
            most_each: each.unwrap_or(config.max_connections.div_ceil(2)),
            counts_own: each.is_some(),
            start: Instant::now(),
            inside: Mutex::default(),
            left: Notify::new(),
        })
    }

    /// Room for somebody from there; `trusted`: many may stand behind it.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr, trusted: bool) -> Result<Stay, Full> {
        let own = from.to_canonical().is_loopback() && !self.counts_own;
        let address = (!trusted && !own).then(|| network(from));
        let mut inside = self.inside();
        let share = address.and_then(|address| inside.each.get(&address));
        if share.copied().unwrap_or(0) >= self.most_each && address.is_some() {
            return Err(Full::Address);
        }
        if inside.all.len() >= self.most {
            return Err(Full::All);
        }
        let guest = Arc::new(Guest {
            idle: AtomicU64::new(BUSY),
            goes: AtomicBool::new(inside.closing),
            carrier: AtomicWaker::new(),
            start: self.start,
        });
        let number = inside.next;
        inside.next += 1;
        inside.all.insert(number, guest.clone());
        if let Some(address) = address {
            *inside.each.entry(address).or_default() += 1;
        }
        Ok(Stay {
            guests: self.clone(),
            guest,
            number,
            address,
        })
    }

    /// Sends the one away that has been idle for longest; false where none has been for long enough.
    fn make_room(&self) -> bool {
        let Some(latest) = self.start.elapsed().checked_sub(RESTED) else {
            return false;
        };
        let inside = self.inside();
        let idle = inside.all.values().filter_map(|guest| {
            let since = guest.idle.load(Ordering::Relaxed);
            (u128::from(since) <= latest.as_millis()).then_some((since, guest))
        });
        let Some((_, guest)) = idle.min_by_key(|(since, _)| *since) else {
            return false;
        };
        guest.idle.store(BUSY, Ordering::Relaxed);
        guest.go();
        true
    }

    /// Sends all away, and who comes from now on.
    pub(super) fn dismiss(&self) {
        let mut inside = self.inside();
        inside.closing = true;
        for guest in inside.all.values() {
            guest.go();
        }
    }

    /// Room for somebody who found none, if another can go.
    ///
    /// # Errors
    /// When none can, or does not go soon.
    pub(super) async fn instead(
        self: &Arc<Self>,
        from: IpAddr,
        trusted: bool,
        full: Full,
    ) -> Result<Stay, Full> {
        match full == Full::All && self.make_room() {
            true => self.wait(from, trusted).await,
            false => Err(full),
        }
    }

    /// Room for somebody for whom another goes.
    ///
    /// # Errors
    /// When it does not go soon.
    async fn wait(self: &Arc<Self>, from: IpAddr, trusted: bool) -> Result<Stay, Full> {
        let entered = async {
            loop {
                let left = self.left.notified();
                match self.enter(from, trusted) {
                    Err(Full::All) => left.await,
                    entered => return entered,
                }
            }
        };
        timeout(LEAVING, entered).await.unwrap_or(Err(Full::All))
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// A request has come.
    pub(super) fn asks(&self) {
        self.idle.store(BUSY, Ordering::Relaxed);
    }

    /// It has been answered.
    pub(super) fn rests(&self) {
        let since = u64::try_from(self.start.elapsed().as_millis());
        self.idle.store(since.unwrap_or(BUSY), Ordering::Relaxed);
    }

    fn go(&self) {
        self.goes.store(true, Ordering::Release);
        self.carrier.wake();
    }

    /// Carries its connection on until it has to go; nothing, if that is not over by then. Always
    /// in one task: who is to be woken is noted once, because a connection is polled several times
    /// for each call.
    pub(super) async fn stays<F: Future>(&self, mut connection: Pin<&mut F>) -> Option<F::Output> {
        let mut noted = false;
        poll_fn(|cx| {
            if let Poll::Ready(output) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            if !std::mem::replace(&mut noted, true) {
                self.carrier.register(cx.waker());
            }
            match self.goes.load(Ordering::Acquire) {
                true => Poll::Ready(None),
                false => Poll::Pending,
            }
        })
        .await
    }
}

/// Somebody is connected, as long as this lives.
pub(super) struct Stay {
    guests: Arc<Guests>,
    pub(super) guest: Arc<Guest>,
    number: u64,
    address: Option<u128>,
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut inside = self.guests.inside();
        inside.all.remove(&self.number);
        if let Some(address) = self.address
            && let Some(share) = inside.each.get_mut(&address)
        {
            *share -= 1;
            if *share == 0 {
                inside.each.remove(&address);
            }
        }
        drop(inside);
        self.guests.left.notify_one();
    }
}
