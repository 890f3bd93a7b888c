//! The variables that OpenTelemetry names for what `[traces]` does not say.

/// Where spans are sent.
pub(super) const TARGET: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// Where everything is sent: `/v1/traces` is added.
pub(super) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The file of whom TLS trusts: the first that is set.
pub(super) const AUTHORITIES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
];
/// What is sent along.
pub(super) const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// What the program is called.
pub(super) const SERVICE: &str = "OTEL_SERVICE_NAME";
/// What else is said of it.
pub(super) const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// `a=b,c=d`, each value percent-encoded.
pub(super) fn listed(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let pairs = text
        .split(',')
        .map(str::trim)
        .filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (key.trim(), decoded(value.trim())?);
        (!key.is_empty()).then(|| (key.to_owned(), value))
    };
    let pairs: Option<Vec<(String, String)>> = pairs.map(pair).collect();
    pairs.ok_or("expected `key=value,key=value`, values percent-encoded")
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_whole_or_not_at_all() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let read = listed("a=b%2Cc%3D, d = e=f ,,g=").unwrap();
        assert_eq!(read, [pair("a", "b,c="), pair("d", "e=f"), pair("g", "")]);
        for wrong in ["a", "=b", "a=%2", "a=%zz", "a=%ff", "a=b,c"] {
            assert!(listed(wrong).is_err(), "{wrong}");
        }
    }
}
