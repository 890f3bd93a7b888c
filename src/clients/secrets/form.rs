//! What looks like a secret, whatever it is called.

use std::ops::Range;

use super::name;

/// How tokens that people are given begin.
const BEGINNINGS: [&str; 42] = [
    "sk-",
    "sk_",
    "rk_",
    "pk_live_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxe-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "npm_",
    "pypi-",
    "hf_",
    "gsk_",
    "tvly-",
    "fc-",
    "ntn_",
    "secret_",
    "lin_api_",
    "dop_v1_",
    "SG.",
    "r8_",
    "pplx-",
    "mcpg_",
    "figd_",
    "sbp_",
    "apify_api_",
    "shpat_",
    "PMAK-",
    "dckr_pat_",
    "ctx7sk-",
];
/// Words before a token in a header.
const SCHEMES: [&str; 6] = [
    "Bearer ", "bearer ", "Basic ", "Token ", "token ", "ApiKey ",
];

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Secret<'a> {
    pub(super) span: Range<usize>,
    /// What it is called in the text itself, as a parameter of an address is; else nothing.
    pub(super) hint: &'a str,
}

/// What is secret in a text of that name, in the order in which it stands there.
pub(super) fn secrets<'a>(name: &str, text: &'a str) -> Vec<Secret<'a>> {
    let start = text.len() - text.trim_start().len();
    let value = text.trim();
    let whole = |from: usize| {
        let span = start + from..start + value.len();
        vec![Secret { span, hint: "" }]
    };
    // Somebody has moved it out already. What may be any caller's is nobody's secret.
    if value.is_empty() || value.contains("${") || value.contains("{{") {
        return Vec::new();
    }
    if let Some(scheme) = SCHEMES.iter().find(|scheme| value.starts_with(**scheme)) {
        return whole(scheme.len());
    }
    if let Some((_, rest)) = value.split_once("://") {
        return in_address(text, text.len() - text.trim_end().len(), rest);
    }
    let is_path = value.starts_with(['/', '~', '.']);
    let is_word = matches!(value, "true" | "false" | "none" | "null");
    let by_name = name::is_secret(name) && !is_path && !is_word;
    match by_name || is_token(value) {
        true => whole(0),
        false => Vec::new(),
    }
}

/// A comment in which `***` stands for what looks like a secret: people switch a line off and forget it.
pub(super) fn without_secrets(line: &str) -> String {
    let signs = |c: char| "\"',;(){}[]`".contains(c);
    let mut name = "";
    let words = line.split(' ').map(|word| {
        let bare = word.trim_matches(signs);
        let (own, value) = bare.split_once('=').unwrap_or((name, bare));
        let found = secrets(own, value);
        name = bare
            .strip_suffix(':')
            .unwrap_or_default()
            .trim_matches(signs);
        let hidden = found
            .iter()
            .filter_map(|secret| value.get(secret.span.clone()));
        hidden.fold(word.to_owned(), |word, hidden| word.replace(hidden, "***"))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A password, a parameter, or a part of the path that nobody could guess.
fn in_address<'a>(text: &'a str, after: usize, rest: &'a str) -> Vec<Secret<'a>> {
    let begin = text.len() - after - rest.len();
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, query),
        None => (rest, ""),
    };
    let mut found = Vec::new();
    let (host, path) = match place.split_once('/') {
        Some((host, path)) => (host, path),
        None => (place, ""),
    };
    if let Some((user, _)) = host.rsplit_once('@')
        && let Some((name, password)) = user.split_once(':')
        && !password.is_empty()
    {
        let from = begin + name.len() + 1;
        let span = from..from + password.len();
        found.push(Secret {
            span,
            hint: "password",
        });
    }
    let mut at = begin + host.len() + 1;
    for part in path.split('/') {
        if is_token(part) || is_random(part, 20) {
            let span = at..at + part.len();
            found.push(Secret { span, hint: "key" });
        }
        at += part.len() + 1;
    }
    at = begin + place.len() + 1;
    for pair in query.split('&') {
        if let Some((name, value)) = pair.split_once('=') {
            let is_secret = !value.is_empty() && (name::is_secret(name) || is_token(value));
            if is_secret {
                let from = at + name.len() + 1;
                let span = from..from + value.len();
                found.push(Secret { span, hint: name });
            }
        }
        at += pair.len() + 1;
    }
    found
}

/// Whether a text is a token by its form.
fn is_token(text: &str) -> bool {
    let begins = |beginning: &str| {
        let rest = text.strip_prefix(beginning);
        rest.is_some_and(|rest| rest.len() >= 8 && is_one_word(rest))
    };
    let is_jwt = text.starts_with("eyJ") && text.matches('.').count() == 2 && text.len() > 30;
    BEGINNINGS.iter().any(|beginning| begins(beginning))
        || is_jwt
        || text.starts_with("-----BEGIN")
        || is_random(text, 32)
}

fn is_one_word(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_.=+/".contains(c))
}

/// Letters and digits in no order that a person would choose.
fn is_random(text: &str, least: usize) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=');
    if text.len() < least || !text.chars().all(plain) {
        return false;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let both = text.contains(|c: char| c.is_ascii_lowercase())
        && text.contains(|c: char| c.is_ascii_uppercase());
    digits >= 3 && (is_hex || both)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with what is secret in it left out.
    fn shown(name: &str, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in secrets(name, text).into_iter().rev() {
            shown.replace_range(secret.span, "*");
        }
        shown
    }

    #[test]
    fn what_looks_like_a_secret_is_found_whatever_it_is_called() {
        for (name, text, expected) in [
            ("X", "ghp_0123456789abcdefABCDEF", "*"),
            ("X", "sk-ant-api03-abcdefgh", "*"),
            ("Authorization", "Bearer abc", "Bearer *"),
            ("X", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefghijk", "*"),
            ("X", "0123456789abcdef0123456789abcdef", "*"),
            (
                "DATABASE_URL",
                "postgres://sam:hunter2@db/shop",
                "postgres://sam:*@db/shop",
            ),
            (
                "",
                "https://x.example/mcp?apiKey=abc&limit=5",
                "https://x.example/mcp?apiKey=*&limit=5",
            ),
            (
                "",
                "https://h.example/s/Zx81Kq93LmN02PqRst56/mcp",
                "https://h.example/s/*/mcp",
            ),
            ("API_KEY", "short", "*"),
            ("PASSWORD", "1234", "*"),
        ] {
            assert_eq!(shown(name, text), expected, "{name} {text}");
        }
    }

    #[test]
    fn no_secret_stands_in_a_comment() {
        for (line, expected) in [
            (
                "\"env\": { \"API_KEY\": \"abc\" },",
                "\"env\": { \"API_KEY\": \"***\" },",
            ),
            ("was ghp_0123456789abcdef before", "was *** before"),
            ("API_KEY=abc", "API_KEY=***"),
            ("the token of the team", "the token of the team"),
            ("https://u:pass@h.example", "https://u:***@h.example"),
        ] {
            assert_eq!(without_secrets(line), expected);
        }
    }

    #[test]
    fn what_does_not_is_left() {
        for (name, text) in [
            ("API_KEY", "${API_KEY}"),
            ("Authorization", "Bearer ${TOKEN}"),
            ("X-User", "{{caller.id}}"),
            ("TOKEN_FILE", "/run/secrets/token"),
            ("SSH_KEY", "~/.ssh/id_ed25519"),
            ("LOG_LEVEL", "debug"),
            ("", "https://example.com/servers/filesystem/mcp"),
            ("", "@modelcontextprotocol/server-filesystem"),
            ("", "--allow-write"),
            ("USE_TOKEN", "true"),
            ("", "/home/sam/projects/averyveryverylongfoldername"),
        ] {
            assert_eq!(shown(name, text), text, "{name}");
        }
    }
}
