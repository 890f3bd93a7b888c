//! What a change to a file looks like.

/// The lines that change, with `-` and `+`.
pub(super) fn difference(before: &str, after: &str) -> String {
    let (one, other): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let mut pairs = one.iter().zip(&other);
    let head = pairs
        .by_ref()
        .take_while(|(one, other)| one == other)
        .count();
    let most = one.len().min(other.len()) - head;
    let pairs = one.iter().rev().zip(other.iter().rev());
    let tail = pairs
        .take(most)
        .take_while(|(one, other)| one == other)
        .count();
    let part = |lines: &[&str], sign: &str| -> Vec<String> {
        let inner = lines.iter().take(lines.len() - tail).skip(head);
        inner.map(|line| format!("{sign} {line}")).collect()
    };
    [part(&one, "-"), part(&other, "+")].concat().join("\n")
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn only_what_changes_is_shown() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n"), "- b\n+ x\n+ y");
        assert_eq!(difference("a\na\n", "a\na\na\n"), "+ a");
        assert_eq!(difference("", "a\n"), "+ a");
    }
}
