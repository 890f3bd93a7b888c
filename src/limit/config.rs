//! A limit, as a person writes it: in `limits = […]` of a role, or as `[limits.<name>]`.
//!
//! ```toml
//! limits = [
//!   { calls = 100, per = "60s", burst = 20, each = ["caller", "server"] },
//!   { concurrent = 5, each = ["caller"], wait = "2s" },
//! ]
//! ```

use std::{collections::BTreeSet, fmt, time::Duration};

use serde::Deserialize;

use super::keys::Fact;
use crate::config::Fault;

/// One limit of a policy file: a rate (`calls`, `per`) or a number at once (`concurrent`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitConfig {
    /// So many calls in each `per`.
    pub calls: Option<u32>,
    /// The time in which `calls` come back, one after the other.
    #[serde(with = "humantime_serde")]
    pub per: Option<Duration>,
    /// So many of them at once, after a pause. As many as `calls` unless said.
    pub burst: Option<u32>,
    /// So many calls in flight at once.
    pub concurrent: Option<u32>,
    /// How long a call waits for one in flight to end. It is refused at once unless said.
    #[serde(with = "humantime_serde")]
    pub wait: Option<Duration>,
    /// What is counted apart: any of `caller`, `key`, `role`, `address`, `server`, `tool`. One
    /// count for all calls if there is none. An IPv6 address counts as its /64 network.
    pub each: BTreeSet<Fact>,
}

/// As long as it may take until a limit that is used up is whole again.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl LimitConfig {
    /// Finds what the types cannot say.
    ///
    /// # Errors
    /// When it is not one limit, or one that lets nobody through.
    pub fn check(&self) -> Result<(), Fault> {
        match (self.calls, self.concurrent) {
            (Some(calls), None) => self.check_rate(calls),
            (None, Some(concurrent)) => self.check_concurrency(concurrent),
            (None, None) => Err(Fault::at(
                [],
                "expected `calls` and `per`, or `concurrent`: nothing is limited here",
            )),
            (Some(_), Some(_)) => Err(Fault::at_key(
                ["concurrent"],
                "`calls` and `concurrent` are two limits: write two entries",
            )),
        }
    }

    fn check_rate(&self, calls: u32) -> Result<(), Fault> {
        if self.wait.is_some() {
            return Err(Fault::at_key(
                ["wait"],
                "only a limit of `concurrent` waits",
            ));
        }
        let Some(per) = self.per else {
            return Err(Fault::at(
                ["calls"],
                "`per` is missing: in what time, such as per = \"60s\"?",
            ));
        };
        let burst = self.burst.unwrap_or(calls);
        for (key, is_zero) in [
            ("calls", calls == 0),
            ("per", per.is_zero()),
            ("burst", burst == 0),
        ] {
            if is_zero {
                return Err(Fault::at([key], "with 0 nobody would be served"));
            }
        }
        if per > LONGEST {
            return Err(Fault::at(["per"], "expected a year at most"));
        }
        if (per / calls).saturating_mul(burst) > LONGEST {
            let message = "it would take more than a year to come back";
            return Err(Fault::at(["burst"], message));
        }
        Ok(())
    }

    fn check_concurrency(&self, concurrent: u32) -> Result<(), Fault> {
        for (key, is_there) in [("per", self.per.is_some()), ("burst", self.burst.is_some())] {
            if is_there {
                return Err(Fault::at_key(
                    [key],
                    "it goes with `calls`, not `concurrent`",
                ));
            }
        }
        if concurrent == 0 {
            return Err(Fault::at(["concurrent"], "with 0 nobody would be served"));
        }
        Ok(())
    }
}

impl fmt::Display for LimitConfig {
    /// `100 calls in 60s, 20 at once, for each caller and server`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.calls, self.concurrent) {
            (Some(calls), _) => write!(f, "{calls} calls in {:?}", self.per.unwrap_or_default())?,
            (None, concurrent) => write!(f, "{} at once", concurrent.unwrap_or(1))?,
        }
        if let Some(burst) = self.burst {
            write!(f, ", {burst} of them at once")?;
        }
        if let Some(wait) = self.wait {
            write!(f, ", others wait {wait:?}")?;
        }
        let each: Vec<&str> = self.each.iter().map(|fact| fact.name()).collect();
        match each.is_empty() {
            true => f.write_str(", for all together"),
            false => write!(f, ", for each {}", each.join(" and ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str) -> Result<(), String> {
        let config: LimitConfig = toml::from_str(written).map_err(|error| error.to_string())?;
        config.check().map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_limit_reads_as_it_is_written() {
        let written = r#"calls = 100
            per = "60s"
            burst = 20
            each = ["server", "caller"]"#;
        let config: LimitConfig = toml::from_str(written).unwrap();

        assert_eq!(config.per, Some(Duration::from_secs(60)));
        assert_eq!(config.each, BTreeSet::from([Fact::Caller, Fact::Server]));
        assert_eq!(config.check(), Ok(()));
        for fine in [
            "calls = 1\nper = \"1s\"",
            "concurrent = 5",
            "concurrent = 5\nwait = \"0s\"\neach = []",
            r#"concurrent = 1
               each = ["caller", "key", "role", "address", "server", "tool"]"#,
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn what_is_no_limit_is_refused_with_its_key() {
        for (wrong, says) in [
            ("", "nothing is limited"),
            ("each = [\"caller\"]", "nothing is limited"),
            ("calls = 1\nper = \"1s\"\nconcurrent = 1", "two entries"),
            ("calls = 1", "`per` is missing"),
            ("calls = 0\nper = \"1s\"", "calls"),
            ("calls = 1\nper = \"0s\"", "per"),
            ("calls = 1\nper = \"1s\"\nburst = 0", "burst"),
            ("calls = 1\nper = \"1s\"\nwait = \"1s\"", "wait"),
            ("calls = 1\nper = \"2years\"", "a year at most"),
            (
                "calls = 1\nper = \"30days\"\nburst = 1000",
                "more than a year",
            ),
            ("concurrent = 0", "concurrent"),
            ("concurrent = 1\nper = \"1s\"", "per"),
            ("concurrent = 1\nburst = 1", "burst"),
            ("concurrent = 1\neach = [\"session\"]", "unknown variant"),
            ("concurrent = 1\nrate = 1", "unknown field"),
            ("concurrent = -1", "invalid value"),
        ] {
            let fault = check(wrong).unwrap_err();
            assert!(fault.contains(says), "{wrong}: {fault}");
        }
    }
}
