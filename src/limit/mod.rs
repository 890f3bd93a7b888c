//! How much a caller may do at once and in a while.
//!
//! Rates and concurrency per caller, role and server join here; the number of connections is
//! bounded where they arrive, the number of sessions where they open.

use crate::{authorise::Permitted, call::Call, refusal::Refusal};

/// A permitted call that there is room for. Only [`admit`] makes one.
#[derive(Debug)]
pub struct Admitted {
    permitted: Permitted,
}

impl Admitted {
    /// What is called.
    pub fn call(&self) -> &Call {
        self.permitted.call()
    }

    /// Hands the call on.
    pub fn into_call(self) -> Call {
        self.permitted.into_call()
    }
}

/// Admits a call if the limits leave room for it.
///
/// # Errors
/// None yet.
pub fn admit(permitted: Permitted) -> Result<Admitted, Refusal> {
    Ok(Admitted { permitted })
}
