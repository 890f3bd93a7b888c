//! Answers that are awaited on other cores than the one that reads them.
//!
//! To wake a task on another core takes a system call, even if that core is awake. A server gives
//! many answers at once when it is busy, so those for one core go there together.

use std::sync::{Mutex, PoisonError};

use tokio::{
    runtime::{Handle, Id},
    sync::oneshot::Sender,
};

use super::ticket::Answered;
use crate::home;

/// As many are handed over at once, so that the first of them need not wait for long.
const MOST: usize = 32;

type Parcel = Vec<(Sender<Answered>, Answered)>;

/// What is to be handed over, and where.
pub(super) struct Abroad {
    /// Where it is read.
    home: Option<Id>,
    parcels: Mutex<Vec<(Handle, Parcel)>>,
}

impl Abroad {
    /// Of what is read on this runtime.
    pub(super) fn of_here() -> Self {
        Self {
            home: home::here(),
            parcels: Mutex::default(),
        }
    }

    /// The runtime that this code runs on, if it is another one.
    pub(super) fn elsewhere(&self) -> Option<Handle> {
        (home::here() != self.home)
            .then(Handle::try_current)
            .and_then(Result::ok)
    }

    /// Keeps an answer for that runtime until the next `hand_over`.
    pub(super) fn keep(&self, runtime: Handle, sender: Sender<Answered>, answer: Answered) {
        let mut parcels = self.parcels.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |parcel: &&mut (Handle, Parcel)| parcel.0.id() == runtime.id();
        let Some((_, parcel)) = parcels.iter_mut().find(same) else {
            parcels.push((runtime, vec![(sender, answer)]));
            return;
        };
        parcel.push((sender, answer));
        if parcel.len() >= MOST {
            give(&runtime, std::mem::take(parcel));
        }
    }

    /// Gives all that is kept to who awaits it.
    pub(super) fn hand_over(&self) {
        let mut parcels = self.parcels.lock().unwrap_or_else(PoisonError::into_inner);
        for (runtime, parcel) in parcels.drain(..) {
            give(&runtime, parcel);
        }
    }
}

fn give(runtime: &Handle, parcel: Parcel) {
    let give = |parcel: Parcel| {
        for (sender, answer) in parcel {
            // The caller may be gone in this very moment; then nobody is left to tell.
            drop(sender.send(answer));
        }
    };
    match parcel.len() {
        0 | 1 => give(parcel),
        _ => drop(runtime.spawn(async move { give(parcel) })),
    }
}
