//! The log of `serve`, read by whoever is woken up by it: what has happened, to whom, what to do, and
//! nothing twice a second.

use std::net::TcpListener;

use tokio::time::Instant;

use crate::{
    cli::{EXAMPLE, seen},
    pipe::{program, server, soon},
    support::{HttpServer, Running, call, folder},
};

const HERE: &str = "[gateway]\nlisten = '127.0.0.1:0'\n";

/// How many lines of the log have these words.
fn lines(said: &str, words: &[&str]) -> usize {
    let has = |line: &&str| words.iter().all(|words| line.contains(words));
    said.lines().filter(has).count()
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_with_who_has_it_and_how_to_take_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = folder(EXAMPLE, &[]);
    let mut command = program(folder.path());

    let command = command.args(["serve", "--listen", &address]);
    let (code, _, err) = seen(&soon("the end", command.output()).await.unwrap());

    assert_eq!(code, Some(1), "{err}");
    let holder = format!("(pid {}) has it", std::process::id());
    let begins = format!("mcpgate: cannot listen on {address}: Address already in use");
    for words in [begins.as_str(), &holder, "--port", "`listen` in [gateway]"] {
        assert!(err.contains(words), "{words}: {err}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_come_up_is_told_of_once_and_again_when_it_lasts() {
    let wrong = format!("{HERE}[servers.wrong]\ncommand = 'no-such-program'\n");
    let folder = folder(&wrong, &[]);
    let mut running = Running::start(folder.path()).await;

    running
        .says("has failed 5 times in a row, next attempt in")
        .await;

    let said = running.said();
    assert_eq!(lines(&said, &["WARN", "server=wrong"]), 2, "{said}");
    assert_eq!(
        lines(&said, &["install it, or give its whole path"]),
        2,
        "{said}"
    );
    running.stop().await;
}

#[tokio::test]
async fn what_a_server_says_at_each_attempt_is_in_the_log_once() {
    let fails = "command = 'sh'\nargs = ['-c', 'echo no such module >&2; exit 7']\n";
    let folder = folder(&format!("{HERE}[servers.loud]\n{fails}"), &[]);
    let mut running = Running::start(folder.path()).await;

    running.says("has failed 5 times in a row").await;

    let said = running.said();
    assert_eq!(lines(&said, &["stderr: no such module"]), 1, "{said}");
    assert_eq!(
        lines(&said, &["after saying `no such module`"]),
        2,
        "{said}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_at_work_is_told_of_with_its_last_words_and_what_comes_next() {
    let dies = format!("{HERE}{}", server("s", &[]));
    let folder = folder(&dies, &[]);
    let mut running = Running::start(folder.path()).await;
    running.says("tools,").await;

    let client = running.client().open().await;
    let arguments = r#"{"status":3,"stderr":["out of memory"]}"#;
    client.post(call("7", "s__die", arguments)).await;

    running
        .says("server is down: exit status: 3, after saying `out of memory`; next attempt in")
        .await;
    running.stop().await;
}

#[tokio::test]
async fn refusals_of_a_kind_are_one_line_a_second_with_server_and_caller() {
    let server = HttpServer::with_tools(&["read"]).await;
    let folder = folder(
        &format!("{HERE}{}", server.table("files")),
        &[("sam", "a key that nobody has guessed")],
    );
    let mut running = Running::start(folder.path()).await;
    running.says("tools,").await;
    let sam = running
        .client()
        .with("x-api-key", "a key that nobody has guessed");
    let sam = sam.open().await;

    let begun = Instant::now();
    for _ in 0..50 {
        assert!(
            sam.post(call("7", "files__nothing", "{}"))
                .await
                .text()
                .contains("unknown tool")
        );
        running.client().post("{}").await;
    }
    let seconds = begun.elapsed().as_secs() as usize;

    let said = running.said();
    let refused = ["refused: unknown tool", "caller=\"key:sam\""];
    for words in [&refused[..], &["nobody known", "address=127.0.0.1", "401"]] {
        let count = lines(&said, words);
        assert!(
            (1..=seconds + 2).contains(&count),
            "{words:?}: {count} in {seconds} s: {said}"
        );
    }
    // One line for one refusal.
    assert_eq!(
        lines(&said, &["refused: no valid credentials"]),
        0,
        "{said}"
    );
    running.stop().await;
}

#[tokio::test]
async fn an_audit_log_without_room_is_told_with_its_file_and_what_becomes_of_records() {
    let config = format!("{HERE}[audit]\nfile = '/dev/full'\n{EXAMPLE}");
    let folder = folder(&config, &[]);
    let mut running = Running::start(folder.path()).await;
    running.says("tools,").await;

    running
        .client()
        .open()
        .await
        .post(call("7", "example__add", r#"{"a":1,"b":2}"#))
        .await;

    running
        .says("the audit log /dev/full cannot be written: No space left on device")
        .await;
    running.says("records are lost until it can be").await;
    running.stop().await;
}
