//! The audit log as a whole. Most tests run the writer themselves, one turn at a time, so that
//! nothing depends on when a thread gets its turn.

mod trouble;

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::*;

fn config(folder: &TempDir) -> AuditConfig {
    AuditConfig {
        file: Some(folder.path().join("audit.jsonl")),
        ..AuditConfig::default()
    }
}

fn by_hand(config: &AuditConfig) -> (Audit, Writer) {
    let path = config.file.as_deref().unwrap();
    Audit::with(config, vec![Box::new(LogFile::open(path, config).unwrap())])
}

fn entry() -> Entry {
    let mut entry = Entry::new("key:alice".into(), "tools/call");
    entry.subject = Some(Subject::Tool("read_file".into()));
    entry
}

fn record(audit: &Audit, request: u64) {
    audit.reserve(request).unwrap().write(entry());
}

fn refusal(audit: &Audit) -> Option<Unrecorded> {
    audit.reserve(0).err()
}

fn counted(audit: &Audit) -> [u64; 3] {
    let counters = audit.counters();
    [counters.written(), counters.dropped(), counters.failed()]
}

/// The requests of a file, in its order.
fn requests(text: &str) -> Vec<u64> {
    let request = |line: &str| {
        let line: Value = serde_json::from_str(line).expect(line);
        line["request"].as_u64().unwrap()
    };
    text.lines().map(request).collect()
}

fn read(path: &Path) -> Vec<u64> {
    requests(&fs::read_to_string(path).unwrap())
}

#[tokio::test]
async fn closing_waits_until_every_record_is_written() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder);
    let audit = Audit::start(&config).unwrap().unwrap();
    for request in 0..5000 {
        record(&audit, request);
    }
    audit.close().await;
    let expected: Vec<u64> = (0..5000).collect();
    assert_eq!(read(config.file.as_deref().unwrap()), expected);
    assert_eq!(counted(&audit), [5000, 0, 0]);

    // Closing again is no mistake, and neither is a call that comes too late.
    audit.close().await;
    record(&audit, 5000);
    assert_eq!(counted(&audit), [5000, 1, 0]);
}

#[tokio::test]
async fn closing_waits_for_calls_under_way_that_must_be_recorded() {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder);
    config.required = true;
    let audit = Audit::start(&config).unwrap().unwrap();
    let slot = audit.reserve(7).unwrap();
    let closing = audit.close();
    tokio::pin!(closing);
    tokio::select! {
        biased;
        () = &mut closing => panic!("a record is missing"),
        () = tokio::task::yield_now() => {}
    }
    slot.write(entry());
    closing.await;
    assert_eq!(read(config.file.as_deref().unwrap()), [7]);
    assert_eq!(refusal(&audit), Some(Unrecorded::Failing));
}

#[test]
fn nowhere_to_write_is_no_audit_log() {
    assert!(Audit::start(&AuditConfig::default()).unwrap().is_none());
}

#[test]
fn a_file_that_cannot_be_opened_is_told() {
    let folder = TempDir::new().unwrap();
    let config = AuditConfig {
        file: Some(folder.path().join("absent/audit.jsonl")),
        ..AuditConfig::default()
    };
    let error = Audit::start(&config).err().unwrap().to_string();
    assert!(
        error.contains("absent/audit.jsonl cannot be opened: No such file"),
        "{error}"
    );
}

#[test]
fn nothing_is_lost_across_rotations() {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder);
    (config.max_size, config.keep, config.queue) = (4096, 1000, 100_000);
    let (audit, writer) = by_hand(&config);
    for request in 0..10_000 {
        record(&audit, request);
    }
    drop(audit);
    writer.run();

    let files = fs::read_dir(&folder).unwrap().count();
    let name = |number: usize| folder.path().join(format!("audit.jsonl.{number}"));
    let mut found = Vec::new();
    for number in (1..files).rev() {
        assert!(fs::metadata(name(number)).unwrap().len() <= 4096);
        found.extend(read(&name(number)));
    }
    found.extend(read(config.file.as_deref().unwrap()));
    assert!(files > 100, "{files}");
    assert_eq!(found, (0..10_000).collect::<Vec<u64>>());
}

#[test]
fn a_slot_that_is_dropped_leaves_a_line() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder);
    let (audit, writer) = by_hand(&config);
    drop(audit.reserve(9).unwrap());
    drop(audit);
    writer.run();
    let text = fs::read_to_string(config.file.unwrap()).unwrap();
    assert_eq!(requests(&text), [9]);
    assert!(text.contains(r#""outcome":"lost""#), "{text}");
}

#[test]
fn what_waits_is_bounded() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder);
    let (audit, mut writer) = by_hand(&config);
    let message = 40 * 1024 * 1024;
    for request in 0..2 {
        let mut entry = entry();
        entry.subject = Some(Subject::Tool("x".repeat(5000).into()));
        entry.bytes_in = message;
        entry.arguments = Some(format!("{{\"a\":\"{}\"}}", "b".repeat(5000)).into());
        audit.reserve(request).unwrap().write(entry);
    }
    assert!(writer.turn());
    let mut third = entry();
    (third.bytes_in, third.arguments) = (message, Some("{}".into()));
    audit.reserve(2).unwrap().write(third);
    drop(audit);
    writer.run();

    let text = fs::read_to_string(config.file.unwrap()).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let tool = lines[0]["tool"].as_str().unwrap();
    assert!(
        tool.ends_with("x… (5000 bytes)") && tool.len() < 1100,
        "{tool}"
    );
    assert_eq!(lines[0]["arguments"]["a"], "*** (5002 bytes)");
    assert_eq!(
        lines[1]["arguments"], "*** (5008 bytes)",
        "no room for it to wait"
    );
    assert_eq!(lines[2]["arguments"], serde_json::json!({}));
}
