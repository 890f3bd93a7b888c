//! The command line, as a person types it: what is printed where, and the exit code.

use std::process::{Output, Stdio};

use serde_json::{Value, json};

use crate::pipe::{program, run, server, soon, table};

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Exit code, stdout, stderr.
pub(crate) fn seen(output: &Output) -> (Option<i32>, String, String) {
    (output.status.code(), stdout(output), stderr(output))
}

pub(crate) const EXAMPLE: &str = "[servers.example]\ncommand = 'mcpgate'\nargs = ['example']\n";

#[tokio::test]
async fn check_prints_what_is_there_and_exits_with_0() {
    let config = [server("s", &[]), server("other", &[])].concat();

    let output = run(&config, &["check"]).await;

    insta::assert_snapshot!(stdout(&output), @r"
    SERVER  TRANSPORT  STATE  REVISION    TOOLS  RESOURCES  TEMPLATES  PROMPTS
    s       stdio      up     2025-06-18  12     1          1          1
    other   stdio      up     2025-06-18  12     1          1          1
    ");
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(0), String::new())
    );
}

#[tokio::test]
async fn check_names_what_is_broken_and_exits_with_1() {
    let config = [
        table("none", "/no/such/program".as_ref(), &[]),
        format!(
            "{}connect_timeout = '300ms'\n",
            server("mute", &["--mute", "initialize"])
        ),
        table(
            "loud",
            "sh".as_ref(),
            &["-c".into(), "echo no such module >&2; exit 7".into()],
        ),
        server("s", &[]),
    ];

    let output = run(&config.concat(), &["check"]).await;

    insta::assert_snapshot!(stdout(&output), @r"
    SERVER  TRANSPORT  STATE  REVISION    TOOLS  RESOURCES  TEMPLATES  PROMPTS
    none    stdio      down   -           -      -          -          -
    mute    stdio      down   -           -      -          -          -
    loud    stdio      down   -           -      -          -          -
    s       stdio      up     2025-06-18  12     1          1          1
    problem: server `none`: it cannot be started: there is no `/no/such/program` (`command`)
    problem: server `mute`: it did not come up within 300ms ([servers.mute] connect_timeout)
    problem: server `loud`: it stopped: exit status: 7, after saying `no such module`
    ");
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn check_warns_of_a_name_that_two_servers_have() {
    let bare = |name| format!("{}prefix = ''\n", server(name, &[]));

    let output = run(&[bare("a"), bare("b")].concat(), &["check"]).await;

    let text = stdout(&output);
    assert!(
        text.contains("`pid` of server `b` is hidden: `a` already has `pid`"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn a_broken_config_exits_with_2_and_one_line_that_names_the_place() {
    for command in ["check", "list", "serve", "stdio"] {
        let output = run("[servers.a]\ncomand = 'x'\n", &[command]).await;

        let (code, out, err) = seen(&output);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{command}");
        assert!(
            err.starts_with("mcpgate: ") && err.contains("servers.toml:2"),
            "{err}"
        );
        assert!(err.contains("`command`"), "{err}");
    }
}

#[tokio::test]
async fn list_prints_names_as_clients_see_them() {
    let tools =
        json!([{"name": "t", "description": "Does.\nMore.", "inputSchema": {"type": "object"}}]);
    let config = server("s", &["--tools", &tools.to_string()]);

    let tools = stdout(&run(&config, &["list"]).await);
    // As wide as the longest name, and no wider.
    let longest = tools.lines().filter_map(|line| line.split("  ").next());
    let longest = longest.map(|name| name.trim_end().len()).max().unwrap();
    let line = format!("{:<longest$}  Does.", "s__t");
    assert!(tools.lines().any(|shown| shown == line), "{tools}");
    assert_eq!(tools.lines().count(), 13);
    assert_eq!(
        stdout(&run(&config, &["list", "prompts"]).await),
        "s__greet\n"
    );
    assert_eq!(
        stdout(&run(&config, &["list", "resources"]).await),
        "s://one\ns://{id}/data\n"
    );
    let json: Value =
        serde_json::from_str(&stdout(&run(&config, &["list", "--json"]).await)).unwrap();
    assert_eq!(json["tools"][12]["name"], "s__t");
}

#[tokio::test]
async fn list_shows_the_rest_when_a_server_is_missing_and_exits_with_1() {
    let config = [
        table("none", "/no/such/program".as_ref(), &[]),
        server("s", &[]),
    ]
    .concat();

    let (code, out, err) = seen(&run(&config, &["list"]).await);

    assert!(out.contains("s__pid"));
    assert!(err.starts_with("server `none` is missing: "), "{err}");
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn call_takes_pairs_or_json_and_prints_text_or_json() {
    for words in [vec!["a=2", "b=3"], vec![r#"{"a": 2, "b": 3}"#]] {
        let words = [vec!["call", "example__add"], words].concat();
        let (code, out, err) = seen(&run(EXAMPLE, &words).await);
        assert_eq!(
            (code, out.as_str(), err.as_str()),
            (Some(0), "{\"sum\":5}\n", "")
        );
    }
    let output = run(
        EXAMPLE,
        &["call", "example__echo", "message=a b = c", "--json"],
    )
    .await;
    let result: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(result["content"][0]["text"], "a b = c");
}

#[tokio::test]
async fn call_tells_a_failed_call_by_its_exit_code() {
    let failed = run(EXAMPLE, &["call", "example__wait", "seconds=-1"]).await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(stdout(&failed).starts_with("`seconds` must be"));

    let unknown = seen(&run(EXAMPLE, &["call", "example__no_such"]).await);
    let words = "mcpgate: unknown tool `example__no_such` (-32602)\n";
    assert_eq!(unknown, (Some(1), String::new(), words.to_owned()));

    for words in [vec!["a"], vec!["{"], vec!["{}", "a=1"]] {
        let words = [vec!["call", "example__add"], words].concat();
        let (code, out, err) = seen(&run(EXAMPLE, &words).await);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    }
}

#[tokio::test]
async fn help_and_version_are_told_without_a_config() {
    let help = run("", &["--help"]).await;
    assert_eq!(help.status.code(), Some(0));
    for command in [
        "serve", "stdio", "check", "explain", "list", "call", "hash-key", "example",
    ] {
        assert!(
            stdout(&help).contains(&format!("\n  {command} ")),
            "{command}"
        );
        let help = run("", &[command, "--help"]).await;
        assert_eq!(help.status.code(), Some(0), "{command}");
    }
    assert!(stdout(&help).contains("Exit codes"));
    let version = stdout(&run("", &["--version"]).await);
    assert_eq!(version, format!("mcpgate {}\n", env!("CARGO_PKG_VERSION")));
    for words in [
        vec!["no-such"],
        vec!["list", "tols"],
        vec!["check", "--no-such"],
        vec![],
    ] {
        assert_eq!(run("", &words).await.status.code(), Some(2), "{words:?}");
    }
}

#[tokio::test]
async fn output_that_nobody_reads_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("servers.toml"), EXAMPLE).unwrap();
    for words in [
        vec!["list"],
        vec!["check"],
        vec!["hash-key"],
        vec!["--help"],
        vec!["--version"],
    ] {
        let mut command = program(folder.path());
        let mut child = command
            .args(&words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());

        let output = soon("the program", child.wait_with_output()).await.unwrap();

        // The key of `hash-key` is no part of its table.
        let said = stderr(&output);
        let fits = said.is_empty() || (words == ["hash-key"] && said.starts_with("# The key"));
        assert!(fits, "{words:?}: {said}");
        assert_eq!(output.status.code(), Some(0), "{words:?}");
    }
}
