//! What was called, what came of it, and what should not have been.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;

/// How many faults are told in full.
const TOLD: usize = 40;

/// What is known of one call.
#[derive(Debug, Default, Clone)]
pub(crate) struct Called {
    /// When the client had an answer to it, from its server or from the gateway.
    pub(crate) answered: Option<Instant>,
    /// The answer was the server's.
    pub(crate) served: bool,
    /// When a server was asked for it, if that is known of this one.
    pub(crate) reached: Option<Instant>,
}

/// All calls by their nonces, and all that is counted.
#[derive(Default)]
pub(crate) struct Ledger {
    last: AtomicU64,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    calls: HashMap<u64, Called>,
    counts: BTreeMap<String, u64>,
    faults: Vec<String>,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The nonce of a new call.
    pub(crate) fn nonce(&self) -> u64 {
        let nonce = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.book().calls.insert(nonce, Called::default());
        nonce
    }

    /// A server was asked for it.
    pub(crate) fn executed(&self, nonce: u64, tool: &str) {
        let mut book = self.book();
        let called = book.calls.entry(nonce).or_default();
        if called.reached.replace(Instant::now()).is_some() {
            book.fault(format!("call {nonce} reached {tool} twice"));
        }
    }

    /// Whether a server was asked for it.
    pub(crate) fn was_executed(&self, nonce: u64) -> bool {
        let book = self.book();
        book.calls
            .get(&nonce)
            .is_some_and(|called| called.reached.is_some())
    }

    /// The client has an answer to it: its server's, or a no of the gateway's.
    pub(crate) fn answered(&self, nonce: u64, served: bool) {
        let mut book = self.book();
        let called = book.calls.entry(nonce).or_default();
        called.answered = Some(Instant::now());
        called.served = served;
    }

    /// What is known of every call.
    pub(crate) fn calls(&self) -> HashMap<u64, Called> {
        self.book().calls.clone()
    }

    /// Counts one of these.
    pub(crate) fn count(&self, what: &str) {
        self.add(what, 1);
    }

    /// Counts some of these.
    pub(crate) fn add(&self, what: &str, many: u64) {
        let mut book = self.book();
        match book.counts.get_mut(what) {
            Some(count) => *count += many,
            None => drop(book.counts.insert(what.to_owned(), many)),
        }
    }

    /// All that is counted.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.book().counts.clone()
    }

    /// Something that must not be.
    pub(crate) fn fault(&self, words: String) {
        self.book().fault(words);
    }

    /// All that must not be.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.book().faults.clone()
    }
}

impl Book {
    fn fault(&mut self, words: String) {
        *self.counts.entry("FAULTS".to_owned()).or_default() += 1;
        if self.faults.len() < TOLD {
            self.faults.push(words);
        }
    }
}
