//! A policy that says anything we do not understand is refused, in words that help.
//!
//! One folder of `tests/configs/invalid_policies` per case. Each message is what a person reads, to
//! the letter.

use insta::assert_snapshot;

use crate::config_refusals::{cases, loaded};

const INVALID: &str = "tests/configs/invalid_policies/";

fn refusal(case: &str) -> String {
    let folder = format!("{INVALID}{case}");
    let message = loaded("tests/configs/one_server.toml".into(), Some(folder.into()));
    message.replace(INVALID, "")
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    assert_snapshot!(refusal("unknown_key"), @"unknown_key/keys.toml:2:1: unknown key `hahs` in [keys.alice]; did you mean `hash`?");
    assert_snapshot!(refusal("unknown_table"), @"unknown_table/roles.toml:1:2: unknown key `role` at the top level; did you mean `roles`?");
    assert_snapshot!(refusal("role_with_an_unknown_key"), @"role_with_an_unknown_key/roles.toml:2:1: unknown key `alow` in [roles.analyst]; did you mean `allow`?");
    assert_snapshot!(refusal("rule_with_an_unknown_key"), @"rule_with_an_unknown_key/roles.toml:2:32: unknown key `whem` in `allow[0]` of [roles.analyst]; did you mean `when`?");
    assert_snapshot!(refusal("limit_with_an_unknown_key"), @"limit_with_an_unknown_key/limits.toml:2:25: unknown key `every` in `limits[0]` of [roles.analyst]; known keys: calls, per, burst, concurrent, wait, each");
}

#[test]
fn a_table_in_the_wrong_file_is_sent_to_the_right_one() {
    assert_snapshot!(refusal("servers_in_a_policy"), @"servers_in_a_policy/keys.toml:1:2: unknown key `servers` at the top level; it belongs in servers.toml");
    assert_snapshot!(refusal("audit_in_a_policy"), @"audit_in_a_policy/audit.toml:1:2: unknown key `audit` at the top level; it belongs in servers.toml");
}

#[test]
fn a_name_that_could_be_mistaken_is_refused() {
    assert_snapshot!(refusal("bad_key_name"), @r#"bad_key_name/keys.toml:1:7: [keys."alice smith"]: the name of a key is 1 to 64 letters, digits, `_`, `-`, `.` and `@`"#);
    assert_snapshot!(refusal("role_without_a_name"), @"role_without_a_name/roles.toml:2:1: `allow` in [roles]: expected a table; settings go into [roles.<name>]");
    assert_snapshot!(refusal("role_of_an_empty_name"), @r#"role_of_an_empty_name/roles.toml:1:8: [roles.""]: the name of a role is 1 to 64 letters, digits, `_`, `-`, `.`, `@`, `:` and `/`"#);
    assert_snapshot!(refusal("limit_with_a_name_like_that_of_a_role"), @r#"limit_with_a_name_like_that_of_a_role/limits.toml:1:9: [limits."analyst.1"]: the name of a limit is 1 to 32 letters, digits, `_` and `-`"#);
    assert_snapshot!(refusal("view_that_no_path_can_name"), @r#"view_that_no_path_can_name/roles.toml:1:8: [views."a/b"]: the name is 1 to 64 letters, digits, `_`, `-` and `.`"#);
}

#[test]
fn a_hash_that_is_none_is_refused_without_repeating_it() {
    assert_snapshot!(refusal("bad_hash"), @"bad_hash/keys.toml:2:8: `hash` in [keys.alice]: expected `sha256:` and 64 hexadecimal digits, as `mcpgate hash-key` prints them");
    assert_snapshot!(refusal("key_instead_of_hash"), @"key_instead_of_hash/keys.toml:2:8: `hash` in [keys.alice]: expected `sha256:` and 64 hexadecimal digits, as `mcpgate hash-key` prints them");
    assert_snapshot!(refusal("missing_hash"), @"missing_hash/keys.toml:1:1: [keys.alice]: `hash` is missing");
    assert_snapshot!(refusal("undefined_variable"), @"undefined_variable/keys.toml:2:8: `hash` in [keys.alice]: the variable `NO_SUCH_HASH` is not set");
}

#[test]
fn what_is_defined_twice_is_refused_with_both_places() {
    assert_snapshot!(refusal("name_taken_in_another_file"), @"name_taken_in_another_file/b.toml:4:7: [keys.alice]: already defined at name_taken_in_another_file/a.toml:1:7");
    assert_snapshot!(refusal("key_held_twice"), @"key_held_twice/b.toml:2:8: `hash` in [keys.bob]: the same key is already held by another name, at key_held_twice/a.toml:1:7");
    assert_snapshot!(refusal("role_in_two_files"), @"role_in_two_files/b.toml:2:8: [roles.analyst]: already defined at role_in_two_files/a.toml:1:8");
    assert_snapshot!(refusal("role_twice_in_one_file"), @"role_twice_in_one_file/roles.toml:4:8: `analyst` is already defined");
    assert_snapshot!(refusal("limit_in_two_files"), @"limit_in_two_files/b.toml:1:9: [limits.overall]: already defined at limit_in_two_files/a.toml:1:9");
    assert_snapshot!(refusal("view_in_two_files"), @"view_in_two_files/b.toml:1:8: [views.support]: already defined at view_in_two_files/a.toml:1:8");
    assert_snapshot!(refusal("trusted_headers_in_two_files"), @"trusted_headers_in_two_files/b.toml:1:2: [trusted_headers]: already defined at trusted_headers_in_two_files/a.toml:1:2");
}

#[test]
fn a_role_that_does_not_exist_is_refused_with_the_nearest_one() {
    assert_snapshot!(refusal("key_of_an_unknown_role"), @"key_of_an_unknown_role/keys.toml:3:8: `role` in [keys.alice]: there is no [roles.analist]; did you mean `analyst`?");
    assert_snapshot!(refusal("key_of_a_role_where_there_is_none"), @"key_of_a_role_where_there_is_none/keys.toml:3:8: `role` in [keys.alice]: there is no [roles.analyst]: no [roles.<name>] is defined");
    assert_snapshot!(refusal("anonymous_of_an_unknown_role"), @"anonymous_of_an_unknown_role/roles.toml:5:8: `role` in [anonymous]: there is no [roles.guest]; known: analyst");
    assert_snapshot!(refusal("trusted_headers_of_an_unknown_role"), @"trusted_headers_of_an_unknown_role/roles.toml:6:37: `roles.USER` in [trusted_headers]: there is no [roles.analysts]; did you mean `analyst`?");
    assert_snapshot!(refusal("token_of_an_unknown_role"), @"token_of_an_unknown_role/roles.toml:8:23: `roles.mcp-users` in [tokens.corp]: there is no [roles.Analyst]; did you mean `analyst`?");
    assert_snapshot!(refusal("token_of_a_role_that_cannot_be"), @"token_of_a_role_that_cannot_be/roles.toml:8:23: `roles.mcp-users` in [tokens.corp]: the name of a role is 1 to 64 letters, digits, `_`, `-`, `.`, `@`, `:` and `/`");
    assert_snapshot!(refusal("inherits_from_an_unknown_role"), @"inherits_from_an_unknown_role/roles.toml:2:13: `inherits[0]` in [roles.analyst]: there is no [roles.gest]; did you mean `guest`?");
}

#[test]
fn a_view_server_or_key_that_does_not_exist_is_refused_with_the_nearest_one() {
    assert_snapshot!(refusal("role_of_an_unknown_view"), @"role_of_an_unknown_view/roles.toml:2:10: `views[0]` in [roles.analyst]: there is no [views.suport]; did you mean `support`?");
    assert_snapshot!(refusal("view_of_an_unknown_server"), @"view_of_an_unknown_server/roles.toml:2:21: `servers[1]` in [views.support]: there is no [servers.file]; did you mean `files`?");
    assert_snapshot!(refusal("trusted_headers_of_an_unknown_key"), @"trusted_headers_of_an_unknown_key/identity.toml:5:9: `keys[0]` in [trusted_headers]: there is no [keys.<name>] with this name; did you mean `librechat`?");
}

#[test]
fn where_there_are_roles_every_key_needs_one() {
    assert_snapshot!(refusal("key_without_a_role"), @"key_without_a_role/keys.toml:1:1: [keys.alice]: `role` is missing: there are roles, so say which is its");
}

#[test]
fn a_role_that_inherits_from_itself_is_refused_with_the_way() {
    assert_snapshot!(refusal("inherits_from_itself"), @"inherits_from_itself/roles.toml:2:13: `inherits[0]` in [roles.analyst]: inherits from itself: analyst → analyst");
    assert_snapshot!(refusal("inherits_in_a_circle"), @"inherits_in_a_circle/a.toml:2:22: `inherits[1]` in [roles.analyst]: inherits from itself: analyst → reader → writer → analyst");
}

#[test]
fn a_pattern_that_is_none_is_refused_without_repeating_it() {
    assert_snapshot!(refusal("pattern_without_a_slash"), @"pattern_without_a_slash/roles.toml:2:24: `allow[1]` in [roles.analyst]: expected `server/tool`, as in `files/read_*`, or `*` for everything");
    assert_snapshot!(refusal("pattern_of_an_unknown_kind"), @"pattern_of_an_unknown_kind/roles.toml:2:24: `allow[1]` in [roles.analyst]: expected `tool:`, `prompt:`, `resource:` or `method:` before the server");
    assert_snapshot!(refusal("pattern_without_a_server"), @"pattern_without_a_server/roles.toml:2:24: `allow[1]` in [roles.analyst]: expected letters, digits, `_`, `-`, `*` and `?` before the `/`: the name of a server");
    assert_snapshot!(refusal("pattern_of_nothing"), @"pattern_of_nothing/roles.toml:2:24: `allow[1]` in [roles.analyst]: expected a name or `*` after the `/`");
    assert_snapshot!(refusal("pattern_with_brackets"), @r"pattern_with_brackets/roles.toml:2:24: `allow[1]` in [roles.analyst]: `[` and `{` have no meaning here: write a pattern for each case, or `\[` for the character");
    assert_snapshot!(refusal("pattern_with_a_bad_escape"), @r"pattern_with_a_bad_escape/roles.toml:2:24: `allow[1]` in [roles.analyst]: expected `*`, `?`, `[`, `{` or another sign after `\`");
    assert_snapshot!(refusal("pattern_with_a_space"), @"pattern_with_a_space/roles.toml:2:24: `allow[1]` in [roles.analyst]: expected no space around it, and no line ends or other control characters");
    assert_snapshot!(refusal("pattern_too_long"), @"pattern_too_long/roles.toml:2:24: `allow[1]` in [roles.analyst]: expected at most 1024 bytes");
    assert_snapshot!(refusal("pattern_of_a_wrong_type"), @r#"pattern_of_a_wrong_type/roles.toml:3:9: `deny[0]` in [roles.analyst]: expected a pattern such as "files/read_*", or { target = "…", when = "…" }, found a number"#);
    assert_snapshot!(refusal("pattern_not_in_a_list"), @"pattern_not_in_a_list/roles.toml:2:9: `allow` in [roles.analyst]: expected a list, found a string");
    assert_snapshot!(refusal("rule_without_a_target"), @"rule_without_a_target/roles.toml:4:5: `deny[0]` in [roles.analyst]: `target` is missing");
}

#[test]
fn a_condition_that_can_never_work_is_refused_with_its_column() {
    assert_snapshot!(refusal("when_of_an_unknown_variable"), @"when_of_an_unknown_variable/roles.toml:4:38: `allow[1].when` in [roles.analyst]: column 1: `arg` is not known; there are args, caller, tool, server");
    assert_snapshot!(refusal("when_of_an_unknown_fact"), @"when_of_an_unknown_fact/roles.toml:4:38: `allow[1].when` in [roles.analyst]: column 7: a caller has no `name`; it has id, email, role, key, address");
    assert_snapshot!(refusal("when_of_an_unknown_function"), @"when_of_an_unknown_function/roles.toml:4:38: `allow[1].when` in [roles.analyst]: column 17: no function `begins` is called like this; texts have startsWith, endsWith, contains, matches, size");
    assert_snapshot!(refusal("when_that_is_no_expression"), @"when_that_is_no_expression/roles.toml:4:38: `allow[1].when` in [roles.analyst]: column 11: no expression (https://cel.dev) goes on like this; `==` compares, `&&` and `||` join, texts stand in quotes");
    assert_snapshot!(refusal("when_with_a_bad_regex"), @"when_with_a_bad_regex/roles.toml:4:38: `allow[1].when` in [roles.analyst]: column 18: the pattern of `matches` is no regular expression, or too large");
}

#[test]
fn an_address_or_a_day_that_is_none_is_refused() {
    assert_snapshot!(refusal("network_that_is_none"), @r#"network_that_is_none/keys.toml:3:27: `from[1]` in [keys.alice]: expected an address or a network, such as "10.0.0.0/8""#);
    assert_snapshot!(refusal("network_with_bits_behind_its_prefix"), @r#"network_with_bits_behind_its_prefix/roles.toml:2:9: `from[0]` in [roles.analyst]: the address has bits behind its prefix: "10.0.0.0/8" is a network, "10.0.0.5/8" is not"#);
    assert_snapshot!(refusal("expiry_that_is_none"), @r#"expiry_that_is_none/keys.toml:3:11: `expires` in [keys.alice]: expected a day or a time such as "2027-01-31" or "2027-01-31T18:00:00Z""#);
    assert_snapshot!(refusal("expiry_without_quotes"), @"expiry_without_quotes/keys.toml:3:11: `expires` in [keys.alice]: expected a string, found a date; put it in quotes");
}

#[test]
fn a_limit_that_limits_nothing_or_all_is_refused() {
    assert_snapshot!(refusal("limit_of_calls_and_of_concurrent"), @"limit_of_calls_and_of_concurrent/limits.toml:4:1: `concurrent` in [limits.overall]: `calls` and `concurrent` are two limits: write two entries");
    assert_snapshot!(refusal("limit_of_nothing"), @"limit_of_nothing/limits.toml:1:1: [limits.overall]: expected `calls` and `per`, or `concurrent`: nothing is limited here");
    assert_snapshot!(refusal("limit_without_a_time"), @r#"limit_without_a_time/limits.toml:2:41: `limits[1].calls` in [roles.analyst]: `per` is missing: in what time, such as per = "60s"?"#);
    assert_snapshot!(refusal("limit_of_no_calls"), @"limit_of_no_calls/limits.toml:2:41: `limits[1].calls` in [roles.analyst]: with 0 nobody would be served");
    assert_snapshot!(refusal("limit_in_no_time"), @"limit_in_no_time/limits.toml:3:7: `per` in [limits.overall]: with 0 nobody would be served");
    assert_snapshot!(refusal("limit_of_none_at_once"), @"limit_of_none_at_once/limits.toml:2:14: `concurrent` in [limits.overall]: with 0 nobody would be served");
    assert_snapshot!(refusal("limit_of_a_negative_number"), @"limit_of_a_negative_number/limits.toml:2:9: `calls` in [limits.overall]: expected a whole number, 0 or more");
    assert_snapshot!(refusal("limit_of_an_unknown_fact"), @"limit_of_an_unknown_fact/limits.toml:4:9: `each[0]` in [limits.overall]: expected one of `caller`, `key`, `role`, `address`, `server`, `tool`");
}

#[test]
fn trusted_headers_say_who_is_trusted_and_which_headers() {
    assert_snapshot!(refusal("trusted_headers_of_nobody"), @"trusted_headers_of_nobody/identity.toml:1:1: [trusted_headers]: `keys` or `from` is missing: whose headers are believed?");
    assert_snapshot!(refusal("trusted_headers_by_no_name_of_a_header"), @r#"trusted_headers_by_no_name_of_a_header/identity.toml:3:9: `email` in [trusted_headers]: expected the name of a header, such as "X-User-Role""#);
}

#[test]
fn tokens_are_verified_in_one_way_that_works() {
    assert_snapshot!(refusal("token_with_two_sources_of_keys"), @"token_with_two_sources_of_keys/identity.toml:1:1: [tokens.corp]: exactly one of `secret`, `key_file` and `jwks_url` says how tokens are verified");
    assert_snapshot!(refusal("token_without_a_source_of_keys"), @"token_without_a_source_of_keys/identity.toml:1:1: [tokens.corp]: exactly one of `secret`, `key_file` and `jwks_url` says how tokens are verified");
    assert_snapshot!(refusal("token_with_a_short_secret"), @"token_with_a_short_secret/identity.toml:4:10: `secret` in [tokens.corp]: expected at least 32 bytes; `openssl rand -hex 32` prints such a secret");
    assert_snapshot!(refusal("token_of_an_unknown_algorithm"), @"token_of_an_unknown_algorithm/identity.toml:4:24: `algorithms[1]` in [tokens.corp]: expected one of `HS256`, `HS384`, `HS512`, `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `Ed25519`, `EdDSA`");
    assert_snapshot!(refusal("token_without_its_key_file"), @"token_without_its_key_file/identity.toml:4:12: `key_file` in [tokens.corp]: the file cannot be read: No such file or directory (os error 2)");
    assert_snapshot!(refusal("token_without_an_audience"), @"token_without_an_audience/identity.toml:1:1: [tokens.corp]: `audience` is missing");
}

#[test]
fn a_header_of_a_role_that_cannot_be_sent_is_refused() {
    assert_snapshot!(refusal("role_header_that_the_gateway_sets"), @"role_header_that_the_gateway_sets/roles.toml:2:32: `headers.Content-Length` in [roles.analyst]: the gateway sets this header itself");
    assert_snapshot!(refusal("role_header_with_an_unknown_word"), @"role_header_with_an_unknown_word/roles.toml:2:22: `headers.X-Name` in [roles.analyst]: `{{…}}` holds caller.id, caller.email, caller.role or caller.key");
    assert_snapshot!(refusal("role_header_twice"), @"role_header_twice/roles.toml:2:32: `headers.x-key` in [roles.analyst]: is the same header as `X-Key`");
}

#[test]
fn a_test_of_what_is_not_there_or_without_an_answer_is_refused() {
    assert_snapshot!(refusal("test_of_an_unknown_role"), @"test_of_an_unknown_role/tests.toml:10:8: `role` in [[tests]]: there is no [roles.analist]; did you mean `analyst`?");
    assert_snapshot!(refusal("test_of_an_unknown_server"), @"test_of_an_unknown_server/tests.toml:11:10: `target` in [[tests]]: there is no [servers.file]; did you mean `files`?");
    assert_snapshot!(refusal("test_of_an_unknown_view"), @"test_of_an_unknown_view/tests.toml:13:8: `view` in [[tests]]: there is no [views.support]: no [views.<name>] is defined");
    assert_snapshot!(refusal("test_of_an_unknown_key"), @"test_of_an_unknown_key/tests.toml:13:18: `caller.key` in [[tests]]: there is no [keys.<name>] with this name: no [keys.<name>] is defined");
    assert_snapshot!(refusal("test_of_a_pattern"), @"test_of_a_pattern/tests.toml:11:10: `target` in [[tests]]: expected one thing and no pattern: without `*`");
    assert_snapshot!(refusal("test_of_an_unknown_kind"), @"test_of_an_unknown_kind/tests.toml:11:10: `target` in [[tests]]: expected `server/tool`, `prompt:server/name` or `resource:server/uri`");
    assert_snapshot!(refusal("test_without_an_expectation"), @"test_without_an_expectation/tests.toml:9:1: [[tests]]: `expect` is missing");
    assert_snapshot!(refusal("test_with_another_expectation"), @"test_with_another_expectation/tests.toml:12:10: `expect` in [[tests]]: expected `allow` or `deny`");
    assert_snapshot!(refusal("test_from_no_address"), @r#"test_from_no_address/tests.toml:13:8: `from` in [[tests]]: expected an address such as "10.1.2.3""#);
    assert_snapshot!(refusal("test_with_an_unknown_setting"), @"test_with_an_unknown_setting/tests.toml:13:1: unknown key `arguments` in [[tests]]; known keys: name, role, caller, from, view, target, args, expect");
    assert_snapshot!(refusal("test_in_a_single_table"), @"test_in_a_single_table/tests.toml:4:1: `tests`: each test has double brackets: [[tests]]");
}

#[test]
fn no_message_about_a_policy_repeats_a_secret() {
    for message in cases(INVALID).map(|case| refusal(&case)) {
        assert!(!message.contains("hunter"), "{message}");
    }
}

#[test]
fn every_invalid_policy_has_its_message_here() {
    let here = include_str!("policy_refusals.rs");
    for case in cases(INVALID) {
        assert!(here.contains(&format!("(refusal(\"{case}\")")), "{case}");
    }
}
