//! What a line has in common with the one before it, and need not be written anew.

use std::{
    io::Write,
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use jiff::Timestamp;

/// The date and time of a second, kept because the next record is likely of the same.
#[derive(Default)]
pub(super) struct Clock {
    second: u64,
    text: String,
}

impl Clock {
    /// Appends a time in UTC, with milliseconds.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time: SystemTime) {
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        if self.text.is_empty() || self.second != time.as_secs() {
            self.second = time.as_secs();
            let second = i64::try_from(self.second).unwrap_or(i64::MAX);
            let second = Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
            self.text = format!("{second:.0}").trim_end_matches('Z').to_owned();
        }
        out.extend_from_slice(self.text.as_bytes());
        // Writing into memory cannot fail, here and below.
        drop(write!(out, ".{:03}Z", time.subsec_millis()));
    }
}

/// An address as it is written, kept because the next record is likely from the same.
#[derive(Default)]
pub(super) struct Home(Option<(IpAddr, String)>);

impl Home {
    /// As a JSON string.
    pub(super) fn text(&mut self, address: IpAddr) -> &str {
        if self.0.as_ref().is_none_or(|(known, _)| *known != address) {
            self.0 = Some((address, format!("\"{}\"", address.to_canonical())));
        }
        self.0.as_ref().map_or("", |(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_its_own_second() {
        let mut clock = Clock::default();
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2026-12-31T23:59:59.999Z",
            "2027-01-01T00:00:00.000Z",
            "2026-12-31T23:59:59.001Z",
        ] {
            let mut out = Vec::new();
            clock.write(&mut out, text.parse::<Timestamp>().unwrap().into());
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn an_address_is_that_of_its_own_call() {
        let mut home = Home::default();
        for (address, text) in [
            ("192.168.1.7", "192.168.1.7"),
            ("192.168.1.7", "192.168.1.7"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(home.text(address), format!("\"{text}\""));
        }
    }
}
