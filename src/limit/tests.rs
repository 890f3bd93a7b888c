//! Several limits at once, and a reload.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::advance;

use super::{Applying, Facts, Held, LimitConfig, LimitName, Limited, Limits};
use crate::refusal::whole_seconds;

const ALICE: Facts<'_> = facts("key:alice");
const BOB: Facts<'_> = facts("key:bob");

const fn facts(caller: &str) -> Facts<'_> {
    Facts {
        caller,
        key: None,
        role: None,
        address: None,
        server: None,
        tool: None,
    }
}

/// As in a role: each line is the table of one limit.
fn configs(written: &[&str]) -> Vec<(LimitName, LimitConfig)> {
    let one = |(index, line): (usize, &&str)| {
        let table: std::collections::BTreeMap<String, LimitConfig> =
            toml::from_str(&format!("limit = {{ {line} }}")).unwrap();
        let config = table["limit"].clone();
        config.check().unwrap();
        (LimitName::in_role("analyst", index), config)
    };
    written.iter().enumerate().map(one).collect()
}

fn limits(written: &[&str]) -> Limits {
    Limits::new(configs(written), None)
}

fn all(limits: &Limits) -> Applying {
    limits.applying(|_| true)
}

fn admit(applying: &Applying, facts: &Facts<'_>) -> Result<Held, Limited> {
    applying.admit(facts).now_or_never().unwrap()
}

fn refused_by(applying: &Applying, facts: &Facts<'_>) -> String {
    admit(applying, facts).unwrap_err().limit.to_string()
}

#[test]
fn where_no_limit_applies_everybody_passes() {
    let none = Applying::default();
    assert!(none.is_empty());
    assert!((0..1000).all(|_| admit(&none, &ALICE).is_ok()));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_the_limit_and_the_time() {
    let limits = limits(&[
        r#"concurrent = 100"#,
        r#"calls = 2, per = "3s", each = ["caller"]"#,
    ]);
    let applying = all(&limits);
    assert!((0..2).all(|_| admit(&applying, &ALICE).is_ok()));

    let limited = admit(&applying, &ALICE).unwrap_err();
    assert_eq!(limited.limit.as_str(), "analyst.2");
    assert_eq!(limited.retry_after, Duration::from_millis(1500));
    assert_eq!(
        limited.to_string(),
        "too many calls (limit `analyst.2`); try again in 2 s"
    );
    assert!(admit(&applying, &BOB).is_ok());
}

#[tokio::test(start_paused = true)]
async fn only_what_applies_is_asked() {
    let limits = limits(&[r#"calls = 1, per = "1h""#, r#"calls = 2, per = "1h""#]);
    let second = limits.applying(|name| name.as_str() == "analyst.2");
    assert!((0..2).all(|_| admit(&second, &ALICE).is_ok()));
    assert_eq!(refused_by(&second, &ALICE), "analyst.2");
    let names: Vec<_> = limits.names().map(LimitName::as_str).collect();
    assert_eq!(names, ["analyst.1", "analyst.2"]);
}

#[tokio::test(start_paused = true)]
async fn what_a_later_limit_refuses_holds_nothing() {
    // Written last, asked first.
    let limits = limits(&[
        r#"calls = 1, per = "1m", each = ["caller"]"#,
        "concurrent = 1",
        r#"concurrent = 1, each = ["caller"]"#,
    ]);
    let applying = all(&limits);
    let held = admit(&applying, &ALICE).unwrap();
    assert_eq!(refused_by(&applying, &BOB), "analyst.2");
    drop(held);

    assert_eq!(refused_by(&applying, &ALICE), "analyst.1");
    // Alice holds no room, and bob's refusal has not been counted.
    assert!(admit(&applying, &BOB).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_is_stopped_by_one_rate_does_not_use_up_another() {
    let limits = limits(&[
        r#"calls = 10, per = "1h""#,
        r#"calls = 1, per = "1h", each = ["caller"]"#,
    ]);
    let applying = all(&limits);
    assert!(admit(&applying, &ALICE).is_ok());
    for _ in 0..100 {
        assert_eq!(refused_by(&applying, &ALICE), "analyst.2");
    }
    assert!(admit(&applying, &BOB).is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_holds_nothing() {
    let limits = limits(&[
        r#"concurrent = 2"#,
        r#"concurrent = 1, wait = "1m", each = ["caller"]"#,
    ]);
    let applying = all(&limits);
    let held = admit(&applying, &ALICE).unwrap();
    let mut waiting = Box::pin(applying.admit(&ALICE));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(refused_by(&applying, &BOB), "analyst.1");
    drop(waiting);
    let bob = admit(&applying, &BOB).unwrap();

    drop((held, bob));
    let mut second = Box::pin(applying.admit(&ALICE));
    assert!(second.as_mut().now_or_never().unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_reload_refills_nothing_that_has_not_changed() {
    let lines = [
        r#"calls = 3, per = "1h", each = ["server", "caller"]"#,
        r#"concurrent = 1"#,
    ];
    let before = limits(&lines);
    let held = admit(&all(&before), &ALICE).unwrap();
    let again = [
        r#"calls = 3, per = "60m", each = ["caller", "server"]"#,
        r#"concurrent = 1"#,
    ];
    let after = Limits::new(configs(&again), Some(&before));
    drop(before);

    let applying = all(&after);
    assert_eq!(refused_by(&applying, &ALICE), "analyst.2");
    drop(held);
    assert!((0..2).all(|_| admit(&applying, &ALICE).is_ok()));
    assert_eq!(refused_by(&applying, &ALICE), "analyst.1");

    let changed = [r#"calls = 4, per = "1h", each = ["caller"]"#];
    let changed = Limits::new(configs(&changed), Some(&after));
    assert!((0..4).all(|_| admit(&all(&changed), &ALICE).is_ok()));
    assert_eq!(refused_by(&all(&changed), &ALICE), "analyst.1");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_changes_nothing_that_anybody_sees() {
    let limits = limits(&[r#"calls = 2, per = "2m", each = ["caller"]"#]);
    let applying = all(&limits);
    assert!((0..2).all(|_| admit(&applying, &ALICE).is_ok()));
    advance(Duration::from_secs(60)).await;
    limits.sweep();
    assert!(admit(&applying, &ALICE).is_ok());
    assert!(admit(&applying, &ALICE).is_err());
}

#[test]
fn what_was_never_checked_lets_nobody_through_unlimited() {
    let nothing = (LimitName::in_role("x", 0), LimitConfig::default());
    let limits = Limits::new([nothing], None);
    let _held = admit(&all(&limits), &ALICE).unwrap();
    assert!(admit(&all(&limits), &BOB).is_err());
}

#[test]
fn seconds_are_rounded_up_and_never_none() {
    for (millis, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(millis)), seconds);
    }
}

#[test]
fn names_of_tables_and_of_roles_never_meet() {
    let table = |name: &str| LimitName::try_from(name.to_owned());
    assert!(table("team-1_b").is_ok());
    for wrong in ["", "analyst.1", "a b", "ä", &"a".repeat(33)] {
        assert!(table(wrong).is_err(), "{wrong}");
    }
    assert_eq!(LimitName::in_role("analyst", 0).as_str(), "analyst.1");
}
