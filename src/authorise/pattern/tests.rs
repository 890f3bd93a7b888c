use super::*;

fn pattern(written: &str) -> Pattern {
    written.parse().unwrap()
}

fn tool<'a>(server: &'a str, name: &'a str) -> Subject<'a> {
    Subject::Tool { server, name }
}

fn resource<'a>(server: &'a str, uri: &'a str) -> Subject<'a> {
    Subject::Resource { server, uri }
}

#[test]
fn a_pattern_matches_what_it_says() {
    for (written, subject, expected) in [
        ("files/read_*", tool("files", "read_text"), true),
        ("files/read_*", tool("files", "read_"), true),
        ("files/read_*", tool("files", "Read_text"), false),
        ("files/read_*", tool("files", "write"), false),
        ("files/read_*", tool("files2", "read_text"), false),
        ("files*/read", tool("files2", "read"), true),
        ("file?/read", tool("files", "read"), true),
        ("*/delete_*", tool("db", "delete_table"), true),
        ("files/*", tool("files", "a/b"), true),
        ("files/a/*", tool("files", "a/b"), true),
        ("tool:files/read", tool("files", "read"), true),
        (r"files/a\*", tool("files", "ab"), false),
        (r"files/a\*", tool("files", "a*"), true),
        ("*", tool("files", "read"), true),
        ("*", resource("files", "file:///x"), true),
        ("*/*", tool("files", "read"), true),
        ("*/*", resource("files", "file:///x"), false),
        ("tool:*", tool("files", "read"), true),
        ("tool:*", resource("files", "file:///x"), false),
        ("resource:*", resource("files", "file:///x"), true),
        ("resource:files/*", resource("files", "file:///x"), true),
        ("resource:files/*", resource("db", "file:///x"), false),
        (
            "resource:files/file:///s/*",
            resource("files", "file:///s/a/b"),
            true,
        ),
        (
            "resource:files/file:///s/*",
            resource("db", "file:///s/a/b"),
            false,
        ),
        (
            "resource:file:///s/*",
            resource("any", "file:///s/a/b"),
            true,
        ),
        ("resource:file:///s/*", resource("any", "file:///t"), false),
        ("resource:urn:isbn:*", resource("any", "urn:isbn:1"), true),
        ("resource:*://x", resource("any", "https://x"), true),
    ] {
        assert_eq!(
            pattern(written).matches(subject),
            expected,
            "{written} {subject:?}"
        );
    }
}

#[test]
fn a_kind_matches_its_own_kind_only() {
    let (server, name) = ("s", "n");
    let subjects = [
        Subject::Tool { server, name },
        Subject::Prompt { server, name },
        Subject::Resource { server, uri: name },
        Subject::Method { server, name },
    ];
    let patterns = ["tool:s/n", "prompt:s/n", "resource:s/n", "method:s/n"].map(pattern);
    for (at, subject) in subjects.into_iter().enumerate() {
        let fits: Vec<_> = patterns
            .iter()
            .map(|pattern| pattern.matches(subject))
            .collect();
        let only: Vec<_> = (0..patterns.len()).map(|other| other == at).collect();
        assert_eq!(fits, only, "{subject:?}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    use PatternError::*;
    let long = format!("files/{}", "x".repeat(1025));
    for (written, expected) in [
        ("", NoSlash),
        ("files", NoSlash),
        ("prompt:files", NoSlash),
        ("/read", NoServer),
        ("!files/read", NoServer),
        ("fi les/read", NoServer),
        (r"fi\*les/read", NoServer),
        ("prompt:a:b/c", NoServer),
        (" files/read", NoServer),
        ("tools:files/read", UnknownKind),
        ("Tool:files/read", UnknownKind),
        ("file:///srv/*", UnknownKind),
        ("files/", NothingToMatch),
        ("files/read ", Blank),
        ("files/read\nwrite", Blank),
        ("files/[rw]*", Bracket),
        ("files/{read,write}", Bracket),
        (r"files/\d+", Escape),
        (r"files/read\", Escape),
        (&long, TooLong),
    ] {
        let error = written.parse::<Pattern>().unwrap_err();
        assert_eq!(error, expected, "{written}");
    }
}

#[test]
fn it_is_shown_and_read_as_written() {
    #[derive(Deserialize)]
    struct Table {
        allow: Vec<Pattern>,
    }
    let text = r#"allow = ["*", 'files/a\*', "resource:file:///srv/*"]"#;
    let table: Table = toml::from_str(text).unwrap();
    let shown = table
        .allow
        .iter()
        .map(Pattern::to_string)
        .collect::<Vec<_>>();
    assert_eq!(shown, ["*", r"files/a\*", "resource:file:///srv/*"]);

    let error = toml::from_str::<Table>(r#"allow = ["s3cret"]"#)
        .err()
        .unwrap();
    assert!(error.message().contains("expected `server/tool`"));
    assert!(!error.message().contains("s3cret"));
}

#[test]
fn a_template_is_shown_if_one_uri_may_be_read_and_stopped_if_none() {
    for (written, uri_template, allowed, denied) in [
        ("*", "file:///{+path}", true, true),
        ("resource:s/*", "file:///{+path}", true, true),
        ("resource:t/*", "file:///{+path}", false, false),
        ("resource:file:///srv/*", "file:///{+path}", true, false),
        ("resource:file:///srv/*", "file:///srv/{name}", true, true),
        ("resource:file:///srv/*", "file:///srv/a/{name}", true, true),
        ("resource:file:///srv/*", "file:///etc/{name}", false, false),
        ("resource:file:///srv/*", "{+any}", true, false),
        (
            "resource:file:///srv/*.txt",
            "file:///srv/{name}",
            true,
            false,
        ),
        ("resource:file:///srv/x", "file:///srv/{name}", true, false),
        (
            "resource:file:///srv/x",
            "file:///srv/xy{name}",
            false,
            false,
        ),
        ("resource:file:///srv/x", "file:///srv/x", true, true),
        ("s/*", "file:///{+path}", false, false),
    ] {
        let subject = Subject::Template {
            server: "s",
            uri_template,
        };
        let pattern = pattern(written);
        assert_eq!(
            pattern.allows(subject),
            allowed,
            "{written} allows {uri_template}"
        );
        assert_eq!(
            pattern.denies(subject),
            denied,
            "{written} denies {uri_template}"
        );
    }
}

#[test]
fn a_uri_does_not_slip_through_by_its_spelling() {
    for (written, uri, allowed, denied) in [
        ("resource:file:///srv/*", "file:///srv/a", true, true),
        (
            "resource:file:///srv/*",
            "file:///srv/../etc/shadow",
            false,
            true,
        ),
        (
            "resource:file:///srv/*",
            "file:///srv/%2e%2e/etc/shadow",
            false,
            true,
        ),
        (
            "resource:file:///srv/*",
            "file:///srv/..%2fetc/shadow",
            false,
            true,
        ),
        (
            "resource:file:///etc/*",
            "file:///srv/../etc/shadow",
            false,
            true,
        ),
        (
            "resource:file:///etc/*",
            "file:///%65tc/shadow",
            false,
            true,
        ),
        ("resource:file:///etc/*", "FILE:///etc/shadow", false, true),
        ("resource:file:///etc/*", "file:////etc/shadow", false, true),
        ("resource:file:///etc/*", "file:///srv/a", false, false),
        // Whose every URI may be read has no way up to guard.
        ("resource:s/*", "file:///srv/../etc", true, true),
        ("resource:t/*", "file:///srv/../etc", false, false),
        // Escaped as its server lists it.
        (
            "resource:file:///My%20Docs/*",
            "file:///My%20Docs/a",
            true,
            true,
        ),
        ("tool:s/*", "file:///srv/../etc", false, false),
    ] {
        let pattern = pattern(written);
        assert_eq!(
            pattern.allows(resource("s", uri)),
            allowed,
            "{written} allows {uri}"
        );
        assert_eq!(
            pattern.denies(resource("s", uri)),
            denied,
            "{written} denies {uri}"
        );
    }
}
