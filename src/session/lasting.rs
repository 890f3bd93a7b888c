//! Sessions that outlive the process: opened under an id that says all of them, rebuilt from it.

use std::sync::Arc;

use super::{
    Found, Session, Sessions,
    sealed::{self, Sealed},
};
use crate::{
    call::{Client, Transport, Visit},
    mcp::Revision,
    refusal::Refusal,
    seal::Key,
};

impl Sessions {
    /// Seals ids with this key, which outlives the process, from the first one on.
    pub fn seal_with(&self, key: Key) {
        if self.key.set(Some(key)).is_err() {
            tracing::error!("sessions were opened before the key was there: it is not used");
        }
    }

    /// Opens a session whose id is told to its client, who can come back with it to another
    /// process of the same key for 24 hours. One that has said more of itself than goes into an
    /// id of 1 KiB cannot.
    ///
    /// # Errors
    /// When there is no room, or it has said too much.
    pub fn open_lasting(
        &self,
        visit: &Visit,
        revision: Revision,
        capabilities: &str,
        info: &str,
    ) -> Result<Arc<Session>, Refusal> {
        let said = Sealed {
            issued: sealed::now(),
            revision,
            capabilities: capabilities.into(),
            info: info.into(),
        };
        let id = self.key().and_then(|key| said.id(key, visit));
        let id = id.map(Into::into);
        self.open_as((id, Transport::Http), visit, revision, [capabilities, info])
    }

    /// The session of an id that is not known, if it says one that this caller had here before
    /// a restart.
    ///
    /// # Errors
    /// The same for one that was made up, is somebody else's, too old, or has ended; and when
    /// there is no room.
    #[cold]
    pub(super) fn rebuild(&self, id: &str, visit: &Visit) -> Result<Found, Refusal> {
        let said = self.key().and_then(|key| Sealed::open(key, visit, id));
        let said = said.filter(|said| !said.is_over());
        let said = said.ok_or(Refusal::SessionUnknown)?;
        if self.ended.has(id) {
            return Err(Refusal::SessionUnknown);
        }
        let identity = visit.caller.identity.clone();
        let (capabilities, info) = (&said.capabilities, &said.info);
        let client = Client::new(id.into(), identity, said.revision, capabilities, info);
        let client = client.within(visit.extent.clone());
        let session = Arc::new(Session::again(client, numbers()));
        let entered = self.enter(session.clone())?;
        let is_first = Arc::ptr_eq(&entered, &session);
        if is_first {
            tracing::info!(
                caller = %session.identity(),
                revision = %session.client.revision,
                "session rebuilt from its id"
            );
        }
        let wish = is_first.then(|| self.before.take(id)).flatten();
        Ok((entered, wish.map(Box::new)))
    }

    fn key(&self) -> Option<&Key> {
        self.key.get_or_init(Key::random).as_ref()
    }
}

/// Where the numbers of a rebuilt session start: above all that it has had. No session has
/// numbered 1024 things in each millisecond so far, and JSON has room for this until 2248.
fn numbers() -> u64 {
    let millis = u64::try_from(sealed::now().as_millis()).unwrap_or_default();
    millis.saturating_mul(1024)
}
