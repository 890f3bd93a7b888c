//! Where a client calls from, through the proxies in front of us.
//!
//! A proxy appends the address that it was called from, so the list is read from the right, as
//! long as those who wrote it are trusted. What stands further left anybody may have written.
//!
//! Where both headers are there, `X-Forwarded-For` counts: nginx (`$proxy_add_x_forwarded_for`),
//! Caddy and Traefik write that one, and hand on a `Forwarded` that the client made up. A proxy
//! that writes only `Forwarded` has to remove the other.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::call::Networks;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies in a row that are looked through.
const HOPS: usize = 20;

/// The address of the client behind `peer`, which is who is connected to us.
///
/// It is the first from the right that is not trusted; if all are, the leftmost. At a hop that
/// cannot be read, and after 20 of them, it is the last that was trusted.
pub(super) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let mut client = peer.to_canonical();
    if !trusted.contains(client) {
        return client;
    }
    let is_usual = headers.contains_key(X_FORWARDED_FOR);
    let name = if is_usual {
        X_FORWARDED_FOR
    } else {
        header::FORWARDED
    };
    let read = if is_usual { address } else { forwarded_for };
    // Several lines are one list, in their order.
    let lines = headers.get_all(name).iter().rev();
    let mut hops = lines.flat_map(from_the_right).take(HOPS).filter(is_hop);
    while trusted.contains(client) {
        let hop = hops.next().and_then(|hop| std::str::from_utf8(hop).ok());
        match hop.and_then(read) {
            Some(next) => client = next.to_canonical(),
            None => break,
        }
    }
    client
}

/// The members of one line. A comma in quotes divides as well: we need none that has one, and
/// a quote that somebody left open further left must not swallow what our proxy wrote.
fn from_the_right(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().rsplit(|byte| *byte == b',')
}

/// Empty members of a list mean nothing (RFC 9110, 5.6.1).
fn is_hop(hop: &&[u8]) -> bool {
    !hop.trim_ascii().is_empty()
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim_ascii();
    if let Ok(address) = hop.parse::<IpAddr>() {
        return Some(address);
    }
    if let Ok(address) = hop.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let inner = hop.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// The one `for` in `for="[2001:db8::1]:80";proto=https;by=203.0.113.43` (RFC 7239).
fn forwarded_for(hop: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in hop.split(';') {
        // Cut through a quoted string: nobody knows whose words these are.
        if pair.matches('"').count() % 2 == 1 {
            return None;
        }
        let Some((name, value)) = pair.split_once('=') else {
            continue;
        };
        if name.trim_ascii().eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return None;
        }
    }
    let value = found?.trim_ascii();
    let quoted = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    address(quoted.unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    /// Whom we take for the client, with proxies in 10.0.0.0/8 and fd00::/8.
    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let trusted = trusted.into_iter().collect();
        client_address(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_usual_header_is_read_from_the_right() {
        for (value, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
            ("203.0.113.9, 192.0.2.1, 10.0.0.2,10.0.0.3", "192.0.2.1"),
            // Made up by the client: each is left of what a proxy wrote.
            ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
            ("10.0.0.9, 192.0.2.1", "192.0.2.1"),
            ("garbage, 192.0.2.1", "192.0.2.1"),
            ("\u{e4}, 192.0.2.1", "192.0.2.1"),
            // All of them ours.
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            // Not to be read: never what is left of it.
            ("192.0.2.1, unknown", PROXY),
            ("192.0.2.1, \u{e4}, 10.0.0.2", "10.0.0.2"),
            ("192.0.2.1, 10.0.0.256, 10.0.0.2", "10.0.0.2"),
            ("192.0.2.1:99999", PROXY),
            ("192.0.2.1 192.0.2.2", PROXY),
            ("for=192.0.2.1", PROXY),
            ("[192.0.2.1]", PROXY),
            ("[2001:db8::1", PROXY),
            // Empty members are none.
            ("", PROXY),
            (" , ,", PROXY),
            ("192.0.2.1, ,10.0.0.2,", "192.0.2.1"),
            // Ports, brackets and both notations.
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("\t[2001:db8::1]:4711 ", "2001:db8::1"),
            ("192.0.2.1, fd00::2, [fd00::3]:80", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
        ] {
            assert_eq!(
                client(PROXY, &[("x-forwarded-for", value)]),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn the_standard_header_is_read_likewise() {
        for (value, expected) in [
            ("for=192.0.2.1", "192.0.2.1"),
            (
                "For=\"192.0.2.1:4711\"; Proto=https;by=203.0.113.43",
                "192.0.2.1",
            ),
            ("proto=https; for=\"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=\"[2001:db8::1]\", for=10.0.0.2", "2001:db8::1"),
            (
                "for=127.0.0.1, for=192.0.2.1;proto=http, for=10.0.0.2",
                "192.0.2.1",
            ),
            // A quote left open by the client swallows nothing of ours.
            ("for=\", for=192.0.2.1", "192.0.2.1"),
            ("for=\"x, for=127.0.0.1\", for=192.0.2.1", "192.0.2.1"),
            // Words of the client in what a proxy wrote.
            ("for=192.0.2.1;host=\"a, for=127.0.0.1, b\"", PROXY),
            ("for=192.0.2.1;host=\"a;for=127.0.0.1;b\"", PROXY),
            ("for=192.0.2.1;for=127.0.0.1", PROXY),
            // Nobody's address.
            ("for=192.0.2.1, for=unknown", PROXY),
            ("for=192.0.2.1, for=_hidden", PROXY),
            ("for=192.0.2.1, proto=https", PROXY),
            ("for=192.0.2.1, by=192.0.2.2, for=10.0.0.2", "10.0.0.2"),
            ("for=\"192.0.2.1", PROXY),
            ("for=", PROXY),
            ("192.0.2.1", PROXY),
            ("", PROXY),
        ] {
            assert_eq!(client(PROXY, &[("forwarded", value)]), expected, "{value}");
        }
    }

    #[test]
    fn who_is_not_a_proxy_is_the_client_whatever_it_says() {
        let lines = [
            ("x-forwarded-for", "10.0.0.5"),
            ("forwarded", "for=10.0.0.5"),
        ];
        assert_eq!(client("198.51.100.7", &lines), "198.51.100.7");
        assert_eq!(client("::ffff:198.51.100.7", &lines), "198.51.100.7");
        let nobody = Networks::default();
        let peer = PROXY.parse().unwrap();
        let headers = HeaderMap::from_iter([(X_FORWARDED_FOR, HeaderValue::from_static("::1"))]);
        assert_eq!(client_address(peer, &headers, &nobody), peer);
    }

    #[test]
    fn without_headers_the_peer_is_the_client() {
        assert_eq!(client(PROXY, &[]), PROXY);
        assert_eq!(client("::ffff:10.0.0.1", &[]), PROXY);
    }

    #[test]
    fn several_lines_are_one_list() {
        let lines = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "192.0.2.1, 10.0.0.3"),
            ("x-forwarded-for", "10.0.0.2"),
        ];
        assert_eq!(client(PROXY, &lines), "192.0.2.1");
    }

    #[test]
    fn what_the_client_made_up_in_the_other_header_does_not_count() {
        let both = [
            ("forwarded", "for=127.0.0.1"),
            ("x-forwarded-for", "192.0.2.1"),
        ];
        assert_eq!(client(PROXY, &both), "192.0.2.1");
        let unreadable = [("forwarded", "for=127.0.0.1"), ("x-forwarded-for", "?")];
        assert_eq!(client(PROXY, &unreadable), PROXY);
    }

    #[test]
    fn the_walk_has_an_end() {
        let proxies = |count| vec!["10.0.0.2"; count].join(", ");
        let value = format!("192.0.2.1, {}", proxies(HOPS - 1));
        assert_eq!(client(PROXY, &[("x-forwarded-for", &value)]), "192.0.2.1");
        let value = format!("192.0.2.1, {}", proxies(HOPS));
        assert_eq!(client(PROXY, &[("x-forwarded-for", &value)]), "10.0.0.2");
        let value = format!("192.0.2.1{}", ",".repeat(HOPS));
        assert_eq!(client(PROXY, &[("x-forwarded-for", &value)]), PROXY);
    }
}
