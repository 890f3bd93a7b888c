//! What systemd tells the program, and is told.

use std::{iter, os::fd::OwnedFd, path::Path, process::Stdio};

use http::StatusCode;
use tokio::{net::UnixDatagram, process::Command};

use crate::{
    pipe::{program, soon},
    reload_watch::replace,
    support::{Answer, Client, Gate, HttpServer, Reserved, Running, folder, within},
};

/// The program with the listener as its third file, as systemd hands it over.
fn activated(folder: &Path, sockets: &[&std::net::TcpListener]) -> Command {
    let plain = program(folder);
    let mut shell = Command::new("sh");
    for (name, value) in plain.as_std().get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    // Its own number stays the same over `exec`.
    let words = match sockets.len() {
        1 => "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" serve 3<&0 </dev/null",
        _ => "LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" serve 3<&0 4<&0 </dev/null",
    };
    let socket = OwnedFd::from(sockets[0].try_clone().unwrap());
    shell
        .current_dir(folder)
        .args(["-c", words])
        .arg(plain.as_std().get_program())
        .stdin(Stdio::from(socket))
        .kill_on_drop(true);
    shell
}

#[tokio::test]
async fn a_socket_that_is_handed_over_is_served_and_outlives_the_process() {
    let folder = folder("", &[]);
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());

    let before = Running::of(activated(folder.path(), &[&socket])).await;
    assert_eq!(before.url, url);
    let client = before.client().open().await;
    assert!(before.stop().await.success());

    // Nobody is there; the request waits, and is not refused.
    let waiting = Client::new(url).with("mcp-session-id", client.session());
    let waiting = tokio::spawn(async move { waiting.request("ping", "{}").await });
    let after = Running::of(activated(folder.path(), &[&socket])).await;
    let answered = within("the answer", waiting).await.unwrap();
    assert_eq!(answered.status, StatusCode::OK);
    assert!(after.stop().await.success());
}

#[tokio::test]
async fn several_sockets_are_refused_with_words() {
    let folder = folder("", &[]);
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();

    let mut command = activated(folder.path(), &[&socket, &socket]);
    let output = soon("the refusal", command.output()).await.unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("LISTEN_FDS hands over several"), "{said}");
}

#[tokio::test]
async fn a_socket_that_strangers_reach_is_not_served_without_keys() {
    let folder = folder("", &[]);
    let socket = std::net::TcpListener::bind("0.0.0.0:0").unwrap();

    let mut command = activated(folder.path(), &[&socket]);
    let output = soon("the refusal", command.output()).await.unwrap();

    assert_eq!(output.status.code(), Some(2));
}

/// What systemd hears next.
async fn any(socket: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = within("a notification", socket.recv(&mut message)).await;
    String::from_utf8(message[..length.unwrap()].to_vec()).unwrap()
}

/// What it hears next that is not for people.
async fn heard(socket: &UnixDatagram) -> String {
    loop {
        let heard = any(socket).await;
        if !heard.starts_with("STATUS=") {
            return heard;
        }
    }
}

/// What it has heard by now and nobody has looked at.
fn rest(socket: &UnixDatagram) -> String {
    let mut message = [0; 4096];
    let lengths = iter::from_fn(|| {
        let length = socket.try_recv(&mut message).ok()?;
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    });
    lengths.collect()
}

#[tokio::test]
async fn systemctl_status_shows_how_many_servers_are_up_and_what_the_stop_waits_for() {
    let (up, later) = (HttpServer::with_tools(&["slow"]).await, Reserved::new());
    let gate = Gate::default();
    let held = gate.clone();
    up.on("tools/call", move |heard| {
        Answer::result(heard, "{}").held(&held)
    });
    let folder = folder(&(up.table("up") + &later.table("later")), &[]);
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let mut command = program(folder.path());
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("NOTIFY_SOCKET", &path);
    let shows = async |line: String| {
        let line = format!("STATUS={line}\n");
        while any(&socket).await != line {}
    };

    let mut running = Running::of(command).await;
    let address = running.url.trim_start_matches("http://").to_owned();
    shows(format!("Serving on {address}; 1 of 2 servers up")).await;
    let _later = later.serve();
    shows(format!("Serving on {address}; 2 of 2 servers up")).await;
    let client = running.client().open().await;
    let called = tokio::spawn(async move { client.call("up__slow", "{}").await });
    up.hears("tools/call").await;
    running.signal("TERM").await;
    shows("Draining: 1 call under way".to_owned()).await;

    gate.open();
    assert_eq!(called.await.unwrap().status, StatusCode::OK);
    assert!(running.ended().await.success());
}

#[tokio::test]
async fn systemd_is_told_of_start_reload_life_and_end_in_this_order() {
    let folder = folder("", &[]);
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    let start = |variables: &[(&str, &str)]| {
        let mut command = program(folder.path());
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("NOTIFY_SOCKET", &path)
            .envs(variables.iter().copied());
        Running::of(command)
    };

    let running = start(&[]).await;
    assert_eq!(heard(&socket).await, "READY=1\n");
    running.client().open().await;
    for by_signal in [true, false] {
        match by_signal {
            true => running.signal("HUP").await,
            false => replace(
                &folder.path().join("servers.toml"),
                "[gateway]\nname_budget = 60\n",
            ),
        }
        let reloading = heard(&socket).await;
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        assert!(time.unwrap().trim().parse::<u64>().unwrap() > 0);
        assert_eq!(heard(&socket).await, "READY=1\n");
    }
    assert!(running.stop().await.success());
    assert_eq!(heard(&socket).await, "STOPPING=1\n");
    let rest = rest(&socket);
    assert!(!rest.contains("WATCHDOG"), "there is none: {rest}");

    let mut running = start(&[("WATCHDOG_USEC", "20000")]).await;
    let mut all = Vec::new();
    while all.iter().filter(|said| *said == "WATCHDOG=1\n").count() < 3 {
        all.push(heard(&socket).await);
    }
    assert_eq!(all.iter().filter(|said| *said == "READY=1\n").count(), 1);
    running.signal("TERM").await;
    while heard(&socket).await != "STOPPING=1\n" {}
    assert!(running.ended().await.success());
}
