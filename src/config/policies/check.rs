//! What the files say together, and one of them alone cannot know.

use http::HeaderName;
use indexmap::IndexMap;

use super::PolicyConfig;
use crate::{
    authenticate::jwt::Tokens,
    call::{KeyName, RoleName, ServerName},
    config::{
        Fault,
        wording::{no_key, no_table},
    },
    forward::{ServerConfig, check_headers},
    gateway::GatewayConfig,
};

impl PolicyConfig {
    /// Finds what the types cannot say.
    pub(in crate::config) fn check(
        &self,
        servers: &IndexMap<ServerName, ServerConfig>,
    ) -> Result<(), Fault> {
        self.check_keys()?;
        self.check_certificates()?;
        for (name, role) in &self.roles {
            let table = ["roles", name.as_str()];
            self.check_role(name).map_err(|fault| fault.under(table))?;
            check_headers(&role.headers).map_err(|fault| fault.under(table))?;
        }
        for (name, view) in &self.views {
            check_name(name).map_err(|fault| fault.under(["views", name]))?;
            for (index, server) in view.servers.iter().enumerate() {
                if !servers.contains_key(server) {
                    let known = servers.keys().map(ServerName::as_str);
                    let message = no_table("servers", server.as_str(), known);
                    let path = ["views", name, "servers", &index.to_string()];
                    return Err(Fault::at(path, message));
                }
            }
        }
        for (name, limit) in &self.limits {
            let table = ["limits", name.as_str()];
            limit.check().map_err(|fault| fault.under(table))?;
        }
        self.check_tokens()?;
        self.check_trusted()?;
        if let Some(anonymous) = &self.anonymous {
            let known = self.known(&anonymous.role);
            known.map_err(|fault| fault.under(["anonymous", "role"]))?;
            if self
                .roles
                .get(&anonymous.role)
                .is_some_and(|role| role.admin)
            {
                let message = "a role with `admin = true` shows who calls what: not to strangers";
                return Err(Fault::at(["anonymous", "role"], message));
            }
        }
        Ok(())
    }

    /// What `servers.toml` says of the policies.
    pub(in crate::config) fn check_gateway(&self, gateway: &GatewayConfig) -> Result<(), Fault> {
        let known = gateway.stdio_role.as_ref().map(|role| self.known(role));
        known
            .unwrap_or(Ok(()))
            .map_err(|fault| fault.under(["gateway", "stdio_role"]))
    }

    fn known(&self, role: &RoleName) -> Result<(), Fault> {
        match self.roles.contains_key(role) {
            true => Ok(()),
            false => {
                let known = self.roles.keys().map(RoleName::as_str);
                Err(Fault::at([], no_table("roles", role.as_str(), known)))
            }
        }
    }

    fn check_keys(&self) -> Result<(), Fault> {
        for (name, key) in &self.keys {
            let table = ["keys", name.as_str()];
            match &key.role {
                Some(role) => self
                    .known(role)
                    .map_err(|fault| fault.under(["role"]).under(table))?,
                // Silence is denial: a key without a role would be the only one that may do all.
                None if !self.roles.is_empty() && !self.lends(name) => {
                    let message = "`role` is missing: there are roles, so say which is its";
                    return Err(Fault::at([], message).under(table));
                }
                None => {}
            }
        }
        Ok(())
    }

    fn check_certificates(&self) -> Result<(), Fault> {
        for (name, certificate) in &self.certificates {
            let table = ["certificates", name.as_str()];
            let wrong = |message: &str| Err(Fault::at([], message).under(table));
            if certificate.subject.is_none() && certificate.san.is_none() {
                return wrong("`subject` or `san` is missing: whose certificate is it?");
            }
            match &certificate.role {
                Some(role) => self
                    .known(role)
                    .map_err(|fault| fault.under(["role"]).under(table))?,
                None if !self.roles.is_empty() => {
                    return wrong("`role` is missing: there are roles, so say which is its");
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Whether a key only vouches for what `[trusted_headers]` say.
    fn lends(&self, key: &KeyName) -> bool {
        let trusted = self.trusted_headers.as_ref();
        trusted.is_some_and(|trusted| trusted.keys.contains(key))
    }

    fn check_tokens(&self) -> Result<(), Fault> {
        // Reads the files of the keys too.
        Tokens::new(&self.tokens)?;
        for (name, token) in &self.tokens {
            check_name(name).map_err(|fault| fault.under(["tokens", name]))?;
            for (theirs, ours) in token.roles.iter().flatten() {
                let known =
                    RoleName::try_from(ours.to_string()).map_err(|words| Fault::at([], words));
                known
                    .and_then(|ours| self.known(&ours))
                    .map_err(|fault| fault.under(["tokens", name, "roles", theirs]))?;
            }
        }
        Ok(())
    }

    fn check_role(&self, name: &RoleName) -> Result<(), Fault> {
        let Some(role) = self.roles.get(name) else {
            return Ok(());
        };
        for (index, parent) in role.inherits.iter().enumerate() {
            let place = ["inherits", &index.to_string()];
            self.known(parent).map_err(|fault| fault.under(place))?;
            if let Some(way) = self.way(parent, name, &mut Vec::new()) {
                let message = format!("inherits from itself: {name} → {}", way.join(" → "));
                return Err(Fault::at(place, message));
            }
        }
        for (index, view) in role.views.iter().enumerate() {
            if !self.views.contains_key(view) {
                let message = no_table("views", view, self.views.keys().map(String::as_str));
                return Err(Fault::at(["views", &index.to_string()], message));
            }
        }
        for (index, limit) in role.limits.iter().enumerate() {
            let place = ["limits", &index.to_string()];
            limit.check().map_err(|fault| fault.under(place))?;
        }
        Ok(())
    }

    /// From which to which a role inherits from `from` on until it is `to`.
    fn way<'a>(
        &'a self,
        from: &'a RoleName,
        to: &RoleName,
        seen: &mut Vec<&'a RoleName>,
    ) -> Option<Vec<&'a str>> {
        if from == to {
            return Some(vec![from.as_str()]);
        }
        if seen.contains(&from) {
            return None;
        }
        seen.push(from);
        let mut parents = self.roles.get(from)?.inherits.iter();
        let rest = parents.find_map(|parent| self.way(parent, to, seen))?;
        Some([from.as_str()].into_iter().chain(rest).collect())
    }

    fn check_trusted(&self) -> Result<(), Fault> {
        let Some(trusted) = &self.trusted_headers else {
            return Ok(());
        };
        let table = ["trusted_headers"];
        if trusted.keys.is_empty() && trusted.from.is_empty() {
            let message = "`keys` or `from` is missing: whose headers are believed?";
            return Err(Fault::at([], message).under(table));
        }
        for (index, key) in trusted.keys.iter().enumerate() {
            if !self.keys.contains_key(key) {
                let path = ["keys", &index.to_string()];
                let known = self.keys.keys().map(KeyName::as_str);
                return Err(Fault::at(path, no_key(key.as_str(), known)).under(table));
            }
        }
        for (theirs, ours) in &trusted.roles {
            let place = ["trusted_headers", "roles", theirs];
            self.known(ours).map_err(|fault| fault.under(place))?;
        }
        for (key, name) in [
            ("role", &trusted.role),
            ("email", &trusted.email),
            ("id", &trusted.id),
        ] {
            if HeaderName::try_from(name.as_str()).is_err() {
                let message = "expected the name of a header, such as \"X-User-Role\"";
                return Err(Fault::at([key], message).under(table));
            }
        }
        Ok(())
    }
}

/// The name of a view is part of a path, that of a table of tokens part of its callers' names.
fn check_name(name: &str) -> Result<(), Fault> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    match (1..=64).contains(&name.len()) && name.bytes().all(allowed) {
        true => Ok(()),
        false => Err(Fault::at_key(
            [],
            "the name is 1 to 64 letters, digits, `_`, `-` and `.`",
        )),
    }
}
