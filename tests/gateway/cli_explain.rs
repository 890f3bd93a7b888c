//! `mcpgate explain`: why somebody may do something, or may not.

use std::fs;

use insta::assert_snapshot;
use mcpgate::authenticate::hash_of;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    cli::seen,
    pipe::{program, server, soon},
};

const ROLES: &str = r#"
[roles.analyst]
allow = ["files/echo", "files/greet", "oil/read_*", { target = "files/pid", when = "args.deep == true" }]
deny = ["*/delete_*"]
from = ["10.0.0.0/8"]
headers = { X-User-Role = "hunter2", X-User-Email = "{{caller.email}}", X-Key = "{{caller.key}}" }
limits = [{ calls = 100, per = "60s", burst = 20, each = ["caller", "server"] }]

[roles.support]
allow = ["*"]
views = ["support"]

[views.support]
servers = ["files"]

[limits.overall]
concurrent = 5
wait = "2s"
"#;

/// A folder with two servers, one of which cannot be reached.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let oil = "[servers.oil]\nurl = 'http://127.0.0.1:9/mcp'\nfrom = ['10.1.0.0/16']\n\
               headers = { Authorization = 'Bearer hunter2', X-Key = 'hunter2' }\n\
               forward_headers = ['X-Request-ID']\n";
    let servers = [&server("files", &[]), oil].concat();
    fs::write(folder.path().join("servers.toml"), servers).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/roles.toml"), ROLES).unwrap();
    let key = |name: &str, more: &str| {
        let hash = hash_of(name);
        format!("[keys.{name}]\nhash = '{hash}'\nrole = 'analyst'\n{more}\n")
    };
    let keys = [
        key("alice", ""),
        key("bob", "disabled = true"),
        key("eve", "expires = '2020-01-01'"),
    ];
    fs::write(folder.path().join("policies/keys.toml"), keys.concat()).unwrap();
    folder
}

/// Exit code and what is printed.
async fn explain(words: &[&str]) -> (Option<i32>, String) {
    let folder = folder();
    let mut command = program(folder.path());
    command.arg("explain").args(words);
    let (code, out, err) = seen(&soon("the program", command.output()).await.unwrap());
    assert!(
        !out.contains("hunter") && !err.contains("hunter"),
        "{out}{err}"
    );
    (code, if out.is_empty() { err } else { out })
}

async fn told(words: &[&str]) -> String {
    let (code, out) = explain(words).await;
    let code = code.unwrap();
    format!("exit {code}\n{out}")
}

#[tokio::test]
async fn a_call_that_is_allowed_is_told_with_its_rule_limits_and_headers() {
    assert_snapshot!(told(&["--as-key", "alice", "--tool", "oil/read_x", "--offline"]).await, @r#"
    exit 0
    tool      oil__read_x (`read_x` of server `oil`)
    caller    key `alice`, from this machine
    decision  allowed
    because   allow "oil/read_*" of [roles.analyst], policies/roles.toml:3
    limit     overall: 5 at once, others wait 2s, for all together
    limit     analyst.1: 100 calls in 60s, 20 of them at once, for each caller and server
    header    x-request-id: as the client sends it ([servers.oil] forward_headers)
    header    authorization: *** ([servers.oil] headers)
    header    x-user-role: *** ([roles.analyst] headers)
    header    x-user-email: not sent, for caller.email is not known ([roles.analyst] headers)
    header    x-key: alice ([roles.analyst] headers)
    "#);
}

#[tokio::test]
async fn a_call_that_is_refused_is_told_with_its_rule_and_what_the_caller_hears() {
    assert_snapshot!(told(&["--role", "analyst", "--tool", "oil/delete_x", "--offline"]).await, @r#"
    exit 1
    tool      oil__delete_x (`delete_x` of server `oil`)
    caller    role `analyst`, from this machine
    decision  refused
    because   deny "*/delete_*" of [roles.analyst], policies/roles.toml:4
    answer    unknown tool `oil__delete_x`
    "#);
    assert_snapshot!(told(&["--role", "analyst", "--prompt", "files/x", "--offline"]).await, @r"
    exit 1
    prompt    files__x (`x` of server `files`)
    caller    role `analyst`, from this machine
    decision  refused
    because   nothing allows it: no `allow` of [roles.analyst] fits, inherited ones included
    answer    unknown prompt `files__x`
    ");
}

#[tokio::test]
async fn a_call_that_depends_on_arguments_says_so() {
    let call = ["--role", "analyst", "--tool", "files/pid", "--offline"];
    let with = |args| [&call[..], &["--args", args]].concat();
    assert_snapshot!(told(&call).await, @r#"
    exit 1
    tool      files__pid (`pid` of server `files`)
    caller    role `analyst`, from this machine
    decision  refused without arguments; others are judged by a condition
    because   allow "files/pid" when … of [roles.analyst], policies/roles.toml:3; its condition cannot be evaluated: the arguments have no such key
    answer    tool `files__pid` is not allowed with these arguments
    "#);
    assert_snapshot!(told(&with(r#"{"deep":false}"#)).await, @r#"
    exit 1
    tool      files__pid (`pid` of server `files`)
    caller    role `analyst`, from this machine
    decision  refused with these arguments
    because   the condition does not hold: allow "files/pid" when … of [roles.analyst], policies/roles.toml:3
    answer    tool `files__pid` is not allowed with these arguments
    "#);
    let (code, out) = explain(&with(r#"{"deep":true}"#)).await;
    assert!(
        code == Some(0) && out.contains("allowed with these arguments"),
        "{out}"
    );
}

#[tokio::test]
async fn a_role_or_a_key_that_cannot_be_used_says_why() {
    let because = async |words: &[&str]| {
        let call = [words, &["--tool", "files/echo", "--offline"]].concat();
        let (code, out) = explain(&call).await;
        assert_eq!(code, Some(1), "{out}");
        let line = out.lines().find_map(|line| line.strip_prefix("because   "));
        line.unwrap().to_owned()
    };
    assert_snapshot!(because(&["--role", "analyst", "--from", "192.0.2.1"]).await, @"the role `analyst` may not be used from this address ([roles.analyst] from)");
    assert_snapshot!(because(&["--role", "support"]).await, @"the role `support` is bound to /v/support/mcp ([roles.support] views)");
    assert_snapshot!(because(&["--as-key", "bob"]).await, @"the key is switched off ([keys.bob] disabled)");
    assert_snapshot!(because(&["--as-key", "eve"]).await, @"the key has expired ([keys.eve] expires)");
    assert_snapshot!(because(&[]).await, @"who shows nothing may not come in: there is no [anonymous]; name a role, a key or a certificate");
    let call = [
        "--role",
        "analyst",
        "--from",
        "10.2.0.1",
        "--tool",
        "oil/read_x",
        "--offline",
    ];
    let (_, out) = explain(&call).await;
    assert!(
        out.contains("because   the server is not there for 10.2.0.1 ([servers.oil] from)\n"),
        "{out}"
    );
    let call = [
        "--role",
        "support",
        "--view",
        "support",
        "--tool",
        "oil/read_x",
        "--offline",
    ];
    let (_, out) = explain(&call).await;
    assert!(
        out.contains("because   [views.support] does not select it\n"),
        "{out}"
    );
}

#[tokio::test]
async fn without_a_target_all_tools_are_told_as_their_servers_list_them() {
    let (code, out) = explain(&["--role", "analyst"]).await;

    let interesting = |line: &&str| {
        ["TOOL", "files__echo", "files__greet", "files__pid"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let lines: Vec<&str> = out.lines().filter(interesting).collect();
    assert_snapshot!(lines.join("\n"), @r#"
    TOOL             SERVER  DECISION      BECAUSE
    files__echo      files   allowed       allow "files/echo" of [roles.analyst], policies/roles.toml:3
    files__pid       files   by arguments  allow "files/pid" when … of [roles.analyst], policies/roles.toml:3
    "#);
    assert_eq!((code, out.lines().count()), (Some(0), 13));
    assert_snapshot!(told(&["--role", "support"]).await, @r"
    exit 1
    role `support`, from this machine: refused: the role `support` is bound to /v/support/mcp ([roles.support] views)
    ");
}

#[tokio::test]
async fn a_tool_is_found_by_either_name_and_an_unknown_one_is_no_answer() {
    for name in ["files__echo", "files/echo"] {
        let (code, out) = explain(&["--role", "analyst", "--tool", name]).await;
        assert!(
            code == Some(0) && out.starts_with("tool      files__echo (`echo` of server `files`)"),
            "{out}"
        );
    }
    let (code, out) = explain(&[
        "--role",
        "support",
        "--view",
        "support",
        "--resource",
        "files://one",
    ])
    .await;
    assert!(
        code == Some(0) && out.contains("decision  allowed"),
        "{out}"
    );
    let (code, out) = explain(&["--role", "analyst", "--tool", "nope"]).await;
    assert!(
        code == Some(1)
            && out.contains("server `oil`: ")
            && out.contains("no server offers a tool `nope`"),
        "{out}"
    );
}

#[tokio::test]
async fn machines_get_the_same_as_json() {
    let (code, out) = explain(&["--role", "analyst", "--tool", "files__echo", "--json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(told["rule"]["place"], "policies/roles.toml:3");
    assert_eq!(told["limits"][1]["name"], "analyst.1");

    let (_, out) = explain(&["--role", "analyst", "--json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["tools"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn a_question_about_what_is_not_there_is_a_mistake_with_the_nearest_name() {
    for (words, says) in [
        (
            vec!["--role", "analist"],
            "there is no [roles.analist]; did you mean `analyst`?",
        ),
        (vec!["--as-key", "alise"], "did you mean `alice`?"),
        (
            vec!["--role", "analyst", "--view", "suport"],
            "did you mean `support`?",
        ),
        (
            vec!["--role", "analyst", "--tool", "file/x", "--offline"],
            "did you mean `files`?",
        ),
        (
            vec!["--role", "analyst", "--tool", "files__x", "--offline"],
            "expected `server/tool`",
        ),
        (vec!["--role", "analyst", "--offline"], "required"),
        (vec!["--tool", "a", "--prompt", "b"], "cannot be used with"),
        (
            vec!["--tool", "files/x", "--offline", "--args", "{"],
            "not JSON",
        ),
    ] {
        let (code, out) = explain(&words).await;
        assert!(code == Some(2) && out.contains(says), "{words:?}: {out}");
    }
}
