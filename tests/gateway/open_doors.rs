//! Settings that are right one by one and together let in everybody are told of, once, with what
//! ends it; what is meant to be open is not.

use std::{fs, path::Path};

use mcpgate::config::{self, Config, Environment, Paths};

use crate::{
    cli::{EXAMPLE, seen},
    pipe::{program, soon},
    support::{Running, key},
};

const PROXY: &str = "trusted_proxies = ['127.0.0.1']";
const ROLE: &str = "[roles.all]\nallow = ['*']";

fn loaded(folder: &Path) -> Config {
    let environment = Environment {
        variable: &|_| None,
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(folder.join("servers.toml")), None).unwrap();
    config::load_with(&paths, &environment).unwrap()
}

/// A folder with this `[gateway]` and these policies.
fn folder(gateway: &str, policies: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let servers = format!("[gateway]\n{gateway}\n\n{EXAMPLE}");
    fs::write(folder.path().join("servers.toml"), servers).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/p.toml"), policies).unwrap();
    folder
}

/// What is said of them, without the folder.
fn said(gateway: &str, policies: &str) -> String {
    let folder = folder(gateway, policies);
    let place = format!("{}/", folder.path().display());
    let words = loaded(folder.path()).open_doors();
    words.join("\n").replace(&place, "")
}

/// A key, and what makes this peer believed.
fn trusting(words: &str) -> String {
    format!(
        "{ROLE}\n{}\n[trusted_headers]\n{words}",
        key("chat", "role = 'all'")
    )
}

/// One line says it of these files: where, what can happen, and what ends it.
fn tells((gateway, policies): (&str, &str), place: &str, [what, end]: [&str; 2]) {
    let said = said(gateway, policies);
    assert_eq!(said.lines().count(), 1, "{gateway} {policies}: {said}");
    for words in [what, end] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(said.starts_with(place), "{place}: {said}");
}

#[test]
fn a_door_of_the_gateway_that_stands_open_is_named_with_its_place_and_what_ends_it() {
    let keyed = format!("{ROLE}\n{}", key("sam", "role = 'all'"));
    let all = [
        "everybody who reaches the proxy may call everything",
        "mcpgate hash-key",
    ];
    let place = "servers.toml:2:1: `trusted_proxies` in [gateway]: ";
    tells((PROXY, ""), place, all);
    let remote = "trusted_proxies = ['10.0.0.0/8']";
    tells(
        (remote, ""),
        place,
        [all[0], "allow_unauthenticated = true"],
    );
    let everywhere = "trusted_proxies = ['0.0.0.0/0']";
    let words = ["says for which address they ask", "list the proxies alone"];
    tells((everywhere, &keyed), place, words);
    let place = "servers.toml:2:1: `cors_origins` in [gateway]: ";
    let words = ["every web page", "mcpgate hash-key"];
    tells(("cors_origins = ['*']", ""), place, words);
    let place = "servers.toml:2:1: `metrics_from` in [gateway]: ";
    let words = ["names of servers and tools", "show a key"];
    tells(("metrics_from = ['::/0']", &keyed), place, words);
}

#[test]
fn headers_that_are_believed_from_many_places_without_a_key_are_told_of() {
    let place = "policies/p.toml:8:1: `from` in [trusted_headers]: ";
    for (from, who) in [
        ("'127.0.0.1'", "whoever reaches a proxy that runs on it"),
        ("'192.168.1.9', '::1'", "every program on this machine"),
        ("'192.168.1.0/24'", "everybody in that network"),
        ("'0.0.0.0/0'", "everybody in that network"),
    ] {
        let policies = trusting(&format!("from = [{from}]"));
        tells(
            ("", &policies),
            place,
            [who, "name the peer's key in `keys`"],
        );
    }
}

#[test]
fn what_asks_who_somebody_is_or_is_said_to_be_meant_is_silent() {
    let named = key("sam", "");
    let guest = format!("{ROLE}\n[anonymous]\nrole = 'all'");
    let meant = format!("{PROXY}\nallow_unauthenticated = true");
    for (gateway, policies) in [
        ("", ""),
        (PROXY, named.as_str()),
        // Nobody comes in at all.
        (PROXY, ROLE),
        (PROXY, &guest),
        (&meant, ""),
        ("", &trusting("from = ['192.168.1.10']")),
        (
            "",
            &trusting("from = ['127.0.0.1', '192.168.1.0/24']\nkeys = ['chat']"),
        ),
        ("", &trusting("keys = ['chat']")),
        ("cors_origins = ['*']", &named),
        ("cors_origins = ['https://chat.lan']", ""),
        ("metrics_from = ['10.0.0.0/8', 'fc00::/7']", &named),
        ("metrics_from = ['0.0.0.0/0']", ""),
    ] {
        let said = said(gateway, policies);
        assert_eq!(said, "", "{gateway} {policies}");
    }
}

#[tokio::test]
async fn serve_says_it_once_and_check_says_it_without_calling_it_a_problem() {
    let folder = folder(&format!("listen = '127.0.0.1:0'\n{PROXY}"), "");
    let words = "servers.toml:3:1: `trusted_proxies` in [gateway]: everybody who reaches";

    let mut command = program(folder.path());
    let output = soon("check", command.arg("check").output()).await.unwrap();
    let (code, out, _) = seen(&output);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains(&format!("warning: {words}")), "{out}");

    let mut running = Running::start(folder.path()).await;
    running.says("tools,").await;
    // A file that is saved again, with a line more above it, is no news.
    let file = folder.path().join("servers.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        format!("# A word.\n{text}[servers.another]\ncommand = 'mcpgate'\nargs = ['example']\n"),
    )
    .unwrap();
    running.says("server=another").await;
    let said = running.said();
    assert_eq!(said.matches(words).count(), 1, "{said}");
    assert!(!said.contains("servers.toml:4:1"), "{said}");
    running.stop().await;
}

#[tokio::test]
async fn a_reload_that_opens_a_door_says_so() {
    let folder = folder("listen = '127.0.0.1:0'", "");
    let mut running = Running::start(folder.path()).await;
    running.says("tools,").await;

    let file = folder.path().join("servers.toml");
    let text = fs::read_to_string(&file).unwrap();
    let open = text.replacen("[gateway]", &format!("[gateway]\n{PROXY}"), 1);
    fs::write(&file, open).unwrap();

    running
        .says("servers.toml:2:1: `trusted_proxies` in [gateway]")
        .await;
    running.stop().await;
}
