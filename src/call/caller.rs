//! Who is calling, and in which role.

use std::{borrow::Cow, fmt, net::IpAddr, ops::Deref, sync::Arc};

use super::{CertificateName, KeyName, RoleName};

/// Who somebody is, from one request to the next: sessions and what servers keep belong to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The user whose process speaks over stdin.
    Local,
    /// Somebody over HTTP who has shown nothing.
    Anonymous,
    /// The holder of a key.
    Key(KeyName),
    /// The holder of a certificate that a table names.
    Certificate(CertificateName),
    /// Whom the issuer of a token calls so: the name of its table, and the caller's id there.
    Token(Arc<str>, Arc<str>),
    /// Whom a trusted peer calls so; the peer's key, if it has shown one.
    User(Option<KeyName>, Arc<str>),
}

/// No two have the same name: what servers keep for a caller, limits and the log go by it.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Key(name) => write!(f, "key:{name}"),
            Self::Certificate(name) => write!(f, "certificate:{name}"),
            Self::Token(issuer, id) => write!(f, "token:{}:{id}", undivided(issuer)),
            Self::User(None, id) => write!(f, "user:{}", undivided(id)),
            Self::User(Some(key), id) => write!(f, "user:{key}:{id}"),
        }
    }
}

/// A text in which no colon stands, so that the first one after it ends it. The names of keys and
/// certificates have none.
fn undivided(text: &str) -> Cow<'_, str> {
    if !text.contains([':', '%']) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('%', "%25").replace(':', "%3A"))
}

/// What a caller may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Everything: no policy says otherwise.
    Everything,
    /// What the role allows.
    Role(RoleName),
    /// Nothing; why, in words for the caller.
    Nothing(Arc<str>),
}

impl Standing {
    /// The role, if it is one.
    pub fn role(&self) -> Option<&RoleName> {
        match self {
            Self::Role(name) => Some(name),
            Self::Everything | Self::Nothing(_) => None,
        }
    }
}

/// What is known of who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Whose sessions are whose.
    pub identity: Identity,
    /// The same as the log has it.
    pub name: Arc<str>,
    /// What they may do.
    pub standing: Standing,
    /// The key that was shown.
    pub key: Option<KeyName>,
    /// `{{caller.id}}`
    pub id: Option<Arc<str>>,
    /// `{{caller.email}}`
    pub email: Option<Arc<str>>,
    /// What the role is called where the caller comes from, if it is called something there.
    pub claimed: Option<Arc<str>>,
    /// When what says so is over, in Unix seconds; nothing: never.
    pub until: Option<u64>,
}

impl Who {
    /// Somebody of whom nothing but this is known.
    pub fn of(identity: Identity, standing: Standing) -> Self {
        Self {
            name: identity.to_string().into(),
            identity,
            standing,
            key: None,
            id: None,
            email: None,
            claimed: None,
            until: None,
        }
    }
}

/// Who makes one request, and from where. It is found out anew for each.
#[derive(Debug, Clone)]
pub struct Caller {
    who: Arc<Who>,
    /// Where the request comes from; nothing on a pipe.
    pub address: Option<IpAddr>,
    /// When what was shown is over, in Unix seconds; nothing: never. A call that has begun before
    /// goes on, a stream of what servers say does not.
    pub until: Option<u64>,
}

impl Caller {
    /// Somebody, on a request from there.
    pub fn new(who: Arc<Who>, address: Option<IpAddr>) -> Self {
        Self {
            until: who.until,
            who,
            address,
        }
    }

    /// The same, if something else that was shown is over then.
    #[must_use]
    pub fn until(mut self, end: Option<u64>) -> Self {
        let ends = [self.until, end].into_iter().flatten();
        self.until = ends.min();
        self
    }

    /// The user whose process speaks over stdin.
    pub fn local(standing: Standing) -> Self {
        Self::new(Arc::new(Who::of(Identity::Local, standing)), None)
    }
}

impl Deref for Caller {
    type Target = Who;

    fn deref(&self) -> &Who {
        &self.who
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_two_identities_have_the_same_name() {
        let texts = [
            "", "a", "b", ":", "a:", "a:b", "b:a", "%", "%3A", "a%3Ab", "local",
        ];
        let keys = ["a", "b", "local", "user", "token"];
        let keys = keys.map(|name| KeyName::try_from(name.to_owned()).unwrap());
        let mut all = vec![Identity::Local, Identity::Anonymous];
        for id in texts {
            let tokens = texts.map(|issuer| Identity::Token(issuer.into(), id.into()));
            let users = keys.clone().map(|key| Identity::User(Some(key), id.into()));
            all.extend(tokens.into_iter().chain(users));
            all.push(Identity::User(None, id.into()));
        }
        let certificates = keys.clone().map(|name| name.to_string().try_into());
        all.extend(certificates.map(|name| Identity::Certificate(name.unwrap())));
        all.extend(keys.map(Identity::Key));
        let mut names = HashMap::new();
        for identity in all {
            let other = names.insert(identity.to_string(), identity.clone());
            assert_eq!(other, None, "and {identity:?}");
        }
    }

    #[test]
    fn a_colon_does_not_make_one_caller_another() {
        let key = |name: &str| KeyName::try_from(name.to_owned()).unwrap();
        let by_address = Identity::User(None, "librechat:sam".into());
        let by_key = Identity::User(Some(key("librechat")), "sam".into());
        assert_eq!(by_key.to_string(), "user:librechat:sam");
        assert_eq!(by_address.to_string(), "user:librechat%3Asam");
        let one = Identity::Token("a:b".into(), "c".into());
        let other = Identity::Token("a".into(), "b:c".into());
        assert_ne!(one.to_string(), other.to_string());
    }
}
