//! Which runtime a thread belongs to.
//!
//! Tokio says so by a handle, which is counted; every call asks several times. A thread that
//! belongs to one runtime for life is told once.

use std::cell::Cell;

use tokio::runtime::{Handle, Id};

thread_local! {
    static HOME: Cell<Option<Id>> = const { Cell::new(None) };
}

/// From now on this thread belongs to that runtime, and to no other as long as it lives.
pub fn settle(runtime: Id) {
    HOME.set(Some(runtime));
}

/// The runtime that this thread belongs to for life.
pub fn settled() -> Option<Id> {
    HOME.get()
}

/// The runtime that this code runs on; nothing outside one.
pub fn here() -> Option<Id> {
    let found = || Handle::try_current().ok().map(|handle| handle.id());
    settled().or_else(found)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn a_thread_without_a_home_is_where_its_runtime_is() {
        assert_eq!(here(), None);
        for _ in 0..2 {
            let runtime = Builder::new_current_thread().build().unwrap();
            assert_eq!(
                runtime.block_on(async { here() }),
                Some(runtime.handle().id())
            );
        }
        assert_eq!(here(), None);
    }

    #[test]
    fn a_thread_that_has_settled_need_not_be_asked_again() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let id = runtime.handle().id();
        let settled = thread::spawn(move || {
            settle(id);
            here()
        });
        assert_eq!(settled.join().unwrap(), Some(id));
        assert_eq!(here(), None, "another thread");
    }
}
