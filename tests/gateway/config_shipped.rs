//! Every file we ship loads, and shows every key there is.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use mcpgate::{
    config::{self, Config, Environment, Paths},
    forward::ServerConfig,
    gateway::{self, GatewayConfig},
    observe::trace::TracesConfig,
};

use crate::support::{Authority, Issued};

const POLICIES: [&str; 4] = [
    "policies/keys.toml",
    "policies/roles.toml",
    "policies/identity.toml",
    "policies/tests.toml",
];
const PUBLIC_KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/keys/rsa_public.pem");
const PROGRAM: &str = "/usr/bin/mcpgate";

/// Loads with every variable set.
fn loaded(config: &Path, policies: Option<PathBuf>) -> Result<Config, String> {
    let environment = Environment {
        variable: &|_| Some("long enough to sign with: 0123456789".to_owned()),
        program: Path::new(PROGRAM),
    };
    let paths = Paths::find(Some(config.to_path_buf()), policies).unwrap();
    config::load_with(&paths, &environment).map_err(|error| error.to_string())
}

/// The file, with every setting that is commented out switched on.
fn uncommented(file: &str) -> String {
    let lines = fs::read_to_string(file).unwrap();
    let setting = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        Some(_) | None => line.to_owned(),
    };
    lines.lines().map(|line| setting(line) + "\n").collect()
}

/// The tables and keys that a file shows: `gateway listen`, `servers url`.
fn shown(file: &str) -> BTreeSet<String> {
    let mut table = String::new();
    let mut shown = BTreeSet::new();
    for line in uncommented(file).lines() {
        if line.starts_with('[') {
            let header = line.trim_start_matches('[');
            table = match header {
                "gateway.tls]" => "gateway.tls".to_owned(),
                _ => header.split(['.', ']']).next().unwrap().to_owned(),
            };
            shown.insert(table.replacen('.', " ", 1));
            shown.insert(format!("{table} "));
        } else if let Some((key, _)) = line.split_once(" = ") {
            shown.insert(format!("{table} {key}"));
        }
    }
    shown.retain(|key| !key.contains('#'));
    shown
}

/// The keys that `table` knows, as its refusal of an unknown one lists them.
fn known(file: &str, table: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("servers.toml");
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(&config, "").unwrap();
    fs::write(folder.path().join(file), format!("{table}\nqqqq = 1")).unwrap();

    let message = loaded(&config, None).unwrap_err();
    let (_, keys) = message.split_once("known keys: ").expect(&message);
    keys.split(", ").map(str::to_owned).collect()
}

/// The shipped policies, with every setting switched on.
fn policies() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let company = folder.path().join("company.pem");
    fs::write(&company, Authority::new().pem()).unwrap();
    for file in POLICIES {
        let text = uncommented(file)
            .replace("/etc/mcpgate/partner.pem", PUBLIC_KEY)
            .replace("/etc/mcpgate/tls/company.pem", company.to_str().unwrap())
            .replace("${file:/run/secrets/jwt}", "${JWT}");
        let name = Path::new(file).file_name().unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// `servers.toml` with every setting switched on, and the files that it names.
fn servers() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new(), Authority::new());
    let Issued { cert, key } = servers.server();
    let mut text = uncommented("servers.toml");
    for (name, content) in [
        ("fullchain.pem", cert),
        ("key.pem", key),
        ("clients.pem", clients.pem()),
        ("company.pem", clients.pem()),
        ("revoked.pem", clients.takes_back(&["sam"])),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let shipped = format!("/etc/mcpgate/tls/{name}");
        assert!(text.contains(&shipped), "{shipped}");
        text = text.replace(&shipped, path.to_str().unwrap());
    }
    let file = folder.path().join("servers.toml");
    fs::write(&file, text).unwrap();
    (folder, file)
}

/// One of `files` shows each table and key that a file of their kind knows.
fn every_key_is_shown(files: &[&str]) {
    let shown: BTreeSet<String> = files.iter().flat_map(|file| shown(file)).collect();
    let file = files[0];
    for table in known(file, "") {
        assert!(shown.contains(&format!("{table} ")), "{file}: [{table}]");
        let header = match table.as_str() {
            "gateway" | "audit" | "metrics" | "traces" | "anonymous" | "trusted_headers" => {
                format!("[{table}]")
            }
            "tests" => format!("[[{table}]]"),
            _ => format!("[{table}.x]"),
        };
        for key in known(file, &header) {
            let line = format!("{table} {key}");
            assert!(shown.contains(&line), "{file}: [{table}] {key}");
        }
    }
}

#[test]
fn every_key_is_shown_in_the_shipped_files() {
    every_key_is_shown(&["servers.toml"]);
    let shown = shown("servers.toml");
    for key in known("servers.toml", "[gateway.tls]\ncert = ''\nkey = ''") {
        assert!(shown.contains(&format!("gateway.tls {key}")), "{key}");
    }
    every_key_is_shown(&POLICIES);
}

#[test]
fn the_shipped_file_launches_the_built_in_example() {
    let config = loaded(Path::new("servers.toml"), None).unwrap();

    let names: Vec<_> = config.servers.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["example"]);
    let example = &config.servers["example"];
    assert_eq!(example.command.as_ref().unwrap().as_str(), PROGRAM);
    assert_eq!(example.args[0].as_str(), "example");
}

#[test]
fn a_fresh_checkout_is_open_on_loopback_only() {
    let config = loaded(Path::new("servers.toml"), None).unwrap();

    assert!(config.policy.keys.is_empty());
    assert!(config.may_serve(config.gateway.listen).is_ok());
    assert!(config.may_serve("0.0.0.0:8765".parse().unwrap()).is_err());
}

#[test]
fn the_shipped_files_state_the_defaults() {
    let (_folder, file) = servers();

    let policies = policies();
    let config = loaded(&file, Some(policies.path().into())).unwrap();

    let gateway = GatewayConfig {
        stdio_role: None,
        public_url: None,
        control_socket: None,
        state_dir: None,
        max_connections_per_address: None,
        max_buffered: None,
        tls: None,
        ..config.gateway.clone()
    };
    let default = GatewayConfig::default();
    assert_eq!(config.gateway.max_buffered, Some(default.max_buffered()));
    let half = default.max_connections / 2;
    assert_eq!(config.gateway.max_connections_per_address, Some(half));
    assert_eq!(gateway, default);
    let default = TracesConfig::default();
    let traces = config.traces.as_ref().unwrap();
    let chosen = |it: &TracesConfig| (it.sample, it.trust_parent, it.timeout, it.queue);
    assert_eq!(chosen(traces), chosen(&default));
    let tls = config.gateway.tls.clone().unwrap();
    assert_eq!(tls.handshake_timeout.as_secs(), 10);
    assert!(tls.keeps_strangers_out() && config.warnings().is_empty());
    let files = &config.servers["files"];
    let default = ServerConfig::default();
    assert_eq!(files.timeout, default.timeout);
    assert_eq!(files.connect_timeout, default.connect_timeout);
    let places =
        |server: &ServerConfig| (server.max_in_flight(), server.queue(), server.queue_wait());
    assert_eq!(places(files), places(&default));
    assert_eq!(files.pool(), default.pool());
    let remote = &config.servers["remote"];
    assert_eq!(remote.dial_timeout(), default.dial_timeout());
    assert_eq!(remote.breaker.clone().unwrap(), Default::default());
    assert_eq!(remote.check_interval(), default.check_interval());
}

#[test]
fn the_shipped_policies_load_once_uncommented() {
    let (_folder, file) = servers();
    let policies = policies();

    let config = loaded(&file, Some(policies.path().into())).unwrap();

    assert!(config.policy.keys.contains_key("alice"));
    assert_eq!(config.policy.roles.len(), 2);
    assert_eq!(config.policy.tokens.len(), 3);
    let cases = gateway::cases(&config);
    let failures: Vec<_> = cases
        .iter()
        .filter_map(|case| case.failure.as_ref())
        .collect();
    assert!(cases.len() == 5 && failures.is_empty(), "{failures:?}");
}

/// Every `servers.toml` that we ship, in a copy that has the files which each machine has of its own.
fn examples() -> (tempfile::TempDir, Vec<PathBuf>) {
    let copy = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for place in ["examples", "deploy/docker/mcpgate", "deploy/kubernetes"] {
        let into = copy.path().join(place);
        fs::create_dir_all(into.parent().unwrap()).unwrap();
        let mut command = std::process::Command::new("cp");
        let copied = command.arg("-r").arg(place).arg(&into).status().unwrap();
        assert!(copied.success());
        find(&into, &mut files);
    }
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        if text.contains("[gateway.tls]") {
            Authority::new().server().write(file.parent().unwrap());
        }
    }
    (copy, files)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, files);
        } else if path.ends_with("servers.toml") {
            files.push(path);
        }
    }
}

/// Loads with each variable set to what it is for.
fn shipped(file: &Path) -> Config {
    let hash = |name: &str| match name.ends_with("_HASH") {
        true => format!("sha256:{}", "0".repeat(64)),
        false => "long enough to sign with: 0123456789".to_owned(),
    };
    let environment = Environment {
        variable: &|name| Some(hash(name)),
        program: Path::new(PROGRAM),
    };
    let paths = Paths::find(Some(file.to_path_buf()), None).unwrap();
    let loaded = config::load_with(&paths, &environment);
    loaded.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_example_loads_and_is_open_to_nobody_by_accident() {
    let (_copy, files) = examples();
    assert!(files.len() >= 7, "{files:?}");
    for file in files {
        let config = shipped(&file);
        let said = [config.warnings(), config.open_doors()].concat();
        assert!(said.is_empty(), "{}: {said:?}", file.display());
    }
}
