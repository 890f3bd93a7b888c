//! Why a token was not believed.

use std::sync::Arc;

/// Why a token was not believed, in words for the log. Nothing of the token is repeated: it may
/// be a good one, sent to the wrong place, and it may be written to deceive whoever reads logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Somebody else signed it, or it was changed since.
    #[error("the token's signature is wrong")]
    Signature,
    /// No `[tokens.*]` table has its `iss`.
    #[error("the token is of no configured issuer")]
    Issuer,
    /// It is meant for somebody else.
    #[error("the token's audience is not this gateway")]
    Audience,
    /// It is signed in a way that its issuer, or the key it names, does not sign.
    #[error("the token's algorithm is not one that its issuer may use")]
    Algorithm,
    /// It is no JWT, or one that we must not try to understand.
    #[error("not a usable JWT: {0}")]
    Malformed(&'static str),
    /// Its issuer has no such key, or it names none and there are several.
    #[error("the token's key is not one of its issuer's")]
    UnknownKey,
    /// The keys of this issuer cannot be fetched.
    #[error("jwks unavailable: the keys of [tokens.{0}] cannot be fetched")]
    Unavailable(Arc<str>),
    /// It is genuine, and says too little or too much about its holder.
    #[error("the token's claim `{claim}` {problem}")]
    Claims {
        /// The claim, as the config calls it.
        claim: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl Rejected {
    /// One word of a closed set, for a metric.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Algorithm => "algorithm",
            Self::Malformed(_) => "malformed",
            Self::UnknownKey => "unknown_key",
            Self::Unavailable(_) => "unavailable",
            Self::Claims { .. } => "claims",
        }
    }
}
