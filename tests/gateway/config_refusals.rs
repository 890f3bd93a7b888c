//! A file that says anything we do not understand is refused, in words that help.
//!
//! One file of `tests/configs/invalid` per case. Each message is what a person reads, to the letter.

use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use mcpgate::config::{self, Environment, Paths};

const INVALID: &str = "tests/configs/invalid/";

pub(crate) fn loaded(config: PathBuf, policies: Option<PathBuf>) -> String {
    let environment = Environment {
        variable: &|name| (name == "HUNTER").then(|| "hunter2".to_owned()),
        program: Path::new("/usr/bin/mcpgate"),
    };
    let paths = Paths::find(Some(config), policies).unwrap();
    let error = config::load_with(&paths, &environment).unwrap_err();
    error.to_string().replace(INVALID, "")
}

fn refusal(case: &str) -> String {
    loaded(format!("{INVALID}{case}.toml").into(), None)
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    assert_snapshot!(refusal("unknown_key"), @"unknown_key.toml:5:1: unknown key `commnd` in [servers.files]; did you mean `command`?");
    assert_snapshot!(refusal("unknown_key_of_the_gateway"), @"unknown_key_of_the_gateway.toml:2:1: unknown key `max-sessions` in [gateway]; did you mean `max_sessions`?");
    assert_snapshot!(refusal("unknown_key_in_an_inline_table"), @"unknown_key_in_an_inline_table.toml:1:40: unknown key `comand` in [servers.files]; did you mean `command`?");
    assert_snapshot!(refusal("unknown_table"), @"unknown_table.toml:1:2: unknown key `server` at the top level; did you mean `servers`?");
}

#[test]
fn an_unknown_key_like_no_other_is_refused_with_all_that_are_known() {
    assert_snapshot!(refusal("unknown_key_like_no_other"), @"unknown_key_like_no_other.toml:3:1: unknown key `colour` in [servers.files]; known keys: command, args, env, cwd, url, headers, ca, transport, revision, scope, disabled, required, prefix, from, forward_headers, forward_authorization, caller_meta, timeout, timeout_total, connect_timeout, dial_timeout, breaker, max_in_flight, queue, queue_wait, check_interval, memory, cpu, open_files, user, group, stop_timeout, sandbox, start, idle_stop, max_instances, pool");
}

#[test]
fn a_table_in_the_wrong_file_is_sent_to_the_right_one() {
    assert_snapshot!(refusal("roles_in_the_config_file"), @"roles_in_the_config_file.toml:1:2: unknown key `roles` at the top level; it belongs in a file of the policies folder");
    assert_snapshot!(refusal("keys_in_the_config_file"), @"keys_in_the_config_file.toml:1:2: unknown key `keys` at the top level; it belongs in a file of the policies folder");
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_the_right_one() {
    assert_snapshot!(refusal("wrong_type"), @"wrong_type.toml:3:8: `args` in [servers.files]: expected a list, found a string");
    assert_snapshot!(refusal("wrong_type_in_a_list"), @"wrong_type_in_a_list.toml:3:15: `args[1]` in [servers.files]: expected a string, found a number");
    assert_snapshot!(refusal("wrong_type_of_a_table"), @"wrong_type_of_a_table.toml:2:1: `files` in [servers]: expected a table; settings go into [servers.<name>]");
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
    assert_snapshot!(refusal("public_url_with_a_path"), @r#"public_url_with_a_path.toml:2:14: `public_url` in [gateway]: expected where clients find the gateway, such as "https://gate.example.com" (no path, no slash at the end)"#);
    assert_snapshot!(refusal("bad_cors_origin"), @r#"bad_cors_origin.toml:2:37: `cors_origins[1]` in [gateway]: expected an origin as browsers send it, such as "https://chat.lan" (no path, no slash at the end)"#);
}

#[test]
fn a_bound_of_zero_is_refused() {
    assert_snapshot!(refusal("no_connections"), @"no_connections.toml:2:19: `max_connections` in [gateway]: with 0 nobody would be served");
    assert_snapshot!(refusal("zero_duration"), @"zero_duration.toml:3:11: `timeout` in [servers.files]: nothing answers in no time");
    assert_snapshot!(refusal("no_connections_per_address"), @"no_connections_per_address.toml:2:31: `max_connections_per_address` in [gateway]: with 0 nobody would be served");
    assert_snapshot!(refusal("no_time_to_write"), @"no_time_to_write.toml:2:17: `write_timeout` in [gateway]: with 0 nobody would be served");
    assert_snapshot!(refusal("buffered_less_than_a_message"), @"buffered_less_than_a_message.toml:3:16: `max_buffered` in [gateway]: less than `max_message`: no message of that size could be read");
    assert_snapshot!(refusal("no_places"), @"no_places.toml:3:17: `max_in_flight` in [servers.files]: with 0 nobody would be served");
    assert_snapshot!(refusal("no_wait_in_a_queue"), @"no_wait_in_a_queue.toml:3:14: `queue_wait` in [servers.files]: nobody would wait; `queue = 0` says that");
    assert_snapshot!(refusal("too_many_tools_counted"), @"too_many_tools_counted.toml:2:13: `max_tools` in [metrics]: expected at most 1000000");
}

#[test]
fn a_limit_that_no_process_could_keep_is_refused() {
    assert_snapshot!(refusal("memory_without_a_unit"), @r#"memory_without_a_unit.toml:3:10: `memory` in [servers.files]: expected a size such as "512MiB" or "2GiB""#);
    assert_snapshot!(refusal("memory_of_a_wrong_type"), @r#"memory_of_a_wrong_type.toml:3:10: `memory` in [servers.files]: expected a size such as "512MiB" or "2GiB", found `true` or `false`"#);
    assert_snapshot!(refusal("too_little_memory"), @r#"too_little_memory.toml:3:10: `memory` in [servers.files]: expected "16MiB" or more"#);
    assert_snapshot!(refusal("part_of_a_second"), @r#"part_of_a_second.toml:3:7: `cpu` in [servers.files]: expected whole seconds, "1s" or more"#);
    assert_snapshot!(refusal("too_few_open_files"), @"too_few_open_files.toml:3:14: `open_files` in [servers.files]: expected 16 or more");
    assert_snapshot!(refusal("tilde_in_a_sandbox"), @"tilde_in_a_sandbox.toml:3:21: `sandbox.write` in [servers.files]: `~` is a word of the shell; write `${HOME}`");
    assert_snapshot!(refusal("unknown_key_of_a_sandbox"), @"unknown_key_of_a_sandbox.toml:3:13: unknown key `reads` in `sandbox` of [servers.files]; did you mean `read`?");
    assert_snapshot!(refusal("no_instances"), @"no_instances.toml:4:17: `max_instances` in [servers.files]: with 0 nobody would be served");
    assert_snapshot!(refusal("instances_of_what_is_shared"), @r#"instances_of_what_is_shared.toml:3:1: `max_instances` in [servers.files]: needs `scope = "session"` or `"user"`: everybody shares one"#);
    assert_snapshot!(refusal("idle_in_no_time"), @r#"idle_in_no_time.toml:3:13: `idle_stop` in [servers.files]: nobody could need it in no time; `start = "lazy"` may be meant"#);
    assert_snapshot!(refusal("start_of_no_kind"), @"start_of_no_kind.toml:3:9: `start` in [servers.files]: expected `eager` or `lazy`");
    assert_snapshot!(refusal("nobody_as_a_user"), @"nobody_as_a_user.toml:3:8: `user` in [servers.files]: is empty");
    assert_snapshot!(refusal("memory_with_url"), @"memory_with_url.toml:3:1: `memory` in [servers.oil]: belongs to `command`, not to `url`");
}

#[test]
fn replicas_that_cannot_be_are_refused() {
    assert_snapshot!(refusal("url_of_nobody"), @"url_of_nobody.toml:2:7: `url` in [servers.oil]: with no address there is nobody to connect to");
    assert_snapshot!(refusal("url_twice"), @"url_twice.toml:4:3: `url[1]` in [servers.oil]: is the same address as `url[0]`");
    assert_snapshot!(refusal("url_of_another_scheme_in_a_list"), @"url_of_another_scheme_in_a_list.toml:2:29: `url[1]` in [servers.oil]: must start with `http://` or `https://`");
    assert_snapshot!(refusal("url_of_a_wrong_type"), @"url_of_a_wrong_type.toml:2:7: `url` in [servers.oil]: expected a URL or a list of URLs, found a number");
    assert_snapshot!(refusal("url_in_a_list_of_a_wrong_type"), @"url_in_a_list_of_a_wrong_type.toml:2:29: `url[1]` in [servers.oil]: expected a string, found a number");
    assert_snapshot!(refusal("pool_with_url"), @"pool_with_url.toml:3:1: `pool` in [servers.oil]: belongs to `command`, not to `url`");
    assert_snapshot!(refusal("pool_of_users"), @r#"pool_of_users.toml:4:1: `pool` in [servers.files]: needs `scope = "shared"`: others have an instance for each session or user (`max_instances`)"#);
    assert_snapshot!(refusal("pool_of_none"), @"pool_of_none.toml:3:8: `pool` in [servers.files]: with 0 nobody would be served");
    assert_snapshot!(refusal("pool_too_large"), @"pool_too_large.toml:3:8: `pool` in [servers.files]: expected 1 to 64");
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
    assert_snapshot!(refusal("breaker_with_command"), @"breaker_with_command.toml:3:1: `breaker` in [servers.files]: belongs to `url`, not to `command`");
    assert_snapshot!(refusal("unknown_key_of_a_breaker"), @"unknown_key_of_a_breaker.toml:3:13: unknown key `failure` in `breaker` of [servers.oil]; did you mean `failures`?");
    assert_snapshot!(refusal("breaker_without_a_pause"), @"breaker_without_a_pause.toml:3:21: `breaker.pause` in [servers.oil]: calls would never be refused; `failures = 0` says that");
    assert_snapshot!(refusal("breaker_with_a_shorter_pause"), @"breaker_with_a_shorter_pause.toml:3:11: `breaker.longest_pause` in [servers.oil]: is shorter than `pause`");
    assert_snapshot!(refusal("ca_with_command"), @"ca_with_command.toml:3:1: `ca` in [servers.files]: belongs to `url`, not to `command`");
    assert_snapshot!(refusal("dial_timeout_with_command"), @"dial_timeout_with_command.toml:3:1: `dial_timeout` in [servers.files]: belongs to `url`, not to `command`");
    assert_snapshot!(refusal("check_interval_with_command"), @"check_interval_with_command.toml:3:1: `check_interval` in [servers.files]: belongs to `url`, not to `command`");
    assert_snapshot!(refusal("forward_headers_with_command"), @"forward_headers_with_command.toml:3:1: `forward_headers` in [servers.files]: belongs to `url`, not to `command`");
    assert_snapshot!(refusal("forward_authorization_with_command"), @"forward_authorization_with_command.toml:3:1: `forward_authorization` in [servers.files]: belongs to `url`, not to `command`");
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
fn a_header_of_clients_that_must_not_pass_is_refused() {
    assert_snapshot!(refusal("forwards_the_session"), @"forwards_the_session.toml:3:31: `forward_headers[1]` in [servers.oil]: the gateway sets this header itself");
    assert_snapshot!(refusal("forwards_a_hop_by_hop_header"), @"forwards_a_hop_by_hop_header.toml:3:20: `forward_headers[0]` in [servers.oil]: the gateway sets this header itself");
    assert_snapshot!(refusal("forwards_the_host"), @"forwards_the_host.toml:3:20: `forward_headers[0]` in [servers.oil]: the gateway sets this header itself");
    assert_snapshot!(refusal("forwards_the_length"), @"forwards_the_length.toml:3:20: `forward_headers[0]` in [servers.oil]: the gateway sets this header itself");
    assert_snapshot!(refusal("forwards_the_encoding"), @"forwards_the_encoding.toml:3:20: `forward_headers[0]` in [servers.oil]: is about the body that a client sent, and goes no further");
    assert_snapshot!(refusal("forwards_an_expectation"), @"forwards_an_expectation.toml:3:20: `forward_headers[0]` in [servers.oil]: is about the connection to the gateway, and goes no further");
    assert_snapshot!(refusal("forwards_authorization"), @"forwards_authorization.toml:3:20: `forward_headers[0]` in [servers.oil]: is passed on by `forward_authorization = true`");
    assert_snapshot!(refusal("forwards_cookies"), @"forwards_cookies.toml:3:20: `forward_headers[0]` in [servers.oil]: holds what a browser keeps for the gateway, which goes no further");
    assert_snapshot!(refusal("forwards_the_key"), @"forwards_the_key.toml:3:20: `forward_headers[0]` in [servers.oil]: holds a caller's key to the gateway, which goes no further");
    assert_snapshot!(refusal("forwards_twice"), @"forwards_twice.toml:3:31: `forward_headers[1]` in [servers.oil]: is the same header as `X-Trace`");
    assert_snapshot!(refusal("forwards_no_header"), @"forwards_no_header.toml:3:20: `forward_headers[0]` in [servers.oil]: not a header's name: letters, digits and `-`");
    assert_snapshot!(refusal("forwards_what_is_set"), @"forwards_what_is_set.toml:4:20: `forward_headers[0]` in [servers.oil]: `headers` sets it for this server");
    assert_snapshot!(refusal("forwards_authorization_that_is_set"), @"forwards_authorization_that_is_set.toml:4:25: `forward_authorization` in [servers.oil]: `headers` sets `Authorization` for this server");
    assert_snapshot!(refusal("forwards_authorization_of_a_user"), @r#"forwards_authorization_of_a_user.toml:3:9: `scope` in [servers.oil]: "user" does not go with `forward_authorization`: each session shows its own"#);
}

#[test]
fn what_only_some_callers_are_is_refused_where_all_are_meant() {
    assert_snapshot!(refusal("unknown_fact_in_a_header"), @"unknown_fact_in_a_header.toml:3:22: `headers.X-User` in [servers.oil]: `{{…}}` holds caller.id, caller.email, caller.role or caller.key");
    assert_snapshot!(refusal("unknown_fact_in_a_variable"), @"unknown_fact_in_a_variable.toml:4:15: `env.WHO` in [servers.files]: `{{…}}` holds caller.id, caller.email, caller.role or caller.key");
    assert_snapshot!(refusal("variable_of_a_shared_command"), @r#"variable_of_a_shared_command.toml:3:30: `env.WHO` in [servers.files]: `{{…}}` needs `scope = "user"`: others serve more than one caller"#);
}

#[test]
fn a_name_that_could_be_mistaken_is_refused() {
    assert_snapshot!(refusal("bad_server_name"), @r#"bad_server_name.toml:1:10: [servers."my files"]: the name of a server is 1 to 32 letters, digits, `_` and `-`"#);
    assert_snapshot!(refusal("name_differs_only_in_case"), @"name_differs_only_in_case.toml:4:10: [servers.Files]: differs from [servers.files] only in case");
    assert_snapshot!(refusal("bad_prefix"), @r#"bad_prefix.toml:3:10: `prefix` in [servers.files]: only letters, digits, `_` and `-` fit; others need `names = "verbatim"` in [gateway]"#);
}

#[test]
fn what_is_not_there_to_expand_is_refused() {
    assert_snapshot!(refusal("undefined_variable"), @"undefined_variable.toml:3:29: `headers.Authorization` in [servers.oil]: the variable `NO_SUCH_TOKEN` is not set");
    assert_snapshot!(refusal("undefined_variable_in_a_list"), @"undefined_variable_in_a_list.toml:3:15: `args[1]` in [servers.files]: the variable `NO_SUCH_FOLDER` is not set");
    assert_snapshot!(refusal("unreadable_file"), @"unreadable_file.toml:3:21: `headers.X-Key` in [servers.oil]: `${file:/no/such/file}` cannot be read: No such file or directory (os error 2)");
    assert_snapshot!(refusal("unterminated_variable"), @"unterminated_variable.toml:3:21: `headers.X-Key` in [servers.oil]: `${` has no `}`; a literal `${` is written `$${`");
    assert_snapshot!(refusal("default_of_a_variable"), @"default_of_a_variable.toml:2:10: `listen` in [gateway]: `${…}` holds neither the name of a variable, nor `file:` and a path, nor `credential:` and a name; a literal `${` is written `$${`");
}

#[test]
fn a_role_of_stdio_that_does_not_exist_is_refused() {
    assert_snapshot!(refusal("stdio_of_an_unknown_role"), @"stdio_of_an_unknown_role.toml:2:14: `stdio_role` in [gateway]: there is no [roles.analyst]: no [roles.<name>] is defined");
}

/// The cases in a folder.
pub(crate) fn cases(folder: &str) -> impl Iterator<Item = String> {
    std::fs::read_dir(folder).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        path.file_stem().unwrap().to_string_lossy().into_owned()
    })
}

#[test]
fn no_message_repeats_a_secret() {
    for message in cases(INVALID).map(|case| refusal(&case)) {
        assert!(!message.contains("hunter"), "{message}");
    }
}

#[test]
fn every_invalid_file_has_its_message_here() {
    let here = include_str!("config_refusals.rs");
    for case in cases(INVALID) {
        assert!(here.contains(&format!("(refusal(\"{case}\")")), "{case}");
    }
}

#[test]
fn authorities_that_cannot_be_used_are_refused() {
    assert_snapshot!(refusal("ca_of_plain_http"), @"ca_of_plain_http.toml:3:1: `ca` in [servers.oil]: is about https://, and `url` begins with http://");
    assert_snapshot!(refusal("ca_with_tilde"), @"ca_with_tilde.toml:3:6: `ca` in [servers.oil]: `~` is a word of the shell; write `${HOME}`");
    assert_snapshot!(refusal("ca_that_is_not_there"), @"ca_that_is_not_there.toml:3:6: `ca` in [servers.oil]: cannot read /no/such/ca.pem: No such file or directory (os error 2)");
}
