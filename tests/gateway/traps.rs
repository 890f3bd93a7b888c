//! What other gateways fell into: `docs/TRAPS.md` names each trap and its test, and each such test
//! names its trap.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use crate::{
    pipe::{self, program},
    support::{Answer, Gateway, HttpServer, Modern, Running, call, folder, key},
};

/// How a test says which trap it is about.
const MARK: &str = "/// Trap: ";

/// Each trap of the page, with the file and the name of each of its tests.
fn page() -> Vec<(String, Vec<(PathBuf, String)>)> {
    let page = fs::read_to_string(here("docs/TRAPS.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let rows = rows.skip(1).map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let [trap, _instead, tests] = cells[..] else {
            panic!("not three cells: {row}");
        };
        let tests = tests.split('`').skip(1).step_by(2).map(test).collect();
        (trap.trim_start_matches("| ").to_owned(), tests)
    });
    rows.collect()
}

/// `stdio_calls::a_rule`, or `src/some/file.rs::a_rule`.
fn test(path: &str) -> (PathBuf, String) {
    let (file, name) = path.split_once("::").unwrap();
    let file = match file.ends_with(".rs") {
        true => file.to_owned(),
        false => format!("tests/gateway/{file}.rs"),
    };
    (here(&file), name.to_owned())
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What stands right before a function: its attributes and its documentation.
fn before<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let at = lines.iter().position(|line| line.contains(&head));
    let at = at.unwrap_or_else(|| panic!("there is no test `{name}`"));
    let above = lines[..at].iter().rev();
    let above = above.take_while(|line| line.starts_with("#[") || line.starts_with("///"));
    above.copied().collect()
}

/// The traps that some source names.
fn marks(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            marks(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.lines().map(str::trim_start);
            let named = lines.filter_map(|line| line.strip_prefix(MARK)?.strip_suffix('.'));
            found.extend(named.map(str::to_owned));
        }
    }
}

#[test]
fn every_trap_of_the_page_has_a_test_that_names_it() {
    let page = page();
    assert!(page.len() >= 20);
    for (trap, tests) in page {
        assert!(!tests.is_empty(), "no test: {trap}");
        for (file, name) in tests {
            let text = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", file.display()));
            let above = before(&text, &name);
            let is_test =
                |line: &&&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            assert!(
                above.iter().any(|line| is_test(&line)),
                "`{name}` is no test"
            );
            let mark = format!("{MARK}{trap}.");
            assert!(
                above.contains(&mark.as_str()),
                "`{name}` does not say `{mark}`"
            );
        }
    }
}

#[test]
fn every_trap_that_a_test_names_stands_on_the_page() {
    let mut named = BTreeSet::new();
    marks(&here("tests"), &mut named);
    marks(&here("src"), &mut named);
    let known: BTreeSet<String> = page().into_iter().map(|(trap, _)| trap).collect();
    assert_eq!(named, known);
}

/// Trap: A private answer cached for everybody.
#[tokio::test]
async fn what_one_caller_is_told_is_kept_for_no_other() {
    let server = HttpServer::modern(&["open", "secret"]).await;
    server.offer("resources/list", &[r#"{"uri":"a://b","name":"b"}"#]);
    let times = AtomicUsize::new(0);
    server.on("resources/read", move |heard| {
        let time = times.fetch_add(1, Relaxed);
        let rest = r#""resultType":"complete","ttlMs":600000,"cacheScope":"private""#;
        Answer::result(heard, &format!(r#"{{"contents":[],"time":{time},{rest}}}"#))
    });
    let policy = [
        "[roles.few]\nallow = ['up/open', 'resource:*']\n[roles.all]\nallow = ['*']\n",
        &key("few", "role = 'few'"),
        &key("all", "role = 'all'"),
    ];
    let gateway = Gateway::with_policy(&server.table("up"), &policy.concat()).await;
    gateway.settled().await;
    let caller = |name| Modern::new(gateway.client()).holding(name);
    let (few, all) = (caller("few"), caller("all"));

    for (time, client) in [&few, &all, &few].into_iter().enumerate() {
        let read = client
            .ask("1", "resources/read", r#"{"uri":"a://b"}"#)
            .await;
        let result = &read.answer()["result"];
        assert_eq!(result["time"], time, "each is told anew");
        assert_eq!(
            result["cacheScope"], "private",
            "and nobody else is to keep it"
        );
    }
    for (client, tools) in [(&few, 1), (&all, 2)] {
        let list = client.ask("1", "tools/list", "{}").await;
        let result = &list.answer()["result"];
        assert_eq!(result["tools"].as_array().map(Vec::len), Some(tools));
        assert_eq!(result["cacheScope"], "private");
    }
}

/// Trap: Payloads in the logs.
#[tokio::test]
async fn no_level_of_the_log_shows_what_calls_and_answers_say() {
    const SECRET: &str = "hunter2-hunter2";
    let folder = folder(&pipe::server("kid", &[]), &[]);
    let mut command = program(folder.path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--log-level", "trace"]);
    let mut running = Running::of(command).await;
    running.says("tools,").await;
    let client = running.client().open().await;

    let arguments = format!(r#"{{"text":"{SECRET}"}}"#);
    let echoed = client.call("kid__echo", &arguments).await;
    assert!(echoed.text().contains(SECRET), "{}", echoed.text());
    for tool in ["kid__nothing", "kid__die"] {
        client.call(tool, &arguments).await;
    }
    let progress = format!(r#"{{"progressToken":1,"message":"{SECRET}"}}"#);
    for body in [
        call("1", "kid__echo", &format!("{arguments}{SECRET}")),
        format!(r#"{{"jsonrpc":"2.0","{SECRET}":1}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":9,"result":{arguments}}}"#),
        crate::support::notification("notifications/progress", &progress),
    ] {
        client.post(body).await;
    }
    running.signal("TERM").await;
    running.says("no longer listening").await;

    assert!(running.said().contains("DEBUG"), "{}", running.said());
    assert!(!running.said().contains(SECRET), "{}", running.said());
    running.ended().await;
}
