//! What a call is judged by.

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use http::HeaderName;

use crate::{
    authenticate::Credentials,
    authorise::Roles,
    call::{
        Behalf, Caller, Extent, Identity, Networks, RoleHeaders, RoleName, ServerName, Sight,
        Standing, Visit, Who,
    },
    forward::Servers,
    limit::{Applying, Limits, SignIns},
    map::Map,
    refusal::Refusal,
    route::{Sights, View, Views},
    session::{Seen, Session},
};

/// Everything a call is judged by. It is replaced whole, and a call sees one of it.
#[derive(Clone)]
pub struct Plan {
    /// Who may come in, and what they may do.
    pub policy: Arc<Policy>,
    /// What is behind the gateway.
    pub servers: Arc<Servers>,
    /// What of it somebody sees.
    pub views: Arc<Views>,
}

/// Who may come in, and what they may do.
pub struct Policy {
    /// Who may come in.
    pub credentials: Credentials,
    /// How often an address may fail to. Whoever replaces the policy hands it on.
    pub sign_ins: Arc<SignIns>,
    /// What each role may do.
    pub roles: Arc<Roles>,
    /// What the user may do whose process speaks over stdin.
    pub local: Standing,
    /// The limits that hold for each role.
    pub limits: Map<RoleName, Applying>,
    /// Those for callers without one.
    pub common_limits: Applying,
    /// All of them, to be swept.
    pub all_limits: Limits,
    /// What each role sends along to servers.
    pub role_headers: Map<RoleName, RoleHeaders>,
    /// The addresses that are served; empty: all.
    pub allowed: Networks,
    /// Those who may read the numbers without a key, besides this machine itself.
    pub scrapers: Networks,
    /// Those who may say for which address they ask.
    pub proxies: Networks,
    /// The servers that look at addresses, in the order of [`Sights::gates`].
    pub gates: Vec<(ServerName, Networks)>,
    /// The headers of clients that some server is to get.
    pub passing: Vec<HeaderName>,
    /// What views are made by.
    pub sights: Arc<Sights>,
}

impl Policy {
    /// Whether the numbers are for whoever asks from there, also without a key.
    pub fn measures(&self, from: IpAddr) -> bool {
        from.is_loopback() || self.scrapers.contains(from)
    }

    /// What a caller's lists depend on.
    pub fn sight(&self, caller: &Caller, extent: &Extent) -> Sight {
        Sight {
            extent: extent.clone(),
            role: caller.standing.role().cloned(),
            gates: self.open_gates(caller.address),
        }
    }

    /// The limits that hold for a caller.
    pub fn limits_of(&self, caller: &Caller) -> &Applying {
        static NONE: LazyLock<Applying> = LazyLock::new(Applying::default);
        match caller.standing.role() {
            Some(role) => self.limits.get(role).unwrap_or(&NONE),
            None => &self.common_limits,
        }
    }

    /// What a caller's role sends along to servers.
    pub fn headers_of(&self, caller: &Caller) -> RoleHeaders {
        let role = caller.standing.role();
        let headers = role.and_then(|role| self.role_headers.get(role));
        headers.cloned().unwrap_or_default()
    }

    /// On whose behalf servers are asked for something that is no call.
    pub fn behalf(&self, visit: &Visit) -> Behalf {
        Behalf {
            visit: visit.clone(),
            headers: self.headers_of(&visit.caller),
        }
    }

    /// Whoever was seen before, as far as it can be said without asking them again: a role that a
    /// token or a trusted peer names stays the one that it was. Nothing: they may not come in.
    fn again(&self, identity: &Identity, seen: &Seen) -> Option<Caller> {
        if !self.allowed.admit(seen.address) {
            return None;
        }
        let credentials = &self.credentials;
        let key = seen.key.as_ref();
        let key = key.map(|key| credentials.keys.named(key, seen.address));
        let who = match (identity, key) {
            (_, Some(Err(_fault))) => return None,
            (Identity::Key(_), Some(Ok(who))) => who.clone(),
            (Identity::Certificate(name), _) => {
                let named = credentials.certificates.named(name, seen.address);
                named.ok()?.clone()
            }
            (Identity::Anonymous, _) => credentials.anonymous.clone()?,
            (Identity::Local, _) => Arc::new(Who::of(Identity::Local, self.local.clone())),
            (Identity::Token(issuer, _), _) if !credentials.tokens.has(issuer) => return None,
            (Identity::User(..), _) if credentials.trusted.is_none() => return None,
            (Identity::Key(_) | Identity::Token(..) | Identity::User(..), _) => {
                let standing = match &seen.sight.role {
                    Some(role) => Standing::Role(role.clone()),
                    None if self.roles.is_empty() => Standing::Everything,
                    None => return None,
                };
                Arc::new(Who::of(identity.clone(), standing))
            }
        };
        Some(Caller::new(who, seen.address))
    }

    fn open_gates(&self, address: Option<IpAddr>) -> u64 {
        let open = |(bit, (_, from)): (usize, &(ServerName, Networks))| {
            u64::from(from.admit(address)) << bit
        };
        self.gates.iter().enumerate().map(open).sum()
    }
}

impl Plan {
    /// What somebody sees who comes in like this.
    ///
    /// # Errors
    /// When the caller has no role, or the path leads nowhere for them.
    pub fn look(&self, visit: &Visit) -> Result<(Sight, Arc<View>), Refusal> {
        self.policy.roles.admit(&visit.caller, &visit.extent)?;
        let sight = self.policy.sight(&visit.caller, &visit.extent);
        let view = self.views.of(&sight).ok_or(Refusal::NoPath)?;
        Ok((sight, view))
    }

    /// The same on a session, which is told from now on of what is seen there, or of nothing.
    ///
    /// # Errors
    /// As for [`Plan::look`].
    pub fn look_on(&self, session: &Session, visit: &Visit) -> Result<(Sight, Arc<View>), Refusal> {
        let looked = self.look(visit);
        match &looked {
            Ok((sight, _)) => session.sees(sight, &visit.caller),
            Err(_) => session.sees_nothing(),
        }
        looked
    }

    /// What somebody sees who saw that under another plan; nothing where they may not look any more.
    pub fn look_again(&self, identity: &Identity, seen: &Seen) -> Option<Sight> {
        let caller = self.policy.again(identity, seen)?;
        let extent = &seen.sight.extent;
        if self.policy.roles.admit(&caller, extent).is_err() || !self.reaches(extent, &caller) {
            return None;
        }
        Some(self.policy.sight(&caller, extent))
    }

    /// Whether there is something under a path, as far as a caller may know.
    pub fn reaches(&self, extent: &Extent, caller: &Caller) -> bool {
        match extent {
            Extent::All => true,
            Extent::View(name) => self.policy.sights.views.contains_key(name),
            Extent::Server(name) => {
                let mut gates = self.policy.gates.iter();
                let shut = gates.any(|(gate, from)| gate == name && !from.admit(caller.address));
                let known = self.servers.get(name).is_some();
                known && !shut && self.policy.roles.may_know(caller, name)
            }
        }
    }
}
