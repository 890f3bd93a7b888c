//! Why a key opens nothing.

/// Why a key does not open the door: for the log, never for whoever showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// Nobody has it.
    Unknown,
    /// Its time is over.
    Expired,
    /// It is switched off.
    Disabled,
    /// It may not be used from there.
    Address,
}

impl KeyFault {
    /// Metric label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::Address => "address",
        }
    }
}
