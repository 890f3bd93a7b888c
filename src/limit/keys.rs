//! What is counted apart: the facts of a call, and the small key made of them.

use std::{
    hash::{BuildHasher, Hash, Hasher, RandomState},
    net::IpAddr,
};

use serde::Deserialize;

use crate::call::network;

/// What `each` may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fact {
    /// Who calls.
    Caller,
    /// The key they presented.
    Key,
    /// The role they have.
    Role,
    /// Where they call from; IPv6 by its /64.
    Address,
    /// Which server they call.
    Server,
    /// Which tool they call.
    Tool,
}

impl Fact {
    /// As it is written in `each`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Key => "key",
            Self::Role => "role",
            Self::Address => "address",
            Self::Server => "server",
            Self::Tool => "tool",
        }
    }
}

/// What is known of a call. Calls that lack a fact are counted together.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// Who calls, as the audit log has it.
    pub caller: &'a str,
    /// The name of their key.
    pub key: Option<&'a str>,
    /// Their role.
    pub role: Option<&'a str>,
    /// Where they call from.
    pub address: Option<IpAddr>,
    /// Which server.
    pub server: Option<&'a str>,
    /// Which tool, by the name that its server gave it.
    pub tool: Option<&'a str>,
}

/// A count's key: 128 bits, so that two counts never share one by chance.
pub(super) type Key = u128;

/// Makes keys of facts, without keeping their text.
#[derive(Debug)]
pub(super) struct Keys {
    each: Box<[Fact]>,
    /// Its own random secret (SipHash): who chooses names cannot choose keys.
    secret: RandomState,
}

impl Keys {
    /// Keys that tell apart what `each` names.
    pub(super) fn new(each: impl IntoIterator<Item = Fact>) -> Self {
        Self {
            each: each.into_iter().collect(),
            secret: RandomState::new(),
        }
    }

    /// The key of a call.
    pub(super) fn key(&self, facts: &Facts<'_>) -> Key {
        if self.each.is_empty() {
            return 0;
        }
        let mut hasher = self.secret.build_hasher();
        for fact in &self.each {
            match fact {
                Fact::Caller => facts.caller.hash(&mut hasher),
                Fact::Key => facts.key.hash(&mut hasher),
                Fact::Role => facts.role.hash(&mut hasher),
                Fact::Address => facts.address.map(network).hash(&mut hasher),
                Fact::Server => facts.server.hash(&mut hasher),
                // Tools of two servers may have one name.
                Fact::Tool => facts
                    .tool
                    .map(|tool| (facts.server, tool))
                    .hash(&mut hasher),
            }
        }
        let low = hasher.finish();
        // The same inner state, which is 256 bits wide, one step further.
        hasher.write_u8(1);
        u128::from(hasher.finish()) << 64 | u128::from(low)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    const FACTS: Facts<'_> = Facts {
        caller: "key:alice",
        key: Some("alice"),
        role: Some("analyst"),
        address: Some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        server: Some("files"),
        tool: Some("files__read"),
    };

    #[test]
    fn a_key_depends_on_what_each_names_and_on_nothing_else() {
        let others = [
            (
                Fact::Caller,
                Facts {
                    caller: "x",
                    ..FACTS
                },
            ),
            (Fact::Key, Facts { key: None, ..FACTS }),
            (
                Fact::Role,
                Facts {
                    role: Some(""),
                    ..FACTS
                },
            ),
            (
                Fact::Address,
                Facts {
                    address: None,
                    ..FACTS
                },
            ),
            (
                Fact::Server,
                Facts {
                    server: Some("x"),
                    ..FACTS
                },
            ),
            (
                Fact::Tool,
                Facts {
                    tool: Some("x"),
                    ..FACTS
                },
            ),
        ];
        for (named, _) in others {
            let keys = Keys::new([named]);
            for (fact, other) in others {
                let same = keys.key(&FACTS) == keys.key(&other);
                let another = named == fact || (named, fact) == (Fact::Tool, Fact::Server);
                assert_eq!(same, !another, "each = {named:?}, other {fact:?}");
            }
        }
        let all = Keys::new([]);
        assert!(
            others
                .iter()
                .all(|(_, other)| all.key(&FACTS) == all.key(other))
        );
    }

    #[test]
    fn neighbouring_facts_do_not_run_into_each_other() {
        let keys = Keys::new([Fact::Server, Fact::Tool]);
        let key = |server, tool| {
            let facts = Facts {
                server,
                tool,
                ..FACTS
            };
            keys.key(&facts)
        };
        assert_ne!(key(Some("ab"), Some("c")), key(Some("a"), Some("bc")));
        assert_ne!(key(None, Some("a")), key(Some("a"), None));
        assert_ne!(key(None, Some("")), key(Some(""), None));
    }

    #[test]
    fn keys_cannot_be_foreseen() {
        let make = || Keys::new([Fact::Caller]).key(&FACTS);
        assert_ne!(make(), make());
        let key = make();
        assert_ne!(
            key >> 64,
            key & u128::from(u64::MAX),
            "two hashes, not one twice"
        );
    }

    #[test]
    fn an_address_counts_as_what_its_owner_holds() {
        let network = |text: &str| network(text.parse().unwrap());
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:0:0:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            // Not the /64 of all mapped IPv4 addresses.
            ("::1", "::ffff:192.0.2.1", false),
        ] {
            assert_eq!(network(one) == network(other), same, "{one} {other}");
        }
    }
}
