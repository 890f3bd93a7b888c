//! How much a caller may do at once and in a while.
//!
//! Rates and concurrency per caller, role and server join here; the number of connections is
//! bounded where they arrive, the number of sessions where they open.

mod applying;
mod cells;
mod concurrency;
mod config;
mod keys;
mod limits;
mod name;
mod places;
mod rate;
mod sign_in;
#[cfg(test)]
mod tests;

pub use applying::{Applying, Held, Limited};
pub use config::LimitConfig;
pub use keys::{Fact, Facts};
pub use limits::Limits;
pub use name::LimitName;
pub use sign_in::SignIns;

use crate::{
    authorise::Permitted,
    call::{Call, KeyName, RoleName, ServerName},
    refusal::Refusal,
};

/// A permitted call that there is room for. Only [`admit`] makes one.
#[derive(Debug)]
pub struct Admitted {
    permitted: Permitted,
    held: Held,
}

impl Admitted {
    /// What is called.
    pub fn call(&self) -> &Call {
        self.permitted.call()
    }

    /// Hands on the room that the call takes, to be kept until its last byte.
    pub fn hold(&mut self) -> Held {
        std::mem::take(&mut self.held)
    }

    /// Hands the call on.
    pub fn into_call(self) -> Box<Call> {
        self.permitted.into_call()
    }
}

/// Admits a call to a server if the limits leave room for it. `tool` is the tool that is called, by
/// the name that its server gave it: it has several where there are several paths.
///
/// # Errors
/// When they do not.
pub async fn admit(
    limits: &Applying,
    permitted: Permitted,
    server: Option<&ServerName>,
    tool: Option<&str>,
) -> Result<Admitted, Refusal> {
    let mut held = Held::default();
    // What the gateway answers itself costs nobody anything.
    if let Some(server) = server.filter(|_| !limits.is_empty()) {
        let call = permitted.call();
        let caller = &call.visit.caller;
        let facts = Facts {
            caller: &caller.name,
            key: caller.key.as_ref().map(KeyName::as_str),
            role: caller.standing.role().map(RoleName::as_str),
            address: caller.address,
            server: Some(server.as_str()),
            tool,
        };
        let admitted = match limits.has_waits() {
            true => Box::pin(limits.admit(&facts)).await,
            false => limits.count(&facts).map(|()| Held::default()),
        };
        held = admitted.map_err(|limited| Refusal::Limited {
            limit: limited.limit.to_string().into(),
            retry_after: limited.retry_after,
        })?;
    }
    Ok(Admitted { permitted, held })
}
