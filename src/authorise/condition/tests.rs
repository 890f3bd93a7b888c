use super::{inspect::DEEPEST, *};

fn compile(text: &str) -> Condition {
    Condition::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn judge(text: &str, args: &str) -> Result<bool, ConditionError> {
    let caller = CallerFacts {
        id: Some("u7"),
        email: Some("alice@example.com"),
        role: Some("analyst"),
        key: None,
        address: Some("192.168.1.7"),
    };
    compile(text).holds(&Facts {
        args: (!args.is_empty()).then_some(args),
        caller,
        tool: Some("read_file"),
        server: "files",
    })
}

#[test]
fn a_condition_is_true_or_false_of_a_call() {
    for (text, args, expected) in [
        ("true", "", true),
        (
            "args.path.startsWith('/srv/')",
            r#"{"path":"/srv/a"}"#,
            true,
        ),
        ("args.path.startsWith('/srv/')", r#"{"path":"/etc"}"#, false),
        // What an escape hides is seen.
        (
            "args.path.startsWith('/srv/')",
            r#"{"path":"\u002fsrv/a"}"#,
            true,
        ),
        ("args['path'] == '/srv'", r#"{"p\u0061th":"/srv"}"#, true),
        (
            "args.path.contains('..')",
            r#"{"path":"/srv/\u002e."}"#,
            true,
        ),
        ("has(args.force) && args.force", "", false),
        ("has(args.force) && args.force", "null", false),
        ("!has(args.force)", r#"{"force":null}"#, false),
        ("'force' in args", r#"{"force":false}"#, true),
        ("args.n <= 100", r#"{"n":100}"#, true),
        ("args.n <= 100", r#"{"n":100.5}"#, false),
        ("args.n <= 100", r#"{"n":1e2}"#, true),
        ("args.n == 100", r#"{"n":100.0}"#, true),
        ("args.n == 0", r#"{"n":-0}"#, true),
        (
            "args.n == 9007199254740991",
            r#"{"n":9007199254740991}"#,
            true,
        ),
        ("args.deep.a[1] == 'x'", r#"{"deep":{"a":["w","x"]}}"#, true),
    ] {
        assert_eq!(judge(text, args), Ok(expected), "{text} of {args}");
    }
}

#[test]
fn a_condition_goes_through_lists_and_knows_who_calls_what() {
    for (text, args, expected) in [
        (
            "args.paths.all(p, p.startsWith('/srv/'))",
            r#"{"paths":["/srv/a","/etc"]}"#,
            false,
        ),
        (
            "args.paths.all(p, p.startsWith('/srv/'))",
            r#"{"paths":["/srv/a","/srv/b"]}"#,
            true,
        ),
        (
            "args.paths.all(p, p.startsWith('/srv/'))",
            r#"{"paths":[]}"#,
            true,
        ),
        (
            "args.m.exists(k, args.m[k] == 2)",
            r#"{"m":{"a":1,"b":2}}"#,
            true,
        ),
        (
            "args.l.filter(x, x > 1).map(x, x * 2) == [4, 6]",
            r#"{"l":[1,2,3]}"#,
            true,
        ),
        ("args.l.exists_one(x, x == 1)", r#"{"l":[1,1]}"#, false),
        (
            "args.q.matches('^(?i)select ')",
            r#"{"q":"SELECT 1"}"#,
            true,
        ),
        ("args.q.matches('^(?i)select ')", r#"{"q":"drop"}"#, false),
        ("args.__proto__ == 1", r#"{"__proto__":1}"#, true),
        ("has(args.admin)", r#"{"__proto__":{"admin":true}}"#, false),
        ("size(args.s) == 1", r#"{"s":"\ud83d\ude00"}"#, true),
        ("args.s.endsWith('.txt')", r#"{"s":"a.sh\u0000.txt"}"#, true),
        ("type(args.n) == int", r#"{"n":1}"#, true),
        ("caller.email.endsWith('@example.com')", "", true),
        ("caller.key == null && caller.id == 'u7'", "", true),
        ("caller.role in ['analyst', 'admin']", "", true),
        ("caller.address.startsWith('192.168.')", "", true),
        ("tool == 'read_file' && server == 'files'", "", true),
        // Arguments that nobody asks about are not read.
        ("server == 'files'", "{", true),
        // An error beside what decides does not count.
        ("args.missing == 1 || true", "{}", true),
    ] {
        assert_eq!(judge(text, args), Ok(expected), "{text} of {args}");
    }
}

#[test]
fn what_is_neither_true_nor_false_is_an_error_that_repeats_no_argument() {
    use ConditionError::*;
    let mismatch = |text: &str| Mismatch(format!("found no matching overload for {text}"));
    for (text, args, expected) in [
        ("args.path", r#"{"path":"s3cret"}"#, NotBoolean),
        ("args.n", r#"{"n":1}"#, NotBoolean),
        ("args.path.startsWith('/')", "", Missing),
        ("args.m[args.k] == 1", r#"{"k":"s3cret","m":{}}"#, Missing),
        (
            "caller.key.startsWith('a')",
            "",
            mismatch("'startsWith' applied to 'null_type.(string)'"),
        ),
        (
            "args.n.startsWith('a')",
            r#"{"n":1}"#,
            mismatch("'startsWith' applied to 'int.(string)'"),
        ),
        (
            "args.n.matches('a')",
            r#"{"n":1}"#,
            mismatch("'matches' applied to '()'"),
        ),
        (
            "args.n < 5",
            r#"{"n":"s3cret"}"#,
            mismatch("'_<_' applied to '(string, int)'"),
        ),
        ("args.n + 1 > 0", r#"{"n":"s3cret"}"#, Failed),
        ("1 / args.n == 1", r#"{"n":0}"#, Failed),
        ("1 % args.n == 1", r#"{"n":0}"#, Failed),
        ("args.l[5] == 1", r#"{"l":[]}"#, Failed),
        ("args.l[-1] == 1", r#"{"l":[1]}"#, Failed),
        (
            "args.n * args.n * args.n > 0",
            r#"{"n":9007199254740991}"#,
            Failed,
        ),
        ("int(args.s) == 1", r#"{"s":"s3cret"}"#, Failed),
        ("args.s.all(x, true)", r#"{"s":"s3cret"}"#, Failed),
        (
            "(-9223372036854775807 - 1) / args.n == 1",
            r#"{"n":-1}"#,
            Failed,
        ),
        (
            "(-9223372036854775807 - 1) % args.n == 1",
            r#"{"n":-1}"#,
            Failed,
        ),
        (
            "-(-9223372036854775807 - args.n) == 1",
            r#"{"n":1}"#,
            Failed,
        ),
        ("[args.n].filter(x, x) == []", r#"{"n":1}"#, Failed),
    ] {
        let error = judge(text, args).unwrap_err();
        assert_eq!(error, expected, "{text} of {args}");
        assert!(!error.to_string().contains("s3cret"));
    }
}

#[test]
fn what_can_never_work_is_refused_at_load_with_its_column() {
    let nested = format!("{}1{} == 1", "[".repeat(40), "]".repeat(40));
    let sum = format!("{}1 == 1", "1+".repeat(500));
    let long = format!("'{}' == ''", "x".repeat(2048));
    for (text, expected) in [
        (
            "arg.path == 1",
            "column 1: `arg` is not known; there are args, caller, tool, server",
        ),
        ("true && user", "column 9: `user` is not known"),
        (".args.x == 1", "`.args` is not known"),
        (
            "caller.mail == 'a'",
            "a caller has no `mail`; it has id, email",
        ),
        ("lower(args.x) == 'a'", "column 6: no function `lower`"),
        ("args.x.lower() == 'a'", "no function `lower`"),
        ("args.x.startsWith('a', 'b')", "no function `startsWith`"),
        ("startsWith(args.x, 'a')", "no function `startsWith`"),
        ("optional.of(1) == 1", "no function `of`"),
        (
            "args.l.all(args, true)",
            "`args` already means something else",
        ),
        ("args.l.all(x, true) && x", "`x` is not known"),
        ("args.x.matches(args.y)", "must be written out"),
        ("args.x.matches('(')", "no regular expression"),
        (
            "args.x.matches('(((a{99}){99}){99}){99}')",
            "no regular expression, or too large",
        ),
        ("Foo{a: 1} == 1", "expected no message"),
        ("args.?x == 1", "column"),
        ("args.path ==", "column 13"),
        ("args.path = 'a'", "column 11"),
        ("", "column"),
        ("'s3cret", "column"),
        ("\u{0}", "column"),
        (&nested, "levels of nesting"),
        (&sum, "levels of nesting"),
        (&long, "expected at most 2048 bytes"),
    ] {
        let error = Condition::compile(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn long_arguments_are_not_looked_at() {
    let args = format!(r#"{{"path":"{}"}}"#, "a".repeat(LONGEST_ARGUMENTS));
    assert_eq!(judge("has(args.path)", &args), Err(ConditionError::TooLong));
    assert_eq!(judge("server == 'files'", &args), Ok(true));
}

/// Measures nothing: each of these would go on for minutes, or for ever.
#[test]
fn hostile_lists_end() {
    let ones = vec!["1"; 30_000].join(",");
    let ones = format!(r#"{{"l":[{ones}]}}"#);
    for text in [
        "args.l.all(a, args.l.all(b, args.l.all(c, true)))",
        "args.l.exists(a, a == 2) || true",
        "args.l.map(a, args.l.map(b, args.l)) != []",
        "args.l.map(a, args.l).all(a, a.all(b, b == 1))",
        "args.l.all(a, a in args.l)",
        "args.l.all(a, args.l == args.l)",
    ] {
        assert_eq!(
            judge(text, &ones),
            Err(ConditionError::TooMuchWork),
            "{text}"
        );
    }
    // Short arguments have more rounds, which nesting uses up as well.
    let few = format!(r#"{{"l":[{}]}}"#, vec!["1"; 250].join(","));
    let nested = "args.l.all(a, args.l.all(b, args.l.all(c, true)))";
    assert_eq!(judge(nested, &few), Err(ConditionError::TooMuchWork));
    assert_eq!(judge("args.l.all(a, a in args.l)", &few), Ok(true));

    let text = format!(r#"{{"l":"{}"}}"#, "a".repeat(60_000));
    assert_eq!(judge("args.l.matches('^(a*)*(a|aa)+b$')", &text), Ok(false));
}

#[test]
fn the_deepest_expression_fits_on_a_stack() {
    let deepest = DEEPEST - 2;
    let choice = format!(
        "{}args.b{}",
        "args.b ? (".repeat(deepest),
        ") : false".repeat(deepest)
    );
    assert_eq!(judge(&choice, r#"{"b":true}"#), Ok(true));
    let loops = format!("{}true{}", "args.l.all(x, ".repeat(10), ")".repeat(10));
    assert_eq!(judge(&loops, r#"{"l":[1]}"#), Ok(true));
}

#[test]
fn a_list_of_some_hundred_paths_is_gone_through() {
    let paths = vec![format!("\"/srv/{}\"", "x".repeat(55)); 350].join(",");
    let args = format!(r#"{{"paths":[{paths}]}}"#);
    assert_eq!(
        judge("args.paths.all(p, p.startsWith('/srv/'))", &args),
        Ok(true)
    );
}

#[test]
fn it_is_shown_as_written() {
    let condition = compile(r#"args.x  ==  'a'"#);
    assert_eq!(condition.to_string(), "args.x  ==  'a'");
    assert_eq!(condition, compile("args.x  ==  'a'"));
}
