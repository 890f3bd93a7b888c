//! What a configuration means once it is read: where files are found, what they are merged into,
//! which paths are relative to what.

use std::{
    fs,
    path::{Path, PathBuf},
};

use insta::assert_snapshot;
use mcpgate::{
    authenticate::hash_of,
    call::{KeyName, ServerName},
    config::{self, Config, ConfigError, Environment, Paths},
    forward::ServerConfig,
};
use tempfile::TempDir;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Loads `servers.toml` of a folder. `WHO` is `sam`.
fn load(folder: &TempDir, policies: Option<PathBuf>) -> Result<Config, ConfigError> {
    let environment = Environment {
        variable: &|name| (name == "WHO").then(|| "sam".to_owned()),
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(folder.path().join("servers.toml")), policies)?;
    config::load_with(&paths, &environment)
}

fn key(name: &str, key: &str) -> String {
    format!("[keys.{name}]\nhash = \"{}\"\n", hash_of(key))
}

#[test]
fn servers_keep_the_order_of_the_file() {
    let folder = folder(&[(
        "servers.toml",
        "[servers.z]\ncommand = 'z'\n[servers.a]\ncommand = 'a'\n[servers.m]\ncommand = 'm'",
    )]);

    let config = load(&folder, None).unwrap();

    let order: Vec<_> = config.servers.keys().map(ServerName::as_str).collect();
    assert_eq!(order, ["z", "a", "m"]);
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = load(&folder(&[("servers.toml", "")]), None).unwrap();

    assert!(config.servers.is_empty() && config.policy.keys.is_empty());
    assert_eq!(config.gateway.listen.to_string(), "127.0.0.1:8765");
}

#[test]
fn relative_paths_start_at_the_folder_of_the_config_file() {
    let folder = folder(&[(
        "servers.toml",
        "[servers.a]\ncommand = './bin/a'\ncwd = 'data'\n\
         [servers.b]\ncommand = 'npx'\n\
         [servers.c]\ncommand = '/bin/c'\ncwd = '/srv'",
    )]);
    let here = |path: &str| folder.path().join(path);

    let config = load(&folder, None).unwrap();

    let place = |name: &str| {
        let server = &config.servers[name];
        let command = PathBuf::from(server.command.as_ref().unwrap().as_str());
        (command, server.cwd.clone().unwrap())
    };
    assert_eq!(place("a"), (here("bin/a"), here("data")));
    assert_eq!(place("b"), ("npx".into(), folder.path().into()));
    assert_eq!(place("c"), ("/bin/c".into(), "/srv".into()));
}

#[test]
fn the_word_mcpgate_is_this_very_program() {
    let text = "[servers.a]\ncommand = 'mcpgate'\n[servers.b]\ncommand = './mcpgate'";
    let folder = folder(&[("servers.toml", text)]);

    let config = load(&folder, None).unwrap();

    let command = |name: &str| config.servers[name].command.clone().unwrap();
    assert_eq!(command("a").as_str(), "/usr/bin/mcpgate");
    assert!(Path::new(command("b").as_str()).starts_with(folder.path()));
}

#[test]
fn variables_and_files_expand_in_every_string() {
    let text = "[servers.a]\n\
                url = 'http://${WHO}.lan/mcp'\n\
                headers = { X-Who = '${WHO}', X-Key = '${file:key}', X-Raw = '$${WHO}' }";
    let config = load(&folder(&[("servers.toml", text), ("key", "k1\n")]), None).unwrap();

    let server = &config.servers["a"];
    let header = |name: &str| server.headers[name].reveal();
    assert_eq!(server.url.as_ref().unwrap().first(), "http://sam.lan/mcp");
    assert_eq!(
        (header("X-Who"), header("X-Key"), header("X-Raw")),
        ("sam", "k1", "${WHO}")
    );
}

#[test]
fn a_secret_prints_as_stars() {
    let text = "[servers.a]\nurl = 'http://a/'\nheaders = { X-Key = 'hunter2' }\n\
                [servers.b]\ncommand = 'b'\nenv = { KEY = 'hunter2' }";
    let config = load(&folder(&[("servers.toml", text)]), None).unwrap();

    let printed = format!("{config:?}");
    assert!(
        printed.contains("***") && !printed.contains("hunter2"),
        "{printed}"
    );
}

#[test]
fn policy_files_are_merged_in_the_order_of_their_names() {
    let folder = folder(&[
        ("servers.toml", ""),
        ("policies/b.toml", &key("bob", "b")),
        ("policies/a.toml", &key("alice", "a")),
        ("policies/.c.toml", "left by an editor"),
        ("policies/README", "not TOML"),
    ]);

    let config = load(&folder, None).unwrap();

    let names: Vec<_> = config.policy.keys.keys().map(KeyName::as_str).collect();
    assert_eq!(names, ["alice", "bob"]);
}

#[test]
fn only_a_policies_folder_that_was_named_must_exist() {
    let folder = folder(&[("servers.toml", "")]);

    assert!(load(&folder, None).unwrap().policy.keys.is_empty());
    let error = load(&folder, Some("/no/such/policies".into())).unwrap_err();
    assert_snapshot!(error, @"cannot read /no/such/policies: No such file or directory (os error 2)");
}

#[test]
fn a_missing_config_file_is_told_where_we_looked_and_how_to_start() {
    let error = Paths::find(Some("/no/such/servers.toml".into()), None).unwrap_err();

    assert_snapshot!(error, @r"
    no config file; looked for
      /no/such/servers.toml
    `mcpgate init` writes one, `mcpgate import` makes one of the servers that your MCP clients have; or name yours with `--config FILE`
    ");
}

#[test]
fn strangers_need_a_key_or_an_explicit_welcome() {
    let closed = load(&folder(&[("servers.toml", "")]), None).unwrap();
    let welcome = "[gateway]\nallow_unauthenticated = true";
    let open = load(&folder(&[("servers.toml", welcome)]), None).unwrap();
    let keys = key("alice", "a");
    let keyed = folder(&[("servers.toml", ""), ("policies/keys.toml", &keys)]);
    let keyed = load(&keyed, None).unwrap();

    for address in [
        "127.0.0.1:1",
        "127.9.9.9:1",
        "[::1]:1",
        "[::ffff:127.0.0.1]:1",
    ] {
        assert!(
            closed.may_serve(address.parse().unwrap()).is_ok(),
            "{address}"
        );
    }
    for address in ["0.0.0.0:1", "[::]:1", "192.168.1.2:1"] {
        let address = address.parse().unwrap();
        assert!(closed.may_serve(address).is_err(), "{address}");
        assert!(open.may_serve(address).is_ok() && keyed.may_serve(address).is_ok());
    }
    assert_snapshot!(closed.may_serve("0.0.0.0:80".parse().unwrap()).unwrap_err(), @"refusing to serve strangers on 0.0.0.0:80: no key is configured; add one to policies/keys.toml (`mcpgate hash-key` makes it), or give it as API_KEYS in the environment, listen on 127.0.0.1, or set `allow_unauthenticated = true` in [gateway]");
}

#[test]
fn one_server_is_checked_like_one_from_a_file() {
    let name = ServerName::try_from("it".to_owned()).unwrap();
    let at = |url: &str| ServerConfig {
        url: Some(url.into()),
        ..ServerConfig::default()
    };

    let config = Config::one_server(name.clone(), at("http://127.0.0.1:1/mcp")).unwrap();
    assert!(config.servers.contains_key("it"));
    assert_snapshot!(Config::one_server(name, at("nowhere")).unwrap_err(), @"`url` in [servers.it]: must start with `http://` or `https://`");
}
