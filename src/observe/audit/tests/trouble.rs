//! What becomes of records where there is no room, in the queue or on the disk.

use std::{fs, os::unix::fs::symlink};

use tempfile::TempDir;

use super::*;
use crate::observe::audit::sink::tests::Disk;

#[test]
fn a_full_queue_drops_and_counts() {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder);
    config.queue = 2;
    let (audit, writer) = by_hand(&config);
    let under_way: Vec<Slot> = (10..20).map(|n| audit.reserve(n).unwrap()).collect();
    for request in 0..5 {
        record(&audit, request);
    }
    assert_eq!(counted(&audit), [0, 3, 0]);
    drop((audit, under_way));
    writer.run();
    assert_eq!(read(config.file.as_deref().unwrap()), [0, 1]);
}

#[test]
fn where_a_record_is_required_a_full_queue_refuses() {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder);
    (config.queue, config.required) = (2, true);
    let (audit, mut writer) = by_hand(&config);
    record(&audit, 1);
    let slot = audit.reserve(2).unwrap();
    assert_eq!(refusal(&audit), Some(Unrecorded::Full));
    assert!(writer.turn());
    // Room again; the call that is under way still has its own.
    record(&audit, 3);
    assert_eq!(refusal(&audit), Some(Unrecorded::Full));
    slot.write(&entry());
    drop(audit);
    writer.run();
    assert_eq!(read(config.file.as_deref().unwrap()), [1, 3, 2]);
}

#[test]
fn a_full_disk_is_counted() {
    let config = AuditConfig {
        file: Some("/dev/full".into()),
        ..AuditConfig::default()
    };
    let (audit, mut writer) = by_hand(&config);
    for _ in 0..2 {
        record(&audit, 1);
        assert!(writer.turn());
    }
    record(&audit, 2);
    assert_eq!(counted(&audit), [0, 0, 2]);
    let queue = audit.queue.clone();
    drop(audit);
    writer.run();
    assert_eq!(queue.state.counters.failed(), 3);
}

#[test]
fn where_a_record_is_required_a_full_disk_refuses_until_there_is_room() {
    let folder = TempDir::new().unwrap();
    let mut config = config(&folder);
    config.required = true;
    let path = config.file.clone().unwrap();
    symlink("/dev/full", &path).unwrap();
    let (audit, mut writer) = by_hand(&config);
    let under_way = audit.reserve(2).unwrap();
    record(&audit, 1);
    assert!(writer.turn());
    assert_eq!(refusal(&audit), Some(Unrecorded::Failing));
    assert!(writer.turn(), "the refused call has it try again");
    assert_eq!(refusal(&audit), Some(Unrecorded::Failing));

    fs::remove_file(&path).unwrap();
    audit.reopen();
    assert!(writer.turn());
    record(&audit, 3);
    under_way.write(&entry());
    let queue = audit.queue.clone();
    drop(audit);
    writer.run();
    assert_eq!(read(&path), [1, 3, 2], "what waited is not lost");
    assert_eq!(
        [
            queue.state.counters.written(),
            queue.state.counters.failed()
        ],
        [3, 0]
    );
}

#[test]
fn a_line_that_was_cut_off_is_written_again_where_it_is_required() {
    for required in [true, false] {
        let config = AuditConfig {
            required,
            ..AuditConfig::default()
        };
        let (whole, cut) = (Disk::with_room(10_000), Disk::with_room(200));
        let sinks: Vec<Box<dyn Sink>> = vec![
            Box::new(Stream::new(cut.clone())),
            Box::new(Stream::new(whole.clone())),
        ];
        let (audit, mut writer) = Audit::with(&config, sinks);
        for request in 0..2 {
            record(&audit, request);
        }
        assert!(writer.turn());
        cut.make_room(10_000);
        audit.queue.look();
        assert!(writer.turn());
        record(&audit, 2);
        assert!(writer.turn());

        let text = cut.text();
        let (torn, lines): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| !line.ends_with('}'));
        assert_eq!(torn.len(), 1, "{text}");
        let (expected, counts): (&[u64], _) = match required {
            true => (&[0, 1, 2], [3, 0, 0]),
            false => (&[0, 2], [2, 0, 1]),
        };
        assert_eq!(requests(&lines.join("\n")), expected);
        assert_eq!(requests(&whole.text()), [0, 1, 2], "each line once");
        assert_eq!(counted(&audit), counts);
    }
}
