//! A file that says anything we do not understand is refused, in words that help.
//!
//! One file of `tests/configs/invalid` per case. Each message is what a person reads, to the letter.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use mcpgate::config::{self, Environment, Paths};

const INVALID: &str = "tests/configs/invalid/";
const INVALID_POLICIES: &str = "tests/configs/invalid_policies/";

fn loaded(config: PathBuf, policies: Option<PathBuf>) -> String {
    let environment = Environment {
        variable: &|name| (name == "HUNTER").then(|| "hunter2".to_owned()),
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(config), policies).unwrap();
    let error = config::load_with(&paths, &environment).unwrap_err();
    let message = error.to_string();
    message.replace(INVALID_POLICIES, "").replace(INVALID, "")
}

fn refusal(case: &str) -> String {
    loaded(format!("{INVALID}{case}.toml").into(), None)
}

fn policy_refusal(case: &str) -> String {
    let folder = format!("{INVALID_POLICIES}{case}").into();
    loaded("tests/configs/empty.toml".into(), Some(folder))
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    assert_snapshot!(refusal("unknown_key"), @"unknown_key.toml:5:1: unknown key `commnd` in [servers.files]; did you mean `command`?");
    assert_snapshot!(refusal("unknown_key_of_the_gateway"), @"unknown_key_of_the_gateway.toml:2:1: unknown key `max-sessions` in [gateway]; did you mean `max_sessions`?");
    assert_snapshot!(refusal("unknown_key_in_an_inline_table"), @"unknown_key_in_an_inline_table.toml:1:40: unknown key `comand` in [servers.files]; did you mean `command`?");
    assert_snapshot!(refusal("unknown_table"), @"unknown_table.toml:1:2: unknown key `server` at the top level; did you mean `servers`?");
    assert_snapshot!(policy_refusal("unknown_key"), @"unknown_key/keys.toml:2:1: unknown key `hahs` in [keys.alice]; did you mean `hash`?");
}

#[test]
fn an_unknown_key_like_no_other_is_refused_with_all_that_are_known() {
    assert_snapshot!(refusal("unknown_key_like_no_other"), @"unknown_key_like_no_other.toml:3:1: unknown key `colour` in [servers.files]; known keys: command, args, env, cwd, url, headers, transport, revision, scope, prefix, timeout, timeout_total, connect_timeout, check_interval");
}

#[test]
fn a_table_in_the_wrong_file_is_sent_to_the_right_one() {
    assert_snapshot!(refusal("keys_in_the_config_file"), @"keys_in_the_config_file.toml:1:2: unknown key `keys` at the top level; it belongs in a file of the policies folder");
    assert_snapshot!(policy_refusal("servers_in_a_policy"), @"servers_in_a_policy/keys.toml:1:2: unknown key `servers` at the top level; it belongs in servers.toml");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_the_right_one() {
    assert_snapshot!(refusal("wrong_type"), @"wrong_type.toml:3:8: `args` in [servers.files]: expected a list, found a string");
    assert_snapshot!(refusal("wrong_type_in_a_list"), @"wrong_type_in_a_list.toml:3:15: `args[1]` in [servers.files]: expected a string, found a number");
    assert_snapshot!(refusal("wrong_type_of_a_table"), @"wrong_type_of_a_table.toml:2:9: [servers.files]: expected a table, found a string");
    assert_snapshot!(refusal("wrong_type_of_a_number"), @"wrong_type_of_a_number.toml:2:16: `max_sessions` in [gateway]: expected a whole number, 0 or more");
    assert_snapshot!(refusal("wrong_type_of_names"), @"wrong_type_of_names.toml:2:9: `names` in [gateway]: expected a string");
    assert_snapshot!(refusal("wrong_type_after_an_umlaut"), @"wrong_type_after_an_umlaut.toml:3:34: `env.PIN` in [servers.files]: expected a string, found a number");
    assert_snapshot!(refusal("number_in_the_environment"), @"number_in_the_environment.toml:5:7: `env.PIN` in [servers.files]: expected a string, found a number");
    assert_snapshot!(refusal("secret_of_a_wrong_type"), @"secret_of_a_wrong_type.toml:3:11: `headers` in [servers.oil]: expected a table, found a string");
    assert_snapshot!(refusal("expanded_secret_of_a_wrong_type"), @"expanded_secret_of_a_wrong_type.toml:2:16: `max_sessions` in [gateway]: expected a whole number, 0 or more, found a string");
}

#[test]
fn a_value_that_cannot_be_is_refused_with_one_that_can() {
    assert_snapshot!(refusal("wrong_listen"), @r#"wrong_listen.toml:2:10: `listen` in [gateway]: expected an address and port such as "127.0.0.1:8765""#);
    assert_snapshot!(refusal("wrong_names"), @"wrong_names.toml:2:9: `names` in [gateway]: expected `portable` or `verbatim`");
    assert_snapshot!(refusal("bad_duration"), @r#"bad_duration.toml:3:11: `timeout` in [servers.files]: expected a duration such as "30s" or "5m""#);
    assert_snapshot!(refusal("duration_without_unit"), @r#"duration_without_unit.toml:2:16: `session_idle` in [gateway]: expected a duration such as "30s" or "5m", found a number"#);
    assert_snapshot!(refusal("wrong_value_of_a_dotted_key"), @r#"wrong_value_of_a_dotted_key.toml:3:17: `timeout` in [servers.files]: expected a duration such as "30s" or "5m""#);
    assert_snapshot!(refusal("name_budget_too_small"), @"name_budget_too_small.toml:2:15: `name_budget` in [gateway]: expected 16 to 128");
    assert_snapshot!(refusal("bad_allowed_host"), @r#"bad_allowed_host.toml:2:30: `allowed_hosts[1]` in [gateway]: expected a host as `Host` carries it, such as "gate.lan:8765""#);
    assert_snapshot!(refusal("bad_allowed_origin"), @r#"bad_allowed_origin.toml:2:20: `allowed_origins[0]` in [gateway]: expected an origin as browsers send it, such as "https://chat.lan" (no path, no slash at the end)"#);
}

#[test]
fn a_bound_of_zero_is_refused() {
    assert_snapshot!(refusal("no_connections"), @"no_connections.toml:2:19: `max_connections` in [gateway]: with 0 nobody would be served");
    assert_snapshot!(refusal("zero_duration"), @"zero_duration.toml:3:11: `timeout` in [servers.files]: nothing answers in no time");
}

#[test]
fn a_file_that_is_not_toml_is_refused_where_it_stops_being_so() {
    assert_snapshot!(refusal("syntax_error"), @"syntax_error.toml:1:15: unclosed table, expected `]`");
    assert_snapshot!(refusal("unquoted_secret"), @"unquoted_secret.toml:3:21: string values must be quoted, expected literal string");
    assert_snapshot!(refusal("duplicate_key"), @"duplicate_key.toml:3:1: `command` is already defined");
    assert_snapshot!(refusal("duplicate_table"), @"duplicate_table.toml:4:10: `files` is already defined");
}

#[test]
fn a_server_is_either_launched_or_connected_to() {
    assert_snapshot!(refusal("command_and_url"), @"command_and_url.toml:1:1: [servers.files]: either `command` or `url`: a server is launched or connected to");
    assert_snapshot!(refusal("neither_command_nor_url"), @"neither_command_nor_url.toml:1:1: [servers.files]: `command` (to launch it) or `url` (to connect to it) is missing");
}

#[test]
fn what_belongs_to_the_other_kind_of_server_is_refused() {
    assert_snapshot!(refusal("args_with_url"), @"args_with_url.toml:3:1: `args` in [servers.oil]: belongs to `command`, not to `url`");
    assert_snapshot!(refusal("env_with_url"), @"env_with_url.toml:3:1: `env` in [servers.oil]: belongs to `command`, not to `url`");
    assert_snapshot!(refusal("cwd_with_url"), @"cwd_with_url.toml:3:1: `cwd` in [servers.oil]: belongs to `command`, not to `url`");
    assert_snapshot!(refusal("check_interval_with_command"), @"check_interval_with_command.toml:3:1: `check_interval` in [servers.files]: belongs to `url`, not to `command`");
    assert_snapshot!(refusal("headers_with_command"), @"headers_with_command.toml:3:1: `headers` in [servers.files]: belongs to `url`, not to `command`");
}

#[test]
fn a_command_that_cannot_be_launched_is_refused() {
    assert_snapshot!(refusal("empty_command"), @"empty_command.toml:2:11: `command` in [servers.files]: is empty");
    assert_snapshot!(refusal("command_with_arguments"), @"command_with_arguments.toml:2:11: `command` in [servers.files]: one program, without its arguments: those go into `args`, one string each");
    assert_snapshot!(refusal("tilde_in_a_path"), @"tilde_in_a_path.toml:3:7: `cwd` in [servers.files]: `~` is a word of the shell; write `${HOME}`");
    assert_snapshot!(refusal("bad_variable_name"), @"bad_variable_name.toml:3:9: `env.A=B` in [servers.files]: not the name of a variable: it is empty, or has `=` in it");
}

#[test]
fn a_url_that_cannot_be_reached_is_refused() {
    assert_snapshot!(refusal("url_without_scheme"), @"url_without_scheme.toml:2:7: `url` in [servers.oil]: must start with `http://` or `https://`");
    assert_snapshot!(refusal("url_of_another_scheme"), @"url_of_another_scheme.toml:2:7: `url` in [servers.oil]: must start with `http://` or `https://`");
    assert_snapshot!(refusal("url_without_host"), @r#"url_without_host.toml:2:7: `url` in [servers.oil]: not a URL; write it like "http://127.0.0.1:8080/mcp""#);
    assert_snapshot!(refusal("url_with_password"), @"url_with_password.toml:2:7: `url` in [servers.oil]: a user and password go into `headers`, as `Authorization`");
}

#[test]
fn a_header_that_cannot_be_sent_is_refused() {
    assert_snapshot!(refusal("bad_header_name"), @"bad_header_name.toml:3:13: `headers.X Key` in [servers.oil]: not a header's name: letters, digits and `-`");
    assert_snapshot!(refusal("bad_header_value"), @"bad_header_value.toml:3:21: `headers.X-Key` in [servers.oil]: a header's value is one line of visible ASCII characters");
    assert_snapshot!(refusal("header_twice"), @"header_twice.toml:3:32: `headers.x-key` in [servers.oil]: is the same header as `X-Key`");
}

#[test]
fn a_header_the_gateway_sets_is_refused() {
    assert_snapshot!(refusal("reserved_header"), @"reserved_header.toml:6:1: `headers.Content-Type` in [servers.oil]: the gateway sets this header itself");
    assert_snapshot!(refusal("reserved_mcp_header"), @"reserved_mcp_header.toml:3:13: `headers.Mcp-Session-Id` in [servers.oil]: the gateway sets this header itself");
}

#[test]
fn a_name_that_could_be_mistaken_is_refused() {
    assert_snapshot!(refusal("bad_server_name"), @"bad_server_name.toml:1:10: [servers.my files]: the name of a server is 1 to 32 letters, digits, `_` and `-`");
    assert_snapshot!(refusal("name_differs_only_in_case"), @"name_differs_only_in_case.toml:4:10: [servers.Files]: differs from [servers.files] only in case");
    assert_snapshot!(refusal("bad_prefix"), @r#"bad_prefix.toml:3:10: `prefix` in [servers.files]: only letters, digits, `_` and `-` fit; others need `names = "verbatim"` in [gateway]"#);
    assert_snapshot!(policy_refusal("bad_key_name"), @"bad_key_name/keys.toml:1:7: [keys.alice smith]: the name of a key is 1 to 64 letters, digits, `_`, `-`, `.` and `@`");
}

#[test]
fn what_is_not_there_to_expand_is_refused() {
    assert_snapshot!(refusal("undefined_variable"), @"undefined_variable.toml:3:29: `headers.Authorization` in [servers.oil]: the variable `NO_SUCH_TOKEN` is not set");
    assert_snapshot!(refusal("undefined_variable_in_a_list"), @"undefined_variable_in_a_list.toml:3:15: `args[1]` in [servers.files]: the variable `NO_SUCH_FOLDER` is not set");
    assert_snapshot!(refusal("unreadable_file"), @"unreadable_file.toml:3:21: `headers.X-Key` in [servers.oil]: `${file:/no/such/file}` cannot be read: No such file or directory (os error 2)");
    assert_snapshot!(refusal("unterminated_variable"), @"unterminated_variable.toml:3:21: `headers.X-Key` in [servers.oil]: `${` has no `}`; a literal `${` is written `$${`");
    assert_snapshot!(refusal("default_of_a_variable"), @"default_of_a_variable.toml:2:10: `listen` in [gateway]: `${…}` holds neither the name of a variable nor `file:` and a path; a literal `${` is written `$${`");
    assert_snapshot!(policy_refusal("undefined_variable"), @"undefined_variable/keys.toml:2:8: `hash` in [keys.alice]: the variable `NO_SUCH_HASH` is not set");
}

#[test]
fn a_hash_that_is_none_is_refused_without_repeating_it() {
    assert_snapshot!(policy_refusal("bad_hash"), @"bad_hash/keys.toml:2:8: `hash` in [keys.alice]: expected `sha256:` and 64 hexadecimal digits, as `mcpgate hash-key` prints them");
    assert_snapshot!(policy_refusal("key_instead_of_hash"), @"key_instead_of_hash/keys.toml:2:8: `hash` in [keys.alice]: expected `sha256:` and 64 hexadecimal digits, as `mcpgate hash-key` prints them");
    assert_snapshot!(policy_refusal("missing_hash"), @"missing_hash/keys.toml:1:1: [keys.alice]: `hash` is missing");
}

#[test]
fn a_key_has_one_name_and_a_name_one_key() {
    assert_snapshot!(policy_refusal("name_taken_in_another_file"), @"name_taken_in_another_file/b.toml:4:7: [keys.alice]: this name is already taken at name_taken_in_another_file/a.toml:1:7");
    assert_snapshot!(policy_refusal("key_held_twice"), @"key_held_twice/b.toml:2:8: `hash` in [keys.bob]: the same key is already held by another name, at key_held_twice/a.toml:1:7");
}

/// The cases in a folder.
fn cases(folder: &str) -> impl Iterator<Item = String> {
    std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_string_lossy().into_owned()
    })
}

#[test]
fn no_message_repeats_a_secret() {
    let messages = cases(INVALID).map(|case| refusal(&case));
    for message in messages.chain(cases(INVALID_POLICIES).map(|case| policy_refusal(&case))) {
        assert!(!message.contains("hunter"), "{message}");
    }
}

#[test]
fn every_invalid_file_has_its_message_here() {
    let here = include_str!("config_refusals.rs");
    for case in cases(INVALID) {
        assert!(here.contains(&format!("(refusal(\"{case}\")")), "{case}");
    }
    for case in cases(INVALID_POLICIES) {
        assert!(
            here.contains(&format!("(policy_refusal(\"{case}\")")),
            "{case}"
        );
    }
}
