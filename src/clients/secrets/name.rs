//! Names that say that what they stand for is a secret.

/// Words of which one is enough.
const SECRET: [&str; 17] = [
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "apikey",
    "apitoken",
    "credential",
    "credentials",
    "authorization",
    "bearer",
    "cookie",
    "pat",
    "dsn",
];
/// Last words that say that it is something about a secret, or of another kind.
const ABOUT: [&str; 38] = [
    "file",
    "path",
    "dir",
    "folder",
    "limit",
    "limits",
    "budget",
    "max",
    "min",
    "ttl",
    "timeout",
    "count",
    "size",
    "length",
    "type",
    "name",
    "mode",
    "id",
    "host",
    "port",
    "region",
    "enabled",
    "header",
    "expiry",
    "expires",
    "url",
    "uri",
    "endpoint",
    "provider",
    "method",
    "algorithm",
    "prefix",
    "suffix",
    "scheme",
    "cache",
    "refresh",
    "required",
    "command",
];

/// The words that a name is made of, in lower case: `X-Api-Key`, `api_key` and `apiKey` are alike.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        let begins = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower);
        if begins && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && c.is_ascii_alphanumeric()
        {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a name says so.
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else {
        return false;
    };
    if ABOUT.contains(&last.as_str()) {
        return false;
    }
    let says = |word: &String| SECRET.contains(&word.as_str());
    words.iter().any(says) || matches!(last.as_str(), "key" | "keys" | "auth")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_every_spelling() {
        for name in [
            "API_KEY",
            "apiKey",
            "x-api-key",
            "GITHUB_PERSONAL_ACCESS_TOKEN",
            "Authorization",
            "DB_PASSWORD",
            "GITLAB_PAT",
            "--client-secret",
            "exaApiKey",
            "SENTRY_DSN",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "",
            "PATH",
            "TOKEN_LIMIT",
            "SECRET_FILE",
            "API_KEY_HEADER",
            "KEYBOARD",
            "MONKEY",
            "LOG_LEVEL",
            "API_URL",
            "TOKEN_URL",
            "PATIENT",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
