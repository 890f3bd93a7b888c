//! The certificate that the gateway shows, and its key.

use super::*;
use crate::support::{Authority, Issued, TLS};

/// A folder that is served from with this certificate; what is found there.
async fn shown(issued: &Issued, mode: u32) -> (Option<i32>, Vec<Value>) {
    let folder = folder(TLS);
    issued.write(folder.path());
    let key = folder.path().join("key.pem");
    fs::set_permissions(key, Permissions::from_mode(mode)).unwrap();
    found(folder.path(), &["--offline"]).await
}

fn about_tls(findings: &[Value]) -> Vec<&Value> {
    let found = findings.iter().filter(|finding| finding["about"] == "tls");
    found.collect()
}

#[tokio::test]
async fn a_certificate_that_is_good_is_told_with_its_end() {
    for mode in [0o600, 0o640] {
        let (code, findings) = shown(&Authority::new().server(), mode).await;
        assert_eq!(code, Some(0), "{findings:#?}");
        is(&findings, "ok", "localhost", "");
        is(&findings, "ok", " is valid until 2100-01-01T00:00:00Z", "");
        assert_eq!(about_tls(&findings).len(), 1, "{findings:#?}");
        assert!(!format!("{findings:?}").contains("cert.pem (mode"));
    }
}

#[tokio::test]
async fn one_that_clients_refuse_or_soon_will_is_told_with_what_to_do() {
    let authority = Authority::new();
    let now = jiff::Timestamp::now();
    let days = |days: i64| now + jiff::SignedDuration::from_hours(24 * days);

    let (code, findings) = shown(&authority.server_between(days(-30), days(-10)), 0o600).await;
    assert_eq!(code, Some(1));
    is(
        &findings,
        "problem",
        "cert.pem has expired on ",
        "put a new one there",
    );

    let (code, findings) = shown(&authority.server_between(days(10), days(90)), 0o600).await;
    assert_eq!(code, Some(1));
    is(
        &findings,
        "problem",
        "clients refuse it until then",
        "the clock",
    );

    let (code, findings) = shown(&authority.server_between(days(-30), days(13)), 0o600).await;
    assert_eq!(code, Some(0));
    is(
        &findings,
        "warning",
        "cert.pem expires in 12 days",
        "put a new one there",
    );

    let (_, findings) = shown(&authority.server_between(days(-30), days(15)), 0o600).await;
    is(&findings, "ok", "is valid until ", "");
}

#[tokio::test]
async fn a_key_that_others_may_read_or_change_is_told_once() {
    let issued = Authority::new().server();
    let read = (0o644, "warning", "others may read ");
    let changed = (0o660, "problem", "others may change ");
    for (mode, level, words) in [read, changed] {
        let (_, findings) = shown(&issued, mode).await;
        let mode = format!("key.pem (mode {mode:04o})");
        is(&findings, level, words, "chmod 600 ");
        let of_it: Vec<_> = findings
            .iter()
            .filter(|finding| finding["words"].as_str().unwrap().contains(&mode))
            .collect();
        assert_eq!(of_it.len(), 1, "{findings:#?}");
    }
}
