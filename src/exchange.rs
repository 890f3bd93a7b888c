//! The way back to the client while its request is served.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{call::Client, mcp::Frame};

/// How many messages may wait for a client that does not read.
const WAITING: usize = 1024;

/// What precedes the answer to one request, and word that the client no longer wants it.
///
/// Costs nothing but its own size until a message comes.
#[derive(Debug)]
pub struct Exchange {
    client: Arc<Client>,
    queue: Mutex<VecDeque<Bytes>>,
    came: Notify,
    withdrawn: OnceLock<Frame>,
    withdrawal: Notify,
}

impl Exchange {
    /// The way back to that client.
    pub fn new(client: Arc<Client>) -> Self {
        Self {
            client,
            queue: Mutex::default(),
            came: Notify::new(),
            withdrawn: OnceLock::new(),
            withdrawal: Notify::new(),
        }
    }

    /// Whose request it is.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// Passes a message to the client ahead of the answer. False when the client reads too
    /// slowly to take it: a server must not wait for that.
    pub fn push(&self, message: Bytes) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= WAITING {
            return false;
        }
        queue.push_back(message);
        drop(queue);
        self.came.notify_one();
        true
    }

    /// The next message, if one is there.
    pub fn take(&self) -> Option<Bytes> {
        self.queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// The next message.
    pub async fn next(&self) -> Bytes {
        loop {
            if let Some(message) = self.take() {
                return message;
            }
            self.came.notified().await;
        }
    }

    /// Whether a message is there.
    pub fn has_message(&self) -> bool {
        !self
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty()
    }

    /// Waits until a message is there.
    pub async fn filled(&self) {
        while !self.has_message() {
            self.came.notified().await;
        }
    }

    /// The client's `notifications/cancelled` has come.
    pub fn withdraw(&self, notification: Frame) {
        if self.withdrawn.set(notification).is_ok() {
            self.withdrawal.notify_one();
        }
    }

    /// Waits until the client cancels.
    pub async fn withdrawn(&self) {
        while self.withdrawn.get().is_none() {
            self.withdrawal.notified().await;
        }
    }

    /// The notification by which the client cancelled.
    pub fn withdrawal(&self) -> Option<&Frame> {
        self.withdrawn.get()
    }
}
