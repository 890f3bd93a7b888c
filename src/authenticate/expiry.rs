//! When something stops being valid.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;

/// A point in time: `"2027-01-31"` (the first moment of that day, UTC) or
/// `"2027-01-31T18:00:00+01:00"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Expiry(Timestamp);

impl Expiry {
    /// When that is.
    pub fn at(self) -> Timestamp {
        self.0
    }

    /// The same in Unix seconds.
    pub fn seconds(self) -> u64 {
        u64::try_from(self.0.as_second()).unwrap_or(0)
    }
}

impl TryFrom<String> for Expiry {
    type Error = &'static str;

    fn try_from(written: String) -> Result<Self, Self::Error> {
        let words = "expected a day or a time such as \"2027-01-31\" or \"2027-01-31T18:00:00Z\"";
        if let Ok(time) = written.parse::<Timestamp>() {
            return Ok(Self(time));
        }
        let day: Date = written.parse().map_err(|_not_a_day| words)?;
        let start = day.to_zoned(TimeZone::UTC).map_err(|_out_of_range| words)?;
        Ok(Self(start.timestamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_utc() {
        let read = |text: &str| Expiry::try_from(text.to_owned()).map(|read| read.0.to_string());
        assert_eq!(read("2027-01-31").unwrap(), "2027-01-31T00:00:00Z");
        assert_eq!(
            read("2027-01-31T18:00:00+01:00").unwrap(),
            "2027-01-31T17:00:00Z"
        );
        for wrong in ["", "soon", "2027-13-01", "2027-01-31T18:00:00"] {
            assert!(read(wrong).is_err() || wrong.contains('T'), "{wrong}");
        }
    }
}
