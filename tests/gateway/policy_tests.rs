//! `[[tests]]` of the policies: what they are meant to say, tried by `mcpgate check`.

use std::fs;

use insta::assert_snapshot;
use mcpgate::gateway::{self, Case};

use crate::{
    cli::seen,
    pipe::{load, program, server, soon},
};

const ROLES: &str = r#"
[roles.analyst]
allow = ["files/read_*", "prompt:files/*", "resource:files/file:///srv/*"]
deny = ["*/delete_*"]
from = ["10.0.0.0/8"]

[roles.writer]
inherits = ["analyst"]
allow = [{ target = "files/write", when = "args.path.startsWith('/srv/') && caller.key == 'alice'" }]

[roles.support]
allow = ["*"]
views = ["support"]

[views.support]
allow = ["files/read_*"]

[keys.alice]
hash = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
role = "writer"
"#;

/// What comes out of these tests; the folder is left out.
fn cases(tests: &str) -> Vec<Case> {
    let folder = tempfile::tempdir().unwrap();
    let policies = folder.path().join("policies");
    fs::create_dir(&policies).unwrap();
    fs::write(policies.join("roles.toml"), ROLES).unwrap();
    fs::write(policies.join("tests.toml"), tests).unwrap();
    let servers = "[servers.files]\ncommand = 'no-such'\nfrom = ['10.0.0.0/8']\n";
    let config = load(folder.path(), servers);
    let mut cases = gateway::cases(&config);
    let prefix = format!("{}/", policies.display());
    for case in &mut cases {
        case.place = case.place.replace(&prefix, "");
        case.failure = case
            .failure
            .as_ref()
            .map(|words| words.replace(&prefix, ""));
    }
    cases
}

/// What comes out of one: nothing, if it is as expected.
fn failure(test: &str) -> Option<String> {
    let case = cases(&format!("[[tests]]\n{test}\n")).remove(0);
    assert_eq!(case.place, "tests.toml:1");
    case.failure
}

/// A role, what it does, and what comes out.
const CASES: &[(&str, &str, &str)] = &[
    ("analyst", "target = 'files/read_x'", "allow"),
    ("analyst", "target = 'tool:files/read_x'", "allow"),
    ("analyst", "target = 'files/write'", "deny"),
    ("analyst", "target = 'prompt:files/greet'", "allow"),
    (
        "analyst",
        "target = 'resource:files/file:///srv/a'",
        "allow",
    ),
    (
        "analyst",
        "target = 'resource:files/file:///srv/../etc'",
        "deny",
    ),
    (
        "analyst",
        "target = 'files/read_x'\nfrom = '10.1.1.1'",
        "allow",
    ),
    (
        "analyst",
        "target = 'files/read_x'\nfrom = '192.0.2.1'",
        "deny",
    ),
    ("support", "target = 'files/read_x'", "deny"),
    (
        "support",
        "target = 'files/read_x'\nview = 'support'",
        "allow",
    ),
    (
        "support",
        "target = 'files/write'\nview = 'support'",
        "deny",
    ),
    (
        "support",
        "target = 'files/read_x'\nview = 'support'\nfrom = '192.0.2.1'",
        "deny",
    ),
    ("writer", "target = 'files/read_x'", "allow"),
    ("writer", "target = 'files/write'", "deny"),
    (
        "writer",
        "target = 'files/write'\nargs = { path = '/srv/a' }\ncaller = { key = 'alice' }",
        "allow",
    ),
    (
        "writer",
        "target = 'files/write'\nargs = { path = '/etc/a' }\ncaller = { key = 'alice' }",
        "deny",
    ),
];

#[test]
fn a_test_passes_where_a_call_would_come_out_as_expected() {
    for (role, test, expect) in CASES {
        let test = format!("role = '{role}'\n{test}\n");
        let other = if *expect == "allow" { "deny" } else { "allow" };
        let as_expected = format!("{test}expect = '{expect}'");
        assert_eq!(failure(&as_expected), None, "{test}");
        let otherwise = format!("{test}expect = '{other}'");
        assert!(failure(&otherwise).is_some(), "{test}");
    }
}

#[test]
fn a_test_that_fails_names_what_was_expected_what_came_and_the_rule_that_made_it() {
    let fails = |role: &str, test: &str, expect: &str| {
        failure(&format!("role = '{role}'\nexpect = '{expect}'\n{test}")).unwrap()
    };
    let write = "target = 'files/write'\nargs = { path = '/etc/a' }";
    assert_snapshot!(fails("analyst", "target = 'files/read_x'", "deny"), @r#"`files/read_x` in role `analyst` should be refused, and is allowed: allow "files/read_*" of [roles.analyst], roles.toml:3"#);
    assert_snapshot!(fails("analyst", "target = 'files/delete_x'", "allow"), @r#"`files/delete_x` in role `analyst` should be allowed, and is refused: deny "*/delete_*" of [roles.analyst], roles.toml:4"#);
    assert_snapshot!(fails("analyst", "target = 'files/write'", "allow"), @"`files/write` in role `analyst` should be allowed, and is refused: nothing allows it: no `allow` of [roles.analyst] fits, inherited ones included");
    assert_snapshot!(fails("writer", write, "allow"), @r#"`files/write` in role `writer` should be allowed, and is refused: the condition does not hold: allow "files/write" when … of [roles.writer], roles.toml:9"#);
    assert_snapshot!(fails("writer", "target = 'files/write'", "allow"), @r#"`files/write` in role `writer` should be allowed, and is refused: the condition does not hold: allow "files/write" when … of [roles.writer], roles.toml:9"#);
    assert_snapshot!(fails("analyst", "target = 'files/read_x'\nfrom = '192.0.2.1'", "allow"), @"`files/read_x` in role `analyst` should be allowed, and is refused: the role `analyst` may not be used from this address ([roles.analyst] from)");
    assert_snapshot!(fails("support", "target = 'files/read_x'", "allow"), @"`files/read_x` in role `support` should be allowed, and is refused: the role `support` is bound to /v/support/mcp ([roles.support] views)");
    assert_snapshot!(fails("support", "target = 'files/write'\nview = 'support'", "allow"), @"`files/write` in role `support` should be allowed, and is refused: [views.support] does not select it");
    assert_snapshot!(fails("support", "target = 'files/read_x'\nview = 'support'\nfrom = '192.0.2.1'", "allow"), @"`files/read_x` in role `support` should be allowed, and is refused: the server is not there for 192.0.2.1 ([servers.files] from)");
}

#[tokio::test]
async fn check_runs_the_tests_names_those_that_fail_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("servers.toml"), server("files", &[])).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    let tests = "[[tests]]\nrole = 'analyst'\ntarget = 'files/read_x'\nexpect = 'allow'\n";
    let wrong = "\n[[tests]]\nname = 'reading is fine'\nrole = 'analyst'\n\
                 target = 'files/read_x'\nexpect = 'deny'\n";
    let roles = ROLES.replace("from = [\"10.0.0.0/8\"]\n", "");
    let check = |tests: String| {
        fs::write(folder.path().join("policies/roles.toml"), &roles).unwrap();
        fs::write(folder.path().join("policies/tests.toml"), tests).unwrap();
        let mut command = program(folder.path());
        command.arg("check");
        async move { seen(&soon("the check", command.output()).await.unwrap()) }
    };

    let (code, out, _) = check(tests.to_owned()).await;
    assert!(
        code == Some(0) && out.ends_with("\ntests: 1 of 1 passed\n"),
        "{out}"
    );

    let (code, out, _) = check([tests, wrong].concat()).await;
    assert_eq!(code, Some(1));
    let (_, problems) = out.split_once("\nproblem: ").unwrap();
    assert_snapshot!(problems, @r#"
    policies/tests.toml:6: reading is fine: `files/read_x` in role `analyst` should be refused, and is allowed: allow "files/read_*" of [roles.analyst], policies/roles.toml:3
    tests: 1 of 2 passed
    "#);
}
