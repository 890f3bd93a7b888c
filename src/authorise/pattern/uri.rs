//! URIs that say one thing to a glob and another to a server.
//!
//! `file:///srv/../etc/shadow` fits `file:///srv/*`, and `file:///%65tc/shadow` does not fit
//! `file:///etc/*`; the server that reads them opens the same file.

use std::borrow::Cow;

/// Whether it has a segment `.` or `..`, however that is spelt. No client has a reason to send one.
pub(super) fn climbs(uri: &str) -> bool {
    decoded(uri)
        .split(['/', '\\', '?', '#', ';'])
        .any(|segment| matches!(segment, "." | ".."))
}

/// The plainest spelling: no escapes, a scheme in lower case, one `/` where there are several.
pub(super) fn plain(uri: &str) -> String {
    let decoded = decoded(uri);
    let Some((scheme, rest)) = decoded.split_once(':') else {
        return decoded.into_owned();
    };
    let scheme = scheme.to_ascii_lowercase();
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        // `file:/etc` is `file:///etc`; elsewhere no `//` means that there is no authority.
        None if scheme == "file" => ("", rest),
        None => return format!("{scheme}:{rest}"),
    };
    let authority = match (scheme.as_str(), authority) {
        ("file", "localhost") => "",
        (_, other) => other,
    };
    let mut plain = format!("{scheme}://{authority}");
    for c in path.chars() {
        if c != '/' || !plain.ends_with('/') || plain.ends_with("://") {
            plain.push(c);
        }
    }
    plain
}

/// With `%2F` as `/`. What is no escape, or would not be Unicode, is left or replaced.
fn decoded(uri: &str) -> Cow<'_, str> {
    let mut parts = uri.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    if bytes.len() == uri.len() {
        return Cow::Borrowed(uri);
    }
    for part in parts {
        let byte = part.get(..2).and_then(hexadecimal);
        match byte {
            Some(byte) => bytes.push(byte),
            None => bytes.push(b'%'),
        }
        let after = if byte.is_some() {
            part.get(2..)
        } else {
            Some(part)
        };
        bytes.extend_from_slice(after.unwrap_or_default().as_bytes());
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hexadecimal(digits: &str) -> Option<u8> {
    // `from_str_radix` would take `+f`.
    let digits = digits
        .bytes()
        .all(|b| b.is_ascii_hexdigit())
        .then_some(digits)?;
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_up_is_seen_in_every_spelling() {
        for uri in [
            "file:///srv/../etc",
            "file:///srv/..",
            "file:///srv/./x",
            "file:///srv/%2e%2e/etc",
            "file:///srv/%2E./etc",
            "file:///srv/..%2fetc",
            "file:///srv/..%5Cetc",
            r"file:///srv/..\etc",
            "file:///srv/..;x/etc",
            "..",
        ] {
            assert!(climbs(uri), "{uri}");
        }
        for uri in [
            "file:///srv/a..b",
            "file:///srv/.git/x",
            "db://a/...",
            "a%2",
        ] {
            assert!(!climbs(uri), "{uri}");
        }
    }

    #[test]
    fn the_plainest_spelling() {
        for (uri, expected) in [
            ("file:///etc/shadow", "file:///etc/shadow"),
            ("FILE:///%65tc//shadow", "file:///etc/shadow"),
            ("file:/etc/shadow", "file:///etc/shadow"),
            ("file://localhost/etc/shadow", "file:///etc/shadow"),
            ("file:////etc", "file:///etc"),
            ("db://Users//1", "db://Users/1"),
            ("urn:a//b", "urn:a//b"),
            ("no scheme", "no scheme"),
            ("x:%zz%", "x:%zz%"),
        ] {
            assert_eq!(plain(uri), expected, "{uri}");
        }
    }
}
