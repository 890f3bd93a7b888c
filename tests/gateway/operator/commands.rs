//! The commands, as an operator types them.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{Running, folder, socket, told};
use crate::{
    cli::stdout,
    pipe::{fake, gone, program, run, server, soon, table},
};

#[tokio::test]
async fn servers_are_shown_as_a_table_and_as_json() {
    let broken = table("none", &fake(), &["--wrong".into(), "x".into()]);
    let folder = folder(&[server("s", &[]), broken].concat());
    let _running = Running::start(&folder).await;

    let (code, text, _) = told(&folder, &["servers", "--json"]).await;
    let page: Value = serde_json::from_str(&text).unwrap();
    let (up, down) = (&page["servers"]["s"], &page["servers"]["none"]);
    assert_eq!(code, Some(0));
    assert_eq!((&up["state"], &up["tools"]), (&json!("up"), &json!(12)));
    let flags = (&up["disabled"], &up["required"]);
    assert_eq!(flags, (&json!(false), &json!(false)));
    assert_eq!(
        (&down["state"], &down["tools"]),
        (&json!("down"), &Value::Null)
    );

    let (code, text, _) = told(&folder, &["servers"]).await;
    assert_eq!(code, Some(0));
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|row| {
            let cells = row.split("  ").map(str::trim);
            cells.filter(|cell| !cell.is_empty()).collect()
        })
        .collect();
    let head = "NAME STATE SINCE TRANSPORT REVISION VERSION TOOLS RESTARTS LAST ERROR";
    assert_eq!(rows[0].join(" "), head);
    assert!(rows[1][2].parse::<jiff::Timestamp>().is_ok(), "{text}");
    assert_eq!(rows[1][..2], ["s", "up"]);
    assert_eq!(rows[1][3..], ["stdio", "2025-06-18", "s 0", "12", "0", "-"]);
    assert_eq!(rows[2][..2], ["none", "down"]);
    assert_eq!(rows[2][3..7], ["stdio", "-", "-", "-"]);
    let error = "it stopped: exit status: 64, after saying `unknown flag --wrong`";
    assert_eq!(rows[2][8], error);
}

#[tokio::test]
async fn each_copy_of_a_server_has_a_row_below_it() {
    let folder = folder(&(server("s", &[]) + "pool = 2\n"));
    let _running = Running::start(&folder).await;

    let (_, text, _) = told(&folder, &["servers"]).await;

    let names: Vec<&str> = text
        .lines()
        .map(|row| row.split("  ").next().unwrap_or_default())
        .collect();
    assert_eq!(names, ["NAME", "s", "- copy 1", "- copy 2"], "{text}");
}

#[tokio::test]
async fn restart_ends_the_process_and_the_tools_are_there_again_when_it_is_done() {
    let folder = folder(&server("s", &[]));
    let running = Running::start(&folder).await;
    let before = running.pid_of("s__pid").await;

    let done = told(&folder, &["restart", "s"]).await;

    let words = "server `s` is up\n".to_owned();
    assert_eq!(done, (Some(0), words, String::new()));
    gone(before).await;
    assert_ne!(running.pid_of("s__pid").await, before);
}

#[tokio::test]
async fn a_server_that_is_disabled_stays_so_until_it_is_enabled() {
    let folder = folder(&server("s", &[]));
    let running = Running::start(&folder).await;
    let before = running.pid_of("s__pid").await;

    let (code, out, _) = told(&folder, &["disable", "s"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(
        out,
        "server `s` is disabled, until `mcpgate enable s`, or until the gateway restarts\n"
    );
    gone(before).await;
    let list = ["list", "--url", &running.url];
    assert_eq!(stdout(&run("", &list).await), "");
    let (code, _, err) = told(&folder, &["restart", "s"]).await;
    let words = "mcpgate: server `s` is disabled: enable it instead\n";
    assert_eq!((code, err.as_str()), (Some(1), words));

    let (code, out, _) = told(&folder, &["enable", "s"]).await;
    assert_eq!((code, out.as_str()), (Some(0), "server `s` is up\n"));
    assert_ne!(running.pid_of("s__pid").await, before);
}

#[tokio::test]
async fn a_server_that_does_not_come_up_again_is_a_failure_with_the_reason() {
    let broken = table("none", &fake(), &["--wrong".into(), "x".into()]);
    let folder = folder(&broken);
    let _running = Running::start(&folder).await;

    let (code, out, err) = told(&folder, &["restart", "none"]).await;

    assert_eq!((code, out.as_str()), (Some(1), ""));
    let words = "mcpgate: server `none` is down: it stopped: exit status: 64, after saying";
    assert!(err.starts_with(words), "{err}");
}

#[tokio::test]
async fn logs_show_what_was_and_follow_what_comes() {
    let folder = folder(&server("s", &[]));
    let running = Running::start(&folder).await;

    let (code, out, _) = told(&folder, &["logs", "s"]).await;
    assert_eq!(code, Some(0));
    let up = "mcpgate: server is up: s 0, 2025-06-18, 12 tools\n";
    assert!(out.ends_with(up), "{out}");
    let mut follow = program(folder.path());
    follow
        .args(["logs", "s", "-f", "-n", "1"])
        .stdout(Stdio::piped());
    let mut follow = follow.spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut next = async || soon("a line", lines.next_line()).await.unwrap().unwrap();
    assert!(next().await.contains("server is up"), "the last there was");

    let die = r#"{"stderr":["last words"],"status":3}"#;
    run("", &["call", "--url", &running.url, "s__die", die]).await;
    assert!(next().await.ends_with("Z last words"));
    let down = "mcpgate: server is down: exit status: 3";
    assert!(next().await.ends_with(down));

    running.end().await;
    let status = soon("its end", follow.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0), "who follows sees the end as one");
}

#[tokio::test]
async fn what_cannot_be_done_is_said_with_the_exit_code_that_fits() {
    let folder = folder(&server("support", &[]));
    let (code, _, err) = told(&folder, &["servers"]).await;
    let path = socket(&folder);
    let words = format!(
        "mcpgate: no gateway answers at {}; is `mcpgate serve` running?\n",
        path.display()
    );
    assert_eq!((code, err), (Some(1), words));
    let _running = Running::start(&folder).await;
    let near = "there is no [servers.suport]; did you mean `support`?";
    for (words, code, said) in [
        (&["restart", "suport"][..], 1, near),
        (&["logs", "x"], 1, "there is no [servers.x]; known: support"),
        (&["disable", "a/b"], 2, "`a/b` is no name of a server"),
        (&["restart"], 2, "<NAME>"),
        (&["logs", "support", "-n", "x"], 2, "invalid value"),
        (&["--config", "no.toml", "servers"], 2, "no.toml"),
    ] {
        let (got, out, err) = told(&folder, words).await;
        assert_eq!((got, out.as_str()), (Some(code), ""), "{words:?}: {err}");
        assert!(err.contains(said), "{words:?}: {err}");
    }
}

#[tokio::test]
async fn reload_says_what_it_has_done_or_why_it_has_done_nothing() {
    let folder = folder(&server("s", &[]));
    let file = folder.path().join("servers.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    // Nobody else is to be quicker.
    let text = text.replace("[gateway]\n", "[gateway]\nwatch = false\n");
    std::fs::write(&file, &text).unwrap();
    let running = Running::start(&folder).await;
    let before = running.pid_of("s__pid").await;

    std::fs::write(
        &file,
        text.replace("[servers.s]", "[servers.s]\ncomand = 'x'"),
    )
    .unwrap();
    let (code, out, err) = told(&folder, &["reload"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        err.contains("servers.toml:") && err.contains("`command`"),
        "{err}"
    );

    std::fs::write(&file, format!("{text}{}", server("t", &[]))).unwrap();
    let (code, out, err) = told(&folder, &["reload"]).await;
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("added t"), "{out}");
    assert_eq!(running.pid_of("s__pid").await, before);

    // What an operator has taken down stays down, though its table changes.
    told(&folder, &["disable", "t"]).await;
    std::fs::write(&file, format!("{text}{}prefix = 'u'\n", server("t", &[]))).unwrap();
    told(&folder, &["reload"]).await;
    let (_, page, _) = told(&folder, &["servers", "--json"]).await;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["servers"]["t"]["disabled"], true);
}

#[tokio::test]
async fn health_exits_as_readyz_says() {
    let servers = format!("{}required = true\n", server("s", &["--mute", "x"]));
    let broken = table("t", &fake(), &["--wrong".into(), "x".into()]);
    let servers = format!("{servers}{broken}required = true\n");
    let folder = folder(&servers);
    let running = Running::start(&folder).await;
    let url = running.url.clone();
    let health = ["health", "--url", &url];

    let (code, out, err) = told(&folder, &health).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(err, "mcpgate: not ready\n");
    told(&folder, &["disable", "t"]).await;
    let ready = told(&folder, &health).await;
    assert_eq!(ready, (Some(0), "ready\n".to_owned(), String::new()));

    // What only the gateway has in its environment does not matter here.
    let file = folder.path().join("servers.toml");
    let listen = url.strip_prefix("http://").unwrap();
    let listen = listen.strip_suffix("/mcp").unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("127.0.0.1:0", listen) + "env = { A = '${NOT_SET}' }\n";
    std::fs::write(&file, text).unwrap();
    assert_eq!(told(&folder, &["health"]).await.0, Some(0));

    running.end().await;
    let (code, _, err) = told(&folder, &health).await;
    assert_eq!(code, Some(1));
    assert!(err.contains("no gateway answers at 127.0.0.1"), "{err}");
    let (code, _, err) = told(&folder, &["health", "--url", "ftp://x"]).await;
    assert_eq!(code, Some(2));
    assert!(err.contains("expected a URL"), "{err}");
}
