//! Servers are launched through the program itself, which sets their processes up.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use serde_json::json;

use crate::{
    pipe::{Gate, alive, fake, gone, program, run, server, signal, soon, table},
    stdio_start::Barrier,
    support::{Gateway, Running, folder},
};

#[tokio::test]
async fn servers_end_with_the_gateway_though_it_is_killed_and_they_do_not_listen() {
    for words in [
        &["serve"] as &[_],
        &["stdio"],
        &["check"],
        &["list"],
        &["call", "s__pid"],
    ] {
        let barrier = Barrier::new();
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[gateway]\nlisten = '127.0.0.1:0'\n{}",
            barrier.server("s", &[])
        );
        fs::write(folder.path().join("servers.toml"), text).unwrap();
        let mut mcpgate = program(folder.path());
        mcpgate.stdin(std::process::Stdio::piped());
        let mut mcpgate = mcpgate.args(words).spawn().unwrap();
        // It reads nothing but this, so that the end of its stdin would not tell it.
        let (waits, pid) = barrier.arrived().await;

        signal("KILL", mcpgate.id().unwrap()).await;

        gone(pid).await;
        drop(waits);
        soon("the program", mcpgate.wait()).await.unwrap();
    }
}

/// The guard that a gateway has launched.
fn guard_of(gateway: u32) -> Option<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut guards = pids.filter(|pid| {
        let read = |file| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let of_gateway = format!("\nPPid:\t{gateway}\n");
        read("cmdline").ends_with("\0guard\0") && read("status").contains(&of_gateway)
    });
    guards.next()
}

/// A server that has launched two others, which do not read: one that listens to SIGTERM and one
/// that does not. Their numbers are in the files `soft` and `hard`, what the one is told in `told`.
fn family(folder: &Path) -> String {
    let script = r#"
        (trap 'echo told > told; exit' TERM; echo started > soft; while :; do sleep 0.01; done) 2>/dev/null &
        soft=$!
        (trap '' TERM; while :; do sleep 0.01; done) 2>/dev/null &
        echo $! > hard
        while ! [ -s soft ]; do sleep 0.01; done
        echo $soft > soft
        exec "$0" --name kid"#;
    let args = ["-c", script, &fake().display().to_string()].map(str::to_owned);
    let launch = table("kid", Path::new("sh"), &args);
    format!(
        "{launch}cwd = '{}'\nstop_timeout = '100ms'\n",
        folder.display()
    )
}

/// Trap: Children and grandchildren left behind.
#[tokio::test]
async fn what_servers_have_launched_ends_with_a_gateway_that_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let folder = folder(&family(home.path()), &[]);
    let mut running = Running::start(folder.path()).await;
    running.says("server is up").await;
    let pid = |file| -> u32 {
        let text = fs::read_to_string(home.path().join(file)).unwrap();
        text.trim().parse().unwrap()
    };
    let (soft, hard) = (pid("soft"), pid("hard"));
    let guard = guard_of(running.process.id().unwrap()).unwrap();

    running.process.kill().await.unwrap();

    for pid in [soft, hard, guard] {
        gone(pid).await;
    }
    let told = fs::read_to_string(home.path().join("told")).unwrap();
    assert_eq!(told, "told\n");
}

#[tokio::test]
async fn the_guard_of_processes_ends_with_a_gateway_that_stops_and_hears_no_signals_before() {
    let folder = folder(&server("s", &[]), &[]);
    let mut running = Running::start(folder.path()).await;
    running.says("server is up").await;
    let guard = guard_of(running.process.id().unwrap()).unwrap();
    for name in ["TERM", "INT", "HUP"] {
        signal(name, guard).await;
    }
    assert!(alive(guard));

    assert!(running.stop().await.success());

    gone(guard).await;
}

#[tokio::test]
async fn nobody_is_launched_whose_gateway_is_gone_already() {
    let folder = tempfile::tempdir().unwrap();
    // The first process there is: not the parent of this one.
    let words = ["launch", r#"{"parent":1}"#, "--", "sleep", "3600"];

    let launched = program(folder.path()).args(words).output();

    let output = soon("the launcher", launched).await.unwrap();
    assert_eq!(output.status.code(), Some(121));
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(words, "mcpgate launch: the gateway is gone\n");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_told_of_as_if_it_were_launched_directly() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "no program").unwrap();
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o600)).unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    let servers = [
        table("file", "/no/such/program".as_ref(), &[]),
        table("script", &script, &[]),
        format!(
            "{}cwd = '/'\n",
            table("none", "no-such-program".as_ref(), &[])
        ),
        format!("{}cwd = '/'\n", table("plain", &plain, &[])),
        format!("{}cwd = '/no/such/folder'\n", server("nowhere", &[])),
    ];
    let through = Gate::start(&servers.concat()).await;
    let direct = Gateway::start(&servers.concat()).await;
    direct.settled().await;

    for (server, words) in [
        (
            "none",
            "no folder of PATH has `no-such-program`: install it, or give its whole path (`command`)",
        ),
        (
            "plain",
            "plain` may not be executed: no program, or not for this user (`command`)",
        ),
        ("nowhere", "there is no folder /no/such/folder (`cwd`)"),
        ("file", "there is no `/no/such/program` (`command`)"),
        (
            "script",
            "script` is to be run by is not there: see its first line (`command`)",
        ),
    ] {
        let error = through.state_of(server).error.unwrap();
        assert!(error.starts_with("it cannot be started: "), "{error}");
        assert!(error.ends_with(words), "{error}");
        assert_eq!(direct.state(server).error, Some(error));
    }
    direct.stop().await;
    through.stop().await;
}

#[tokio::test]
async fn that_a_program_is_missing_is_logged_once() {
    let folder = folder("[servers.none]\ncommand = 'no-such-program'\n", &[]);
    let mut running = Running::start(folder.path()).await;

    running.says("server is down").await;
    assert!(running.process.id().is_some());
    running.signal("TERM").await;
    running.ended().await;

    let said = running.said();
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains("serves"))
        .collect();
    let told = lines.iter().filter(|line| line.contains("server=none"));
    assert_eq!(told.count(), 1, "{said}");
    assert!(!said.contains("mcpgate launch"), "{said}");
}

#[tokio::test]
async fn a_server_that_ends_like_a_launcher_is_not_taken_for_one() {
    let gate = Gate::start(&server("s", &[])).await;
    let mut client = gate.client().await;

    let answer = client
        .call("s__die", json!({"status": 121, "stderr": ["words"]}))
        .await;

    let message = &answer["error"]["message"];
    assert_eq!(
        *message,
        "server `s` stopped during the call: exit status: 121"
    );
    gate.stop().await;
}

#[tokio::test]
async fn the_help_does_not_speak_of_it() {
    let help = run("", &["--help"]).await;

    assert!(!String::from_utf8(help.stdout).unwrap().contains("launch "));
}
