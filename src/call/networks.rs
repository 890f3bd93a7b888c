//! Networks of addresses, as a person lists them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, de};

/// A list of networks: `["10.0.0.0/8", "192.168.1.7", "fd00::/8"]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Reads addresses and networks, one each.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn read(written: &[String]) -> Result<Self, &'static str> {
        let networks = written.iter().map(|one| Network::try_from(one.as_str()));
        networks.collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is in one of them. An IPv4 address is the same in either notation.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.0.contains(&address))
    }

    /// Whether a request from there is let through: by an empty list all are. What comes on a
    /// pipe comes from nowhere, and from this machine at that.
    pub fn admit(&self, address: Option<IpAddr>) -> bool {
        self.is_empty() || address.is_none_or(|address| self.contains(address))
    }

    /// Whether one of them has more than this many bits of an address open: with 8, 256 of them.
    pub fn is_wider_than(&self, bits: u8) -> bool {
        let open = |network: &Network| network.0.max_prefix_len() - network.0.prefix_len();
        self.0.iter().any(|network| open(network) > bits)
    }

    /// Whether one of them leaves hardly anybody out: more than a whole 0.0.0.0/8.
    pub fn is_nearly_all(&self) -> bool {
        self.0.iter().any(|network| network.0.prefix_len() < 7)
    }

    /// Whether an address of this machine itself is in one of them.
    pub fn has_loopback(&self) -> bool {
        let loopback = |network: &Network| {
            network.0.addr().is_loopback()
                || network.0.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST))
                || network.0.contains(&IpAddr::V6(Ipv6Addr::LOCALHOST))
        };
        self.0.iter().any(loopback)
    }

    /// Whether none is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        let canonical = |network: IpNet| Network(canonical(network.trunc()));
        Self(networks.into_iter().map(canonical).collect())
    }
}

/// One of them; its own type, so that a mistake is found at its own place in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network(IpNet);

impl<'de> Deserialize<'de> for Network {
    /// By a visitor: serde's `try_from` would lose the place in the list.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written)
    }
}

struct Written;

impl de::Visitor<'_> for Written {
    type Value = Network;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address or a network, such as \"10.0.0.0/8\"")
    }

    fn visit_str<E: de::Error>(self, written: &str) -> Result<Network, E> {
        Network::try_from(written).map_err(E::custom)
    }
}

impl TryFrom<&str> for Network {
    type Error = &'static str;

    fn try_from(written: &str) -> Result<Self, Self::Error> {
        if let Ok(address) = written.parse::<IpAddr>() {
            return Ok(Self(IpNet::from(address.to_canonical())));
        }
        let Ok(network) = written.parse::<IpNet>() else {
            return Err("expected an address or a network, such as \"10.0.0.0/8\"");
        };
        if network.trunc() != network {
            // One of the two halves is a slip, and the wrong guess would trust too many.
            return Err(
                "the address has bits behind its prefix: \"10.0.0.0/8\" is a network, \
                        \"10.0.0.5/8\" is not",
            );
        }
        Ok(Self(canonical(network)))
    }
}

/// `::ffff:10.0.0.0/104` is 10.0.0.0/8.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else {
        return network;
    };
    let inner = mapped.addr().to_ipv4_mapped();
    let prefix = mapped.prefix_len().checked_sub(96);
    inner
        .zip(prefix)
        .and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok())
        .map_or(network, IpNet::V4)
}

/// The network that counts as one address: IPv4 as it is, IPv6 as its /64, which is what one
/// household gets and can roam in.
pub fn network(address: IpAddr) -> u128 {
    const HALF: u128 = Ipv6Addr::new(!0, !0, !0, !0, 0, 0, 0, 0).to_bits();
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits() & HALF,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(written: &[&str]) -> Result<Networks, String> {
        let text = serde_json::to_string(written).unwrap();
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_is_in_a_network_or_not() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("10.0.0.0/8", "::10.0.0.1", false),
            ("10.0.0.5", "10.0.0.5", true),
            ("10.0.0.5", "10.0.0.4", false),
            ("::ffff:10.0.0.5", "10.0.0.5", true),
            ("::ffff:10.0.0.0/104", "10.9.9.9", true),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "10.0.0.1", false),
            ("fd00::/8", "fdff::1", true),
            ("::1", "::1", true),
            ("::1", "::2", false),
        ] {
            let found = networks(&[network])
                .unwrap()
                .contains(address.parse().unwrap());
            assert_eq!(found, inside, "{address} in {network}");
        }
        assert!(Networks::default().is_empty());
        let listed: Networks = ["10.0.0.5/8".parse().unwrap()].into_iter().collect();
        assert_eq!(listed, networks(&["10.0.0.0/8"]).unwrap());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.5/8",
            "10.0.0",
            "10.0.0.1:80",
            "::1/-1",
        ] {
            assert!(networks(&["::1", wrong]).is_err(), "{wrong}");
        }
    }
}
