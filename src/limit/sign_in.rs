//! Failed sign-ins of an address: who guesses keys is soon not listened to.

use std::{net::IpAddr, time::Duration};

use super::rate::Rate;
use crate::call::network;

/// Failed sign-ins, counted for each address (IPv6: each /64).
///
/// An address may fail `most` times at once; they come back one by one, `most` in each `per`.
/// While more addresses fail than can be kept, those that are not known share one count.
#[derive(Debug)]
pub struct SignIns {
    rate: Rate,
    most: u32,
}

impl SignIns {
    /// `most` failures in each `per`.
    pub fn new(most: u32, per: Duration) -> Self {
        Self {
            rate: Rate::new(most, per, most),
            most,
        }
    }

    /// How many failures it allows at once.
    pub fn most(&self) -> u32 {
        self.most
    }

    /// Whether that address may try. To be asked before its credentials are looked at, so that
    /// somebody who guesses right too late learns nothing.
    ///
    /// # Errors
    /// With the time until it may.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        self.rate.look(network(address))
    }

    /// Counts a failure.
    pub fn failed(&self, address: IpAddr) {
        // Beyond the most there is nothing left to count: it may not try anyway.
        self.rate.take(network(address)).ok();
    }

    /// Forgets the addresses that have not failed lately.
    pub fn sweep(&self) {
        self.rate.sweep();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_fails_too_often_waits() {
        let sign_ins = SignIns::new(5, Duration::from_secs(50));
        let guesser = address("192.0.2.1");
        for _ in 0..5 {
            assert_eq!(sign_ins.check(guesser), Ok(()));
            sign_ins.failed(guesser);
        }

        assert_eq!(sign_ins.check(guesser), Err(Duration::from_secs(10)));
        assert_eq!(
            sign_ins.check(address("::ffff:192.0.2.1")),
            sign_ins.check(guesser)
        );
        assert_eq!(sign_ins.check(address("192.0.2.2")), Ok(()));
        sign_ins.failed(guesser);
        advance(Duration::from_secs(10)).await;
        assert_eq!(sign_ins.check(guesser), Ok(()), "one more");
        sign_ins.failed(guesser);
        assert!(sign_ins.check(guesser).is_err());
        sign_ins.sweep();
        assert!(sign_ins.check(guesser).is_err(), "not swept away");
    }

    #[tokio::test(start_paused = true)]
    async fn a_household_has_one_count() {
        let sign_ins = SignIns::new(1, Duration::from_secs(60));
        sign_ins.failed(address("2001:db8::1"));

        assert!(
            sign_ins
                .check(address("2001:db8::aaaa:bbbb:cccc:dddd"))
                .is_err()
        );
        assert!(sign_ins.check(address("2001:db8:0:1::1")).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_signs_in_well_is_never_counted() {
        let sign_ins = SignIns::new(1, Duration::from_secs(60));
        let caller = address("192.0.2.1");
        assert!((0..100).all(|_| sign_ins.check(caller).is_ok()));
    }
}
