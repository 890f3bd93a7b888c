//! A result that stands ready before anybody asks for it: a list.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::packed::Packed;

/// A result of this size is packed for those who can unpack it, in bytes. A smaller one fits into
/// one packet of the network as it is.
const WORTHWHILE: usize = 1024;

/// As it is, and packed from the first time that somebody wants it so.
#[derive(Debug, Default)]
pub struct Ready {
    bytes: Bytes,
    /// Somebody packs it, or has.
    begun: AtomicBool,
    packed: OnceLock<Packed>,
}

impl Ready {
    /// As it is.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether it is packed for whom wants it so.
    pub(super) fn is_worth_packing(&self) -> bool {
        self.bytes.len() >= WORTHWHILE
    }

    /// Packs it, if nobody has, where no call waits for that. Who asks while somebody else is at it
    /// does not wait either, and has it as it is.
    pub(super) async fn pack(self: &Arc<Self>) {
        let there = self.packed.get().is_some();
        if there || !self.is_worth_packing() || self.begun.swap(true, Ordering::Relaxed) {
            return;
        }
        let ready = self.clone();
        let packing = spawn_blocking(move || {
            if let Some(packed) = Packed::of(&ready.bytes) {
                drop(ready.packed.set(packed));
            }
        });
        // Failed, it stays as it is.
        drop(packing.await);
    }

    pub(super) fn packed(&self) -> Option<&Packed> {
        self.packed.get()
    }
}

impl From<Bytes> for Ready {
    fn from(bytes: Bytes) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(size: usize) -> Arc<Ready> {
        Arc::new(Ready::from(Bytes::from("x".repeat(size))))
    }

    /// Where the packed bytes stand.
    async fn place(ready: &Arc<Ready>) -> Option<*const u8> {
        ready.pack().await;
        let [_, packed, _] = ready.packed()?.between(b"", b"");
        Some(packed.as_ptr())
    }

    #[tokio::test]
    async fn what_is_asked_for_packed_is_packed_once_and_nobody_waits_for_another() {
        let ready = ready(WORTHWHILE);
        let (first, meanwhile) = tokio::join!(place(&ready), place(&ready));
        assert!(first.is_some());
        assert!(meanwhile.is_none() || meanwhile == first);
        assert_eq!(place(&ready).await, first);
    }

    #[tokio::test]
    async fn what_is_small_is_not_packed() {
        assert_eq!(place(&ready(WORTHWHILE - 1)).await, None);
    }
}
