//! Real files, in a folder of each test's own.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

fn log(folder: &TempDir, max_size: u64, keep: u32) -> LogFile {
    let config = AuditConfig {
        max_size,
        keep,
        ..AuditConfig::default()
    };
    LogFile::open(&folder.path().join("a.jsonl"), &config).unwrap()
}

fn append(log: &mut LogFile, lines: &str) {
    let mut rest = lines;
    while !rest.is_empty() {
        let (written, result) = log.append(rest.as_bytes());
        result.unwrap();
        rest = &rest[written..];
    }
}

/// What the files hold, by their names.
fn files(folder: &TempDir) -> Vec<(String, String)> {
    let read = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        (entry.file_name().into_string().unwrap(), text)
    };
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(read).collect();
    files.sort();
    files
}

fn expect(folder: &TempDir, expected: &[(&str, &str)]) {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let expected: Vec<_> = expected.iter().map(owned).collect();
    assert_eq!(files(folder), expected);
}

#[test]
fn it_rotates_between_lines_and_keeps_so_many_files() {
    let folder = TempDir::new().unwrap();
    let mut log = log(&folder, 6, 2);
    append(&mut log, "a\nb\nc\nd\n");
    expect(&folder, &[("a.jsonl", "d\n"), ("a.jsonl.1", "a\nb\nc\n")]);
    append(&mut log, "e\nf\ng\nlonger than a file\nh\n");
    expect(
        &folder,
        &[
            ("a.jsonl", "h\n"),
            ("a.jsonl.1", "longer than a file\n"),
            ("a.jsonl.2", "g\n"),
        ],
    );
}

#[test]
fn a_gap_is_filled_before_an_old_file_goes() {
    let folder = TempDir::new().unwrap();
    let mut log = log(&folder, 2, 9);
    append(&mut log, "a\nb\nc\nd\n");
    fs::remove_file(folder.path().join("a.jsonl.2")).unwrap();
    append(&mut log, "e\n");
    expect(
        &folder,
        &[
            ("a.jsonl", "e\n"),
            ("a.jsonl.1", "d\n"),
            ("a.jsonl.2", "c\n"),
            ("a.jsonl.3", "a\n"),
        ],
    );
}

#[test]
fn a_large_file_of_an_earlier_run_is_rotated() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.jsonl"), "earlier\nhalf a li").unwrap();
    append(&mut log(&folder, 10, 2), "a\n");
    expect(
        &folder,
        &[("a.jsonl", "a\n"), ("a.jsonl.1", "earlier\nhalf a li")],
    );
}

#[test]
fn half_a_line_of_an_earlier_run_is_ended() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.jsonl"), "half a li").unwrap();
    append(&mut log(&folder, 0, 2), "a\n");
    expect(&folder, &[("a.jsonl", "half a li\na\n")]);
}

#[test]
fn two_that_write_one_file_rotate_it_once() {
    let folder = TempDir::new().unwrap();
    let (mut one, mut two) = (log(&folder, 4, 5), log(&folder, 4, 5));
    append(&mut one, "a\n");
    append(&mut two, "b\n");
    append(&mut one, "c\n");
    append(&mut two, "d\n");
    expect(&folder, &[("a.jsonl", "c\nd\n"), ("a.jsonl.1", "a\nb\n")]);
}

#[test]
fn a_file_that_was_moved_is_followed_until_it_is_opened_again() {
    let folder = TempDir::new().unwrap();
    let mut log = log(&folder, 0, 1);
    append(&mut log, "a\n");
    let (path, old) = (folder.path().join("a.jsonl"), folder.path().join("old"));
    fs::rename(&path, old).unwrap();
    append(&mut log, "b\n");
    log.reopen().unwrap();
    append(&mut log, "c\n");
    expect(&folder, &[("a.jsonl", "c\n"), ("old", "a\nb\n")]);
}

#[test]
fn a_file_that_was_deleted_is_made_again() {
    let folder = TempDir::new().unwrap();
    let mut log = log(&folder, 0, 1);
    append(&mut log, "a\n");
    fs::remove_file(folder.path().join("a.jsonl")).unwrap();
    append(&mut log, "b\n");
    expect(&folder, &[("a.jsonl", "b\n")]);
}

#[test]
fn where_rotation_fails_the_file_grows() {
    let folder = TempDir::new().unwrap();
    let mut log = log(&folder, 4, 1);
    fs::create_dir(folder.path().join("a.jsonl.1")).unwrap();
    append(&mut log, "a\nb\nc\nd\n");
    let text = fs::read_to_string(folder.path().join("a.jsonl")).unwrap();
    assert_eq!(text, "a\nb\nc\nd\n");
}

#[test]
fn only_its_owner_may_read_it_and_an_existing_one_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.jsonl");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    log(&folder, 0, 1);
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    log(&folder, 0, 1);
    assert_eq!(mode(), 0o640);
}
