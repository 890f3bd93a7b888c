//! What the fuzzer has found worth keeping, tried each time: `tests/fuzz`.

#[path = "../fuzz/oracles/config.rs"]
mod config;
#[path = "../fuzz/oracles/events.rs"]
mod events;
#[path = "../fuzz/oracles/frame.rs"]
mod frame;
#[path = "../fuzz/oracles/http/mod.rs"]
mod http;

use std::{fs, path::Path};

fn each(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut files = 0;
    for entry in fs::read_dir(folder.join(target)).unwrap() {
        let path = entry.unwrap().path();
        eprintln!("{}", path.display());
        check(&fs::read(path).unwrap());
        files += 1;
    }
    assert!(files > 0);
}

#[test]
fn a_message_is_what_json_says_it_is_however_it_is_written() {
    each("frame", frame::check);
}

#[test]
fn a_stream_holds_the_same_events_wherever_it_is_cut() {
    each("events", events::check);
}

#[test]
fn every_request_over_http_is_answered_and_strangers_are_told_nothing() {
    each("http", http::check);
}

#[test]
fn every_mistake_in_the_config_has_a_place() {
    each("config", config::check);
}
