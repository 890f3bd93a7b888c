//! How severe a log message is.

/// How severe a log message is, least first (RFC 5424).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// Detailed.
    Debug,
    /// General.
    Info,
    /// Normal, but significant.
    Notice,
    /// Not yet wrong.
    Warning,
    /// Wrong.
    Error,
    /// Broken.
    Critical,
    /// Act at once.
    Alert,
    /// Unusable.
    Emergency,
}

impl Level {
    const ALL: [(Self, &str); 8] = [
        (Self::Debug, "debug"),
        (Self::Info, "info"),
        (Self::Notice, "notice"),
        (Self::Warning, "warning"),
        (Self::Error, "error"),
        (Self::Critical, "critical"),
        (Self::Alert, "alert"),
        (Self::Emergency, "emergency"),
    ];

    /// The level at that place, counted from the least severe.
    pub(super) fn at(index: usize) -> Option<Self> {
        Self::ALL.get(index).map(|(level, _)| *level)
    }

    /// The level of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, known)| *known == name)
            .map(|(level, _)| level)
    }

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(level, _)| *level == self)
            .map_or("", |(_, name)| name)
    }
}
