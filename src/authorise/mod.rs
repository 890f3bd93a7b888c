//! What a caller may do.
//!
//! Roles and rules join here. Until then whoever is let in may call whatever is listed; the type
//! already sees to it that no call is admitted, routed or forwarded without a permit.

use crate::{
    call::{Call, Caller},
    refusal::Refusal,
};

mod decision;
mod pattern;

pub use decision::{Allowance, Grants, Judgement, Origin, Rule, Verdict};
pub use pattern::{Pattern, PatternError, Subject};

/// A call that its caller may make. Only [`permit`] makes one.
#[derive(Debug)]
pub struct Permitted {
    caller: Caller,
    call: Call,
}

impl Permitted {
    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What for.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Hands the call on.
    pub fn into_call(self) -> Call {
        self.call
    }
}

/// Decides whether `caller` may make `call`.
///
/// # Errors
/// None yet.
pub fn permit(caller: Caller, call: Call) -> Result<Permitted, Refusal> {
    Ok(Permitted { caller, call })
}
