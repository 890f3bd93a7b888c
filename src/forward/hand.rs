//! What an operator does to one server: has it connected anew, takes it down, lets it up again.
//!
//! An order is left here and carried out by the task that keeps the server, between one
//! connection and the next. A server that was taken down stays so until it is let up again, or
//! the gateway starts anew.

use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use tokio::{
    sync::watch,
    time::{Duration, Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    outlet::Outlet,
    server::{Server, State},
};
use crate::refusal::Refusal;

/// How long a child may take to leave, beside what connecting may take.
const LEAVING: Duration = Duration::from_secs(10);
const RESTARTED: &str = "an operator restarted it";
const DISABLED: &str = "an operator disabled it";
const OFF: &str = "its table says `disabled = true`";

/// What is wanted of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Order {
    /// Which one it is, counted from one.
    number: u64,
    disabled: bool,
}

/// What an operator wants, and has got.
#[derive(Debug, Default)]
pub(super) struct Hand {
    wanted: watch::Sender<Order>,
    /// The number of the last order that was carried out.
    obeyed: watch::Sender<u64>,
    /// When a connection was last taken down by hand, and why.
    last: Mutex<Option<(Instant, &'static str)>>,
}

/// Sees the orders.
pub(super) struct Orders {
    wanted: watch::Receiver<Order>,
    seen: u64,
}

impl Hand {
    /// For a server that is to be up, or to be left alone.
    pub(super) fn new(disabled: bool) -> Self {
        let hand = Self::default();
        if disabled {
            hand.disabled();
        }
        hand
    }

    pub(super) fn orders(&self) -> Orders {
        Orders {
            wanted: self.wanted.subscribe(),
            seen: 0,
        }
    }

    /// It takes the place of a server that an operator has taken down, and stays so.
    pub(super) fn disabled(&self) {
        self.wanted.send_modify(|order| {
            order.number += 1;
            order.disabled = true;
        });
    }

    /// Why a call has failed that began then: it may be nothing that the server did.
    pub(super) fn explain(&self, mut refusal: Refusal, began: Instant) -> Refusal {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, words)) = last.filter(|(at, _)| *at >= began) else {
            return refusal;
        };
        if let Refusal::Stopped { reason, .. } | Refusal::Unavailable { reason, .. } = &mut refusal
        {
            words.clone_into(reason);
        }
        refusal
    }
}

impl Orders {
    /// Waits until there is one to carry out.
    pub(super) async fn come(&mut self) {
        let seen = self.seen;
        let come = self.wanted.wait_for(|order| order.number > seen);
        if come.await.is_err() {
            std::future::pending().await // nobody can order anything any more
        }
    }

    fn next(&mut self) -> Option<Order> {
        let order = *self.wanted.borrow();
        let is_new = order.number > self.seen;
        self.seen = order.number;
        is_new.then_some(order)
    }
}

impl Server {
    /// Ends its connections, and with them its processes, and connects anew. Gives how it is
    /// doing then: up, or down with the reason.
    ///
    /// # Errors
    /// When an operator has taken it down: then it is to be enabled.
    pub async fn restart(&self) -> Result<State, State> {
        let state = self.state();
        match state.disabled {
            true => Err(state),
            false => Ok(self.order(false).await),
        }
    }

    /// Takes it down, and its items out of the lists, until it is enabled or the gateway starts
    /// anew.
    pub async fn disable(&self) -> State {
        match self.state() {
            state if state.disabled => state,
            _ => self.order(true).await,
        }
    }

    /// Lets it up again. Gives how it is doing then.
    pub async fn enable(&self) -> State {
        match self.state() {
            state if state.disabled => self.order(false).await,
            state => state,
        }
    }

    async fn order(&self, disabled: bool) -> State {
        let each = self.each().into_iter();
        join_all(each.map(|one| one.order_one(disabled))).await;
        self.state()
    }

    async fn order_one(&self, disabled: bool) {
        let mut obeyed = self.hand.obeyed.subscribe();
        let mut number = 0;
        self.hand.wanted.send_modify(|order| {
            order.number += 1;
            order.disabled = disabled;
            number = order.number;
        });
        let done = async {
            // Neither can fail: both senders are this server's.
            drop(obeyed.wait_for(|obeyed| *obeyed >= number).await);
            self.settled().await;
        };
        // Once to connect, once to fetch the lists.
        let config = self.config();
        let limit = LEAVING + config.stop_timeout() * 2 + config.connect_timeout * 2;
        drop(timeout(limit, done).await);
    }

    /// Does what was ordered meanwhile, and says whether there was anything. Does not come back
    /// before a server that is taken down may be up again.
    pub(super) async fn obey(
        &self,
        orders: &mut Orders,
        outlet: &Outlet,
        stop: &CancellationToken,
    ) -> bool {
        let mut any = false;
        while let Some(order) = orders.next() {
            any = true;
            self.carry_out(order, outlet).await;
            self.hand.obeyed.send_replace(order.number);
            if order.disabled {
                tokio::select! {
                    () = orders.come() => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        any
    }

    async fn carry_out(&self, order: Order, outlet: &Outlet) {
        let was_disabled = self.state().disabled;
        let words = match (was_disabled, order.disabled) {
            (_, true) if order.number == 1 && self.config.disabled => OFF,
            (_, true) => DISABLED,
            (false, false) => RESTARTED,
            (true, false) => "an operator enabled it",
        };
        tracing::info!(server = %self.name, "{words}");
        self.journal.write(&format!("mcpgate: {words}"));
        self.set(|state| {
            state.disabled = order.disabled;
            state.state = match order.disabled {
                true => "disabled",
                false => "connecting",
            };
            state.error = (words == RESTARTED).then(|| words.to_owned());
            state.restarts += u32::from(words == RESTARTED);
        });
        if order.disabled {
            outlet.upward.withdraw(self);
        }
        let now = Some((Instant::now(), words));
        *self
            .hand
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = now;
        // What comes next is found out anew: it may be another server by now.
        if let Some(link) = self.link.swap(None) {
            link.leave(words).await;
        }
        if order.disabled {
            outlet.upward.settled(self);
        }
    }
}
