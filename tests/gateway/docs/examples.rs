//! Every example is served by the real binary, and each of its servers comes up.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::Stdio,
};

use serde_json::Value;

use super::{markdown::here, snippets::certificates, walk::World};
use crate::{
    pipe::{program, soon},
    support::Running,
};

/// The examples that are served: the folders with a `servers.toml`.
fn examples() -> Vec<String> {
    let entries = fs::read_dir(here("examples")).unwrap();
    let folders = entries.map(|entry| entry.unwrap().path());
    let served = folders.filter(|folder| folder.join("servers.toml").exists());
    let names = served.map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The examples' own server, which goes when this does.
struct Oilfield(std::process::Child, String);

impl Oilfield {
    fn start() -> Self {
        let mut command = std::process::Command::new("python3");
        command.arg(here("examples/librechat/oilfield.py")).arg("0");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut url).unwrap();
        Self(child, url.trim().to_owned())
    }
}

impl Drop for Oilfield {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The file, with what is elsewhere in the world replaced by a server of ours.
fn within_reach(text: &str, server: &Oilfield) -> String {
    let url = |line: &str| match line.starts_with("url = ") {
        true => format!("url = \"{}\"", server.1),
        false => line.to_owned(),
    };
    text.lines().map(|line| url(line) + "\n").collect()
}

/// The folder of a copy of an example, in a world where its programs are.
fn copy(world: &World, name: &str, server: &Oilfield) -> PathBuf {
    let folder = world.path(&format!("checkout/examples/{name}"));
    let file = folder.join("servers.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, within_reach(&text, server)).unwrap();
    if text.contains("[gateway.tls]") {
        certificates(&folder);
    }
    folder
}

#[tokio::test]
async fn every_example_is_served_with_all_its_servers() {
    let examples = examples();
    assert!(examples.len() >= 4, "{examples:?}");
    for name in examples {
        let (world, server) = (World::new(), Oilfield::start());
        let folder = copy(&world, &name, &server);
        let path = std::env::var("PATH").unwrap();
        let settle = |command: &mut tokio::process::Command| {
            command
                .env("PATH", format!("{}:{path}", world.path("bin").display()))
                .env("HOME", world.path("home"))
                .env("XDG_RUNTIME_DIR", world.path("run"))
                .env("TOKEN", "a token");
        };

        let mut serve = program(&folder);
        settle(serve.args(["serve", "--listen", "127.0.0.1:0"]));
        let mut running = Running::of(serve).await;
        running.says("tools,").await;
        let mut asked = program(&folder);
        settle(asked.args(["servers", "--json"]));
        let output = soon("servers", asked.output()).await.unwrap();

        let page: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{name}: {error}: {output:?}");
        });
        let servers = page["servers"].as_object().unwrap();
        assert!(!servers.is_empty(), "{name}: {page}");
        for (server, state) in servers {
            let well = matches!(state["state"].as_str(), Some("up" | "idle"));
            assert!(well, "{name}: {server}: {page}: {}", running.said());
        }
        running.signal("TERM").await;
        let ended = soon("the end", running.process.wait()).await.unwrap();
        assert!(ended.success(), "{name}: {}", running.said());
    }
}
