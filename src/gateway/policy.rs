//! From what the files say to what calls are judged by.

use std::{sync::Arc, time::Duration};

use http::HeaderName;

use crate::{
    authenticate::{
        ApiKeys, ClientCertificates, Credentials, TrustedHeaders, anonymous, jwt::Tokens,
    },
    authorise::{Condition, Grants, Pattern, Role, Roles, Rule, RuleConfig, Rules, Source},
    call::{RoleHeaders, RoleName, Standing, Template},
    config::{Config, ConfigError, PolicyConfig, RoleConfig},
    forward::templates,
    limit::{Applying, LimitConfig, LimitName, Limits, SignIns},
    map::Map,
    pipeline::Policy,
    route::{Selection, Sights},
};

/// In what time an address may fail to sign in `[gateway] failed_sign_ins` times.
const SIGN_INS: Duration = Duration::from_secs(60);

/// The issuers of a configuration. It reads files: not for the threads that serve calls.
///
/// # Errors
/// When one of them has changed since the loader read it, and cannot be used any more.
pub(super) fn tokens(config: &Config) -> Result<Tokens, ConfigError> {
    Tokens::new(&config.policy.tokens).map_err(ConfigError::Unplaced)
}

/// What calls are judged by, under a configuration. What has been counted and fetched under the
/// one before it stays, as far as it holds for the same.
pub(super) fn policy(config: &Config, tokens: Tokens, previous: Option<&Policy>) -> Policy {
    let tokens = match previous {
        Some(previous) => tokens.inheriting(&previous.credentials.tokens),
        None => tokens,
    };
    let most = config.gateway.failed_sign_ins;
    let sign_ins = previous.map(|previous| previous.sign_ins.clone());
    let sign_ins = sign_ins.filter(|sign_ins| sign_ins.most() == most);
    let files = &config.policy;
    let roles = Arc::new(Roles::new(files.roles.iter().map(|(name, role)| {
        let role = Role {
            rules: Arc::new(rules(files, name)),
            from: role.from.clone(),
            views: role.views.iter().map(|view| view.as_str().into()).collect(),
            admin: role.admin,
        };
        (name.clone(), role)
    })));
    let gated = config
        .servers
        .iter()
        .filter(|(_, server)| !server.from.is_empty());
    let gates: Vec<_> = gated
        .map(|(name, server)| (name.clone(), server.from.clone()))
        .collect();
    let sights = Sights {
        naming: super::naming(&config.gateway),
        roles: roles.clone(),
        views: selections(files),
        gates: gates.iter().map(|(name, _)| name.clone()).collect(),
    };
    let counted = previous.map(|previous| &previous.all_limits);
    let all_limits = Limits::new(named_limits(files), counted);
    let (credentials, role_headers) = (credentials(config, tokens, previous), role_headers(files));
    Policy {
        passing: passing(config, &role_headers, &credentials),
        credentials,
        sign_ins: sign_ins.unwrap_or_else(|| Arc::new(SignIns::new(most, SIGN_INS))),
        roles,
        local: match &config.gateway.stdio_role {
            Some(role) => Standing::Role(role.clone()),
            None => Standing::Everything,
        },
        limits: limits(files, &all_limits),
        common_limits: all_limits.applying(|limit| files.limits.contains_key(limit)),
        all_limits,
        role_headers,
        allowed: config.gateway.allowed_ips.clone(),
        scrapers: config.gateway.metrics_from.clone(),
        proxies: config.gateway.trusted_proxies.clone(),
        gates,
        sights: Arc::new(sights),
    }
}

fn credentials(config: &Config, tokens: Tokens, previous: Option<&Policy>) -> Credentials {
    let files = &config.policy;
    let role = files
        .anonymous
        .as_ref()
        .map(|anonymous| anonymous.role.clone());
    let standing = match role {
        Some(role) => Some(Standing::Role(role)),
        // Nothing to ask for and nothing to decide by.
        None if files.asks_nobody() && files.roles.is_empty() => Some(Standing::Everything),
        None => None,
    };
    // Those who began with TLS go on with it, whatever the files say, until a restart.
    let known = || previous?.credentials.certificates.authorities().cloned();
    let authorities = match &config.tls {
        Some(tls) => tls.authorities.clone(),
        None => known(),
    };
    Credentials {
        certificates: ClientCertificates::new(&files.certificates, authorities),
        keys: ApiKeys::new(&files.keys, &roleless(files)),
        tokens,
        trusted: files.trusted_headers.as_ref().and_then(TrustedHeaders::new),
        roles: files.roles.keys().cloned().collect(),
        anonymous: standing.map(anonymous),
    }
}

/// What the holder of a key may do that names no role. Where there are roles, it is that of a trusted
/// peer (the loader sees to that), who may do nothing in its own name.
fn roleless(files: &PolicyConfig) -> Standing {
    match files.roles.is_empty() {
        true => Standing::Everything,
        false => {
            Standing::Nothing("its key has no `role`, and no header says for whom it asks".into())
        }
    }
}

/// The roles from which one inherits, itself first, each once.
fn lineage<'a>(files: &'a PolicyConfig, name: &'a RoleName) -> Vec<(&'a RoleName, &'a RoleConfig)> {
    let mut waiting = vec![name];
    let mut found: Vec<(&RoleName, &RoleConfig)> = Vec::new();
    while let Some(name) = waiting.pop() {
        let Some(role) = files.roles.get(name) else {
            continue;
        };
        if found.iter().any(|(known, _)| *known == name) {
            continue;
        }
        found.push((name, role));
        waiting.extend(role.inherits.iter().rev());
    }
    found
}

fn rules(files: &PolicyConfig, name: &RoleName) -> Rules {
    let mut rules = Grants::default();
    for (name, role) in lineage(files, name) {
        let allow = listed(files, ["roles", name.as_str(), "allow"], &role.allow);
        let deny = listed(files, ["roles", name.as_str(), "deny"], &role.deny);
        rules.inherit(&Grants::new(allow, deny));
    }
    rules
}

fn listed(files: &PolicyConfig, list: [&str; 3], rules: &[RuleConfig]) -> Vec<Rule<Condition>> {
    let sources = files.sources(list).iter().cloned();
    let rules = rules.iter().zip(sources);
    let rule = |(rule, source): (&RuleConfig, _)| Rule {
        pattern: rule.target.clone(),
        condition: rule.when.clone(),
        source,
    };
    rules.map(rule).collect()
}

fn selections(files: &PolicyConfig) -> Map<Arc<str>, Arc<Selection>> {
    let views = files.views.iter().map(|(name, view)| {
        let mut allow = listed(files, ["views", name, "allow"], &view.allow);
        if allow.is_empty() {
            allow.push(Rule {
                pattern: Pattern::everything(),
                condition: None,
                source: Source::new(
                    format!("[views.{name}]"),
                    format!("everything of [views.{name}]"),
                ),
            });
        }
        let deny = listed(files, ["views", name, "deny"], &view.deny);
        let selection = Selection {
            servers: view.servers.clone(),
            rules: Grants::new(allow, deny),
        };
        (name.as_str().into(), Arc::new(selection))
    });
    views.collect()
}

fn named_limits(files: &PolicyConfig) -> impl Iterator<Item = (LimitName, LimitConfig)> {
    let tables = files
        .limits
        .iter()
        .map(|(name, limit)| (name.clone(), limit.clone()));
    let of_roles = files.roles.iter().flat_map(|(name, role)| {
        let limits = role.limits.iter().enumerate();
        limits.map(|(index, limit)| (LimitName::in_role(name.as_str(), index), limit.clone()))
    });
    tables.chain(of_roles)
}

/// Which limits hold for which role: those of `[limits.*]` for everybody, those of a role for it
/// and for those that inherit from it.
fn limits(files: &PolicyConfig, all: &Limits) -> Map<RoleName, Applying> {
    let for_all = |name: &LimitName| files.limits.contains_key(name);
    let of = |name: &RoleName| {
        let mut own: Vec<LimitName> = Vec::new();
        for (name, role) in lineage(files, name) {
            let names = 0..role.limits.len();
            own.extend(names.map(|index| LimitName::in_role(name.as_str(), index)));
        }
        all.applying(|limit| for_all(limit) || own.contains(limit))
    };
    let roles = files.roles.keys();
    roles.map(|name| (name.clone(), of(name))).collect()
}

/// What each role sends along; its own headers before those that it inherits.
fn role_headers(files: &PolicyConfig) -> Map<RoleName, RoleHeaders> {
    let headers = files.roles.keys().map(|name| {
        let mut sent: Vec<(HeaderName, Template)> = Vec::new();
        let lineage = lineage(files, name);
        let all = lineage
            .iter()
            .flat_map(|(_, role)| templates(&role.headers));
        for (header, template, _) in all {
            if !sent.iter().any(|(known, _)| *known == header) {
                sent.push((header, template));
            }
        }
        (name.clone(), sent.into())
    });
    headers.collect()
}

/// The headers of clients that some server is to get: none that a role sets, and none by which
/// trusted peers say who asks, since anybody can send those.
fn passing(
    config: &Config,
    roles: &Map<RoleName, RoleHeaders>,
    credentials: &Credentials,
) -> Vec<HeaderName> {
    let trusted = credentials.trusted.as_ref();
    let trusted = trusted.map(|trusted| trusted.names().map(HeaderName::clone));
    let sent = |name: &HeaderName| {
        let mut sent = roles.values().flat_map(|headers| headers.iter());
        sent.any(|(known, _)| known == name)
    };
    let mut names: Vec<HeaderName> = Vec::new();
    for (server, config) in &config.servers {
        for name in config.passed() {
            if sent(&name) {
                tracing::warn!(%server, "clients' `{name}` is not passed on: a role sets it");
            } else if trusted.as_ref().is_some_and(|names| names.contains(&name)) {
                tracing::warn!(%server, "clients' `{name}` is not passed on: [trusted_headers] reads it");
            } else if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}
