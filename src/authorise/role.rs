//! Roles: what each may do, and from where.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};

use super::{Condition, Pattern, Rules, Subject};
use crate::{
    call::{Caller, Extent, Networks, RoleName, ServerName, Standing},
    map::Map,
    refusal::Refusal,
};

/// One entry of `allow` or `deny`: a pattern, or one with a condition.
///
/// ```toml
/// allow = ["files/read_*", { target = "files/write_*", when = "args.path.startsWith('/srv/')" }]
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleConfig {
    /// What it is about.
    pub target: Pattern,
    /// When it counts; absent: always.
    pub when: Option<Condition>,
}

impl<'de> Deserialize<'de> for RuleConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RuleVisitor)
    }
}

struct RuleVisitor;

impl<'de> de::Visitor<'de> for RuleVisitor {
    type Value = RuleConfig;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a pattern such as \"files/read_*\", or { target = \"…\", when = \"…\" }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<RuleConfig, E> {
        let target = text.parse().map_err(E::custom)?;
        Ok(RuleConfig { target, when: None })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RuleConfig, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            target: Pattern,
            when: Option<Condition>,
        }
        let table = Table::deserialize(de::value::MapAccessDeserializer::new(map))?;
        let Table { target, when } = table;
        Ok(RuleConfig { target, when })
    }
}

/// What a role may do, and from where.
#[derive(Debug, Clone)]
pub struct Role {
    /// What it may do, with what it inherits.
    pub rules: Arc<Rules>,
    /// The networks it may be used from; empty: all.
    pub from: Networks,
    /// The views it is bound to; empty: it is bound to none.
    pub views: Vec<Arc<str>>,
    /// Whether it may look at the gateway itself.
    pub admin: bool,
}

impl Role {
    fn sees(&self, extent: &Extent) -> bool {
        match extent {
            _ if self.views.is_empty() => true,
            Extent::View(name) => self.views.contains(name),
            Extent::All | Extent::Server(_) => false,
        }
    }
}

/// Every role.
#[derive(Debug, Clone, Default)]
pub struct Roles(Map<RoleName, Role>);

impl Roles {
    /// Roles under their names.
    pub fn new(roles: impl IntoIterator<Item = (RoleName, Role)>) -> Self {
        Self(roles.into_iter().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The role of that name.
    pub fn get(&self, name: &RoleName) -> Option<&Role> {
        self.0.get(name)
    }

    /// Whether a caller's rules leave anything of a server. Who has no role here is told so
    /// elsewhere.
    pub fn may_know(&self, caller: &Caller, server: &ServerName) -> bool {
        let role = caller.standing.role().and_then(|name| self.0.get(name));
        role.is_none_or(|role| {
            let mut subjects = Subject::any_of(server.as_str()).into_iter();
            subjects.any(|subject| role.rules.leave_some(subject))
        })
    }

    /// Whether a caller may look at the gateway itself: in a role that says so, or where no role
    /// says what anybody may do.
    pub fn oversees(&self, caller: &Caller) -> bool {
        let role = match &caller.standing {
            // A key that only vouches for others has no role either.
            Standing::Everything => return self.0.is_empty(),
            Standing::Nothing(_) => return false,
            Standing::Role(name) => self.0.get(name),
        };
        role.is_some_and(|role| role.admin) && self.admit(caller, &Extent::All).is_ok()
    }

    /// Whether a caller has a role that may be used from where it is, and where it came in.
    ///
    /// # Errors
    /// When not; the words say which setting decides.
    pub fn admit(&self, caller: &Caller, extent: &Extent) -> Result<(), Refusal> {
        let name = match &caller.standing {
            Standing::Everything => return Ok(()),
            Standing::Nothing(why) => return Err(Refusal::NoRole(why.clone())),
            Standing::Role(name) => name,
        };
        let words = match self.0.get(name) {
            None => format!("the role `{name}` does not exist"),
            Some(role) if !role.from.admit(caller.address) => {
                format!("the role `{name}` may not be used from this address ([roles.{name}] from)")
            }
            Some(role) if !role.sees(extent) => {
                let paths = role.views.iter().map(|view| format!("/v/{view}/mcp"));
                let paths = paths.collect::<Vec<_>>().join(", ");
                format!("the role `{name}` is bound to {paths} ([roles.{name}] views)")
            }
            Some(_) => return Ok(()),
        };
        Err(Refusal::NoRole(words.into()))
    }
}
