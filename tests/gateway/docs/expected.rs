//! What a `console` block shows: commands after `$ `, and what they say.

/// A command, and what it is to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) command: String,
    pub(super) output: String,
}

/// The steps of a block. A command goes on where its line ends with `\`.
pub(super) fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        let command = line.strip_prefix("$ ");
        if command.is_some() {
            steps.push(Step::default());
        }
        let step = steps.last_mut().expect("a console block starts with `$ `");
        let part = match (command, goes_on) {
            (Some(_), _) | (None, true) => &mut step.command,
            (None, false) => &mut step.output,
        };
        let line = command.unwrap_or(line);
        part.push_str(&format!("{line}\n"));
        goes_on = (command.is_some() || goes_on) && line.ends_with('\\');
    }
    steps
}

/// Whether something is what was expected: `…` in a line is any text, a line of `…` any lines.
pub(super) fn fits(expected: &str, said: &str) -> bool {
    let expected: Vec<&str> = expected.lines().map(str::trim_end).collect();
    let said: Vec<&str> = said.lines().map(str::trim_end).collect();
    lines_fit(&expected, &said)
}

fn lines_fit(expected: &[&str], said: &[&str]) -> bool {
    match (expected.split_first(), said.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((&"…", rest)), _) => (0..=said.len()).any(|from| lines_fit(rest, &said[from..])),
        (Some(_), None) => false,
        (Some((line, rest)), Some((said, left))) => line_fits(line, said) && lines_fit(rest, left),
    }
}

fn line_fits(expected: &str, said: &str) -> bool {
    let mut parts = expected.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    false
}

#[test]
fn what_is_said_fits_what_is_expected_where_only_ellipses_differ() {
    for (expected, said) in [
        ("a\nb\n", "a\nb\n"),
        ("a … c\n", "a b c\n"),
        ("…\nlast\n", "one\ntwo\nlast\n"),
        ("first\n…\n", "first\n"),
        ("mcpg_…", "mcpg_xyz"),
        ("", ""),
    ] {
        assert!(fits(expected, said), "{expected:?} {said:?}");
    }
    for (expected, said) in [
        ("a\n", "a\nb\n"),
        ("a … d\n", "a b c\n"),
        ("…\nlast\n", "last\nmore\n"),
        ("a\n", ""),
        ("", "a\n"),
        ("a … a", "a "),
    ] {
        assert!(!fits(expected, said), "{expected:?} {said:?}");
    }
}

#[test]
fn a_command_goes_on_after_a_backslash() {
    let steps = steps("$ curl \\\n  -d x\nout\n$ true\n");
    let step = |command: &str, output: &str| Step {
        command: command.to_owned(),
        output: output.to_owned(),
    };
    assert_eq!(
        steps,
        [step("curl \\\n  -d x\n", "out\n"), step("true\n", "")]
    );
}
