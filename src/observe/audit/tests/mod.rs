//! The audit log as a whole. Most tests run the writer themselves, one turn at a time, so that
//! nothing depends on when a thread gets its turn.

mod trouble;

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::*;
use crate::call::{Caller, Standing};

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
    let caller = Caller::local(Standing::Everything);
    let mut entry = Entry::new(caller, "tools/call");
    entry.subject = Some(Subject::Tool("read_file".into()));
    entry
}

fn record(audit: &Audit, request: u64) {
    audit.reserve(request).unwrap().write(&entry());
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
    slot.write(&entry());
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
    let mut config = config(&folder);
    config.queue = 100_000;
    config.show_arguments = [("*/*".to_owned(), vec!["*".to_owned()])].into();
    let (audit, mut writer) = by_hand(&config);
    let mut large = entry();
    large.server = Some("files".to_owned().try_into().unwrap());
    let many: Vec<String> = (0..9)
        .map(|n| format!("\"{n}\":\"{}\"", "b".repeat(1000)))
        .collect();
    large.arguments = Some(format!("{{{}}}", many.join(",")).into());
    let records = 16 * 1024 * 1024 / 8000;
    for request in 0..records {
        audit.reserve(request).unwrap().write(&large);
    }
    assert!(writer.turn());
    let mut last = entry();
    last.arguments = Some("{}".into());
    audit.reserve(records).unwrap().write(&last);
    drop(audit);
    writer.run();

    let text = fs::read_to_string(config.file.unwrap()).unwrap();
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["arguments"].clone();
    let all: Vec<Value> = text.lines().map(of).collect();
    assert_eq!(all.len() as u64, records + 1);
    assert_eq!(all[0]["0"], "b".repeat(1000));
    assert_eq!(
        all[all.len() - 2],
        "*** (9064 bytes)",
        "no room for it to wait"
    );
    assert_eq!(all[all.len() - 1], serde_json::json!({}));
}

#[test]
fn what_others_wrote_is_cut() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder);
    let (audit, writer) = by_hand(&config);
    let mut entry = entry();
    entry.subject = Some(Subject::Tool("x".repeat(5000).into()));
    entry.arguments = Some(format!("{{\"a\":\"{}\"}}", "b".repeat(5000)).into());
    audit.reserve(0).unwrap().write(&entry);
    drop(audit);
    writer.run();

    let text = fs::read_to_string(config.file.unwrap()).unwrap();
    let line: Value = serde_json::from_str(&text).unwrap();
    let tool = line["tool"].as_str().unwrap();
    assert!(
        tool.ends_with("x… (5000 bytes)") && tool.len() < 1100,
        "{tool}"
    );
    assert_eq!(line["arguments"]["a"], "*** (5002 bytes)");
}
