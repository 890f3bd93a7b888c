//! Quick mode: keys, limits and addresses from the command line and the environment.

use std::process::Output;

use insta::assert_snapshot;
use mcpgate::{authenticate::hash_of, config::Overrides};

use crate::{
    cli::{EXAMPLE, seen, stdout},
    cli_remote::Served,
    pipe::{load, program, run, soon},
};

const KEYS: &str = "hunter2-hunter2-1, hunter2-hunter2-2";

/// Runs the program to its end, with this policy file, these options and variables.
async fn run_with(policy: &str, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("servers.toml"), EXAMPLE).unwrap();
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    std::fs::write(folder.path().join("policies/keys.toml"), policy).unwrap();
    let mut command = program(folder.path());
    command.args(words).envs(variables.iter().copied());
    soon("the program", command.output()).await.unwrap()
}

/// What `serve` says when it refuses to start, as one line.
async fn refusal(policy: &str, words: &[&str], variables: &[(&str, &str)]) -> String {
    let words = [&["serve"], words].concat();
    let (code, out, err) = seen(&run_with(policy, &words, variables).await);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
    assert!(!err.contains("hunter"), "a key is a secret: {err}");
    err.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn keys_of_the_environment_open_the_gateway_to_the_network_without_policy_files() {
    let words = ["--host", "0.0.0.0", "--port", "0"];
    let served = Served::start("", &words, &[("API_KEYS", KEYS)]).await;

    assert!(served.url.starts_with("http://0.0.0.0:"), "{}", served.url);
    let url = &served.url.replace("0.0.0.0", "127.0.0.1");
    for key in KEYS.split(", ") {
        let list = ["list", "--url", url, "--key", key];
        assert!(stdout(&run("", &list).await).contains("example__add"));
    }
    let (code, _, err) = seen(&run("", &["list", "--url", url]).await);
    assert!(
        code == Some(1) && err.contains("no valid credentials"),
        "{err}"
    );
    assert!(served.said.contains("api_keys=2"), "{}", served.said);
    assert!(!served.said.contains("hunter"), "{}", served.said);
}

#[tokio::test]
async fn an_option_beats_its_variable_and_an_empty_variable_counts_as_none() {
    let port = ["--port", "0"];
    let own = [&port[..], &["--api-key", "hunter2-hunter2-3"]].concat();
    let served = Served::start("", &own, &[("API_KEYS", KEYS)]).await;
    let list = |key| ["list", "--url", &served.url, "--key", key];
    let (old, new) = ("hunter2-hunter2-1", "hunter2-hunter2-3");
    assert!(seen(&run("", &list(old)).await).2.contains("no valid"));
    assert_eq!(run("", &list(new)).await.status.code(), Some(0));

    let empty = ["API_KEYS", "ALLOWED_IPS", "RATE_LIMIT", "MAX_CONNECTIONS"].map(|name| (name, ""));
    let served = Served::start("", &port, &empty).await;
    let open = run("", &["list", "--url", &served.url]).await;
    assert_eq!(open.status.code(), Some(0));
    assert!(!served.said.contains("beside the files"), "{}", served.said);
}

#[tokio::test]
async fn a_key_that_can_be_guessed_gets_a_warning_that_does_not_repeat_it() {
    let words = ["--port", "0", "--api-key", "hunter2"];
    let served = Served::start("", &words, &[]).await;

    let words = "WARN api-key-1 is shorter than 16 characters";
    assert!(served.said.contains(words), "{}", served.said);
    assert!(!served.said.contains("hunter"), "{}", served.said);
}

#[tokio::test]
async fn a_rate_limit_counts_each_caller_and_an_allowed_address_shuts_the_others_out() {
    let variables = [("RATE_LIMIT", "3"), ("API_KEYS", KEYS)];
    let served = Served::start("", &["--port", "0"], &variables).await;
    let call = |key| {
        let words = ["call", "--url", &served.url, "--key", key, "example__add"];
        let words = [&words[..], &["a=1", "b=2"]].concat();
        async move { seen(&run("", &words).await) }
    };
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(call("hunter2-hunter2-1").await.0);
    }
    assert_eq!(codes, [Some(0), Some(0), Some(0), Some(1)]);
    let (_, _, err) = call("hunter2-hunter2-1").await;
    assert!(err.contains("limit `rate-limit`"), "{err}");
    assert_eq!(call("hunter2-hunter2-2").await.0, Some(0));

    let words = ["--port", "0", "--allowed-ip", "192.0.2.1"];
    let served = Served::start("", &words, &[]).await;
    let (_, _, err) = seen(&run("", &["list", "--url", &served.url]).await);
    assert!(err.contains("allowed_ips"), "{err}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_option_and_never_with_a_key() {
    let none: [(&str, &str); 0] = [];
    assert_snapshot!(refusal("", &["--listen", "127.0.0.1:0", "--port", "1"], &none).await, @"error: the argument '--listen <ADDR>' cannot be used with '--port <PORT>'");
    assert_snapshot!(refusal("", &["--host", "office"], &none).await, @"error: invalid value 'office' for '--host <IP>': expected an IP address, such as 0.0.0.0 or ::1");
    assert_snapshot!(refusal("", &["--api-key", ""], &none).await, @"mcpgate: --api-key (API_KEYS): api-key-1 is empty, or has characters that no header carries");
    assert_snapshot!(refusal("", &[], &[("API_KEYS", "hunter2,hünter2")]).await, @"mcpgate: --api-key (API_KEYS): api-key-2 is empty, or has characters that no header carries");
    assert_snapshot!(refusal("", &[], &[("API_KEYS", "hunter2,hunter2")]).await, @"mcpgate: --api-key (API_KEYS): api-key-2 is the same key as [keys.api-key-1]");
    assert_snapshot!(refusal("", &[], &[("RATE_LIMIT", "hunter2")]).await, @"mcpgate: RATE_LIMIT: expected a whole number, 1 or more");
    assert_snapshot!(refusal("", &["--rate-limit", "0"], &none).await, @"mcpgate: --rate-limit (RATE_LIMIT): with 0 nobody would be served");
    assert_snapshot!(refusal("", &[], &[("MAX_CONNECTIONS", "0")]).await, @"mcpgate: --max-connections (MAX_CONNECTIONS): with 0 nobody would be served");
    assert_snapshot!(refusal("", &[], &[("ALLOWED_IPS", "10.0.0.0/8,office")]).await, @r#"mcpgate: --allowed-ip (ALLOWED_IPS): expected an address or a network, such as "10.0.0.0/8""#);
    assert_snapshot!(refusal("", &["--host", "0.0.0.0"], &none).await, @"mcpgate: refusing to serve strangers on 0.0.0.0:8765: no key is configured; add one to policies/keys.toml (`mcpgate hash-key` makes it), or give it as API_KEYS in the environment, listen on 127.0.0.1, or set `allow_unauthenticated = true` in [gateway]");
    let policy = format!("[keys.api-key-1]\nhash = '{}'\n", hash_of("hunter2"));
    assert_snapshot!(refusal(&policy, &["--api-key", "hunter2"], &none).await, @"mcpgate: --api-key (API_KEYS): api-key-1 is the same key as [keys.api-key-1]");
    assert_snapshot!(refusal(&policy, &["--api-key", "hunter3"], &none).await, @"mcpgate: --api-key (API_KEYS): [keys.api-key-1] stands in the policy files already; rename it");
    let policy = "[limits.rate-limit]\nconcurrent = 5\n";
    assert_snapshot!(refusal(policy, &["--rate-limit", "9"], &none).await, @"mcpgate: --rate-limit (RATE_LIMIT): [limits.rate-limit] stands in the policy files already; rename it");
    let policy = "[roles.analyst]\nallow = ['*']\n";
    assert_snapshot!(refusal(policy, &["--api-key", "hunter2"], &none).await, @"mcpgate: --api-key (API_KEYS): the policy files have roles, and a key that stands alone has none; write it into policies/keys.toml with its `role` (`mcpgate hash-key` makes a key and prints the lines)");
}

#[tokio::test]
async fn the_help_prefers_the_environment_for_keys() {
    let help = stdout(&run("", &["serve", "--help"]).await);

    let (_, group) = help.split_once("Where it listens").unwrap();
    assert_snapshot!(format!("Where it listens{group}"), @r"
    Where it listens, instead of `[gateway] listen`:
          --listen <ADDR>
              Address and port

          --host <IP>
              The address alone, such as 0.0.0.0

          --port <PORT>
              The port alone

    Without policy files (an option beats its variable):
          --api-key <KEY>
              A key that opens the gateway, beside those of policies/*.toml; may be repeated. Better in
              the environment: everybody on this machine sees options (`ps`) [env: API_KEYS, with
              commas]

          --allowed-ip <IP|NET>
              Serve this address or network alone, instead of `[gateway] allowed_ips`; may be repeated
              [env: ALLOWED_IPS, with commas]

          --rate-limit <N>
              Calls in 60 seconds for each caller, or each address where nobody is asked who they are;
              it joins the limits of policies/*.toml [env: RATE_LIMIT]

          --max-connections <N>
              Connections at once, instead of `[gateway] max_connections` [env: MAX_CONNECTIONS]

          --cors-origin <ORIGIN>
              Let web pages of this origin call, instead of `[gateway] cors_origins`; may be repeated
              [env: CORS_ORIGINS, with commas]

    Example: API_KEYS=mcpg_… RATE_LIMIT=100 mcpgate serve --host 0.0.0.0
    ");
}

#[tokio::test]
async fn keys_to_the_gateway_do_not_reach_the_servers_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let tells = "echo keys:$API_KEYS$MCPGATE_KEY >&2; exit 7";
    let config = format!("[servers.s]\ncommand = 'sh'\nargs = ['-c', '{tells}']\n");
    std::fs::write(folder.path().join("servers.toml"), config).unwrap();
    let mut command = program(folder.path());
    command
        .arg("check")
        .envs([("API_KEYS", KEYS), ("MCPGATE_KEY", "hunter2")]);

    let said = stdout(&soon("the check", command.output()).await.unwrap());

    assert!(said.contains("after saying `keys:`"), "{said}");
}

#[test]
fn what_the_gateway_has_is_replaced_and_what_policies_have_is_added_to() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    let policy = format!("[keys.alice]\nhash = '{}'\n", hash_of("alice"));
    std::fs::write(folder.path().join("policies/keys.toml"), policy).unwrap();
    let gateway = "[gateway]\nlisten = '127.0.0.1:1'\nallowed_ips = ['10.0.0.1']\n\
                   cors_origins = ['https://a.lan']\nmax_connections = 5\n";
    let config = load(folder.path(), gateway);
    let same = config.clone().overlay(&Overrides::default()).unwrap();
    assert_eq!(same, config, "nothing said, nothing changed");

    let overrides = Overrides {
        port: Some(7),
        keys: vec!["bob".into()],
        allowed_ips: vec!["10.0.0.2".to_owned()],
        rate_limit: Some(9),
        cors_origins: vec!["https://b.lan".to_owned()],
        ..Overrides::default()
    };
    let config = config.overlay(&overrides).unwrap();

    let gateway = &config.gateway;
    assert_eq!(gateway.listen.to_string(), "127.0.0.1:7");
    assert!(!gateway.allowed_ips.contains([10, 0, 0, 1].into()));
    assert!(gateway.allowed_ips.contains([10, 0, 0, 2].into()));
    assert_eq!(gateway.cors_origins, ["https://b.lan"]);
    assert_eq!(gateway.max_connections, 5);
    let names: Vec<_> = config.policy.keys.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["alice", "api-key-1"]);
    assert_eq!(config.policy.keys["api-key-1"].hash, hash_of("bob"));
    assert_eq!(config.policy.limits["rate-limit"].calls, Some(9));
}
