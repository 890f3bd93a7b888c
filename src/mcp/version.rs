//! The protocol's revisions: the only file that knows how they differ.

use serde::Deserialize;

/// A protocol revision, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Revision {
    /// HTTP+SSE.
    #[serde(rename = "2024-11-05")]
    V2024_11_05,
    /// Streamable HTTP, batches.
    #[serde(rename = "2025-03-26")]
    V2025_03_26,
    /// `MCP-Protocol-Version`, elicitation, structured content.
    #[serde(rename = "2025-06-18")]
    V2025_06_18,
    /// Polling streams, icons, tasks.
    #[serde(rename = "2025-11-25")]
    V2025_11_25,
    /// No sessions: every request carries what it needs.
    #[serde(rename = "2026-07-28")]
    V2026_07_28,
}

impl Revision {
    /// The newest one that has sessions.
    pub const LATEST: Self = Self::V2025_11_25;

    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// As it stands in `protocolVersion`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The revision of that name, if it is spoken here.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == name)
    }

    /// Whether a name may be that of a revision later than all that are known here: they are
    /// dates.
    pub fn is_later(name: &str) -> bool {
        let date = name.len() == 10
            && name.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        date && Self::ALL.iter().all(|known| name > known.as_str())
    }

    /// What is answered to a client that asks for `requested`
    /// (2025-11-25, Lifecycle, Version Negotiation).
    pub fn negotiate(requested: &str) -> Self {
        Self::named(requested)
            .filter(|revision| !revision.is_stateless())
            .unwrap_or(Self::LATEST)
    }

    /// Whether every request stands for itself, without `initialize` and session.
    pub fn is_stateless(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether a client may be sent off in the middle of an answer, to come back for the rest: an
    /// event without data tells it how.
    pub fn has_polling(self) -> bool {
        self == Self::V2025_11_25
    }

    /// Whether several messages may come as one array; only one revision had that.
    pub fn has_batches(self) -> bool {
        self == Self::V2025_03_26
    }
}

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
