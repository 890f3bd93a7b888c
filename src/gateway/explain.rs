//! Why somebody may do something, or may not: what an administrator wants to know of a call.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderName, header};
use serde::Serialize;

use crate::{
    authenticate::{CertificateFault, KeyFault},
    authorise::Source,
    call::{
        Caller, CertificateName, Extent, Identity, KeyName, RoleName, ServerName, Standing,
        Template, Visit, Who,
    },
    config::Config,
    forward::{ServerConfig, templates},
    pipeline::{Attempt, Finding, Plan},
    refusal::Refusal,
};

/// Who asks: in a role, with a key, or neither.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// The role; nothing: that of the key, or of whoever shows nothing.
    pub role: Option<RoleName>,
    /// The key that is shown.
    pub key: Option<KeyName>,
    /// The table that names the certificate that is shown.
    pub certificate: Option<CertificateName>,
    /// From where; nothing: from this machine.
    pub from: Option<IpAddr>,
}

/// What comes out for one call.
#[derive(Debug)]
pub struct Explained {
    /// Whether it is allowed, limits apart.
    pub allowed: bool,
    /// Whether other arguments could lead to another answer.
    pub conditional: bool,
    /// The rule that decides, if one does.
    pub rule: Option<Source>,
    /// Why, in words.
    pub reason: String,
    /// What the caller is told, if it is refused.
    pub answer: Option<String>,
    /// The limits that apply, if it is allowed.
    pub limits: Vec<(String, String)>,
    /// The headers that its server gets.
    pub headers: Vec<SentHeader>,
}

/// A header that a server gets with a call.
#[derive(Debug, Serialize)]
pub struct SentHeader {
    /// Its name, in lower case.
    pub name: String,
    /// What is known of its value; what the files say is `***`.
    pub value: String,
    /// The setting that says so.
    pub by: String,
}

impl Asker {
    /// How they come in by that path.
    ///
    /// # Errors
    /// Why they do not come in at all.
    pub fn visit(&self, plan: &Plan, extent: Extent) -> Result<Visit, String> {
        let credentials = &plan.policy.credentials;
        let shown = self.key.as_ref().map(|key| {
            let found = credentials.keys.named(key, self.from);
            found.map_err(|fault| unusable(key, fault))
        });
        let holds = self.certificate.as_ref().map(|name| {
            let found = credentials.certificates.named(name, self.from);
            found.map_err(|fault| unusable_certificate(name, fault))
        });
        // What a request shows itself goes over the certificate.
        let shown = match (shown.transpose()?, holds.transpose()?) {
            (None, holder) => holder,
            (key, _) => key,
        };
        let who = match (shown, &self.role) {
            (Some(who), None) => who.clone(),
            (Some(who), Some(role)) => Arc::new(Who {
                standing: Standing::Role(role.clone()),
                ..Who::clone(who)
            }),
            (None, Some(role)) => {
                let standing = Standing::Role(role.clone());
                Arc::new(Who::of(Identity::Anonymous, standing))
            }
            (None, None) => credentials.anonymous.clone().ok_or(
                "who shows nothing may not come in: there is no [anonymous]; \
                 name a role, a key or a certificate",
            )?,
        };
        if !plan.policy.allowed.admit(self.from) {
            return Err(Refusal::Address.to_string());
        }
        Ok(Visit::new(Caller::new(who, self.from), extent))
    }
}

impl Explained {
    /// Of somebody who does not come in at all.
    pub fn turned_away(why: String) -> Self {
        Self {
            allowed: false,
            conditional: false,
            rule: None,
            reason: why,
            answer: None,
            limits: Vec::new(),
            headers: Vec::new(),
        }
    }
}

fn unusable(key: &KeyName, fault: KeyFault) -> String {
    match fault {
        KeyFault::Unknown => format!("there is no [keys.{key}]"),
        KeyFault::Expired => format!("the key has expired ([keys.{key}] expires)"),
        KeyFault::Disabled => format!("the key is switched off ([keys.{key}] disabled)"),
        KeyFault::Address => {
            format!("the key may not be used from this address ([keys.{key}] from)")
        }
    }
}

fn unusable_certificate(name: &CertificateName, fault: CertificateFault) -> String {
    let table = format!("[certificates.{name}]");
    match fault {
        CertificateFault::Unknown => format!("there is no {table}"),
        CertificateFault::Disabled => {
            format!("the certificate is switched off ({table} disabled)")
        }
        CertificateFault::Address => {
            format!("the certificate may not be used from this address ({table} from)")
        }
        CertificateFault::Expired => "the certificate has expired".to_owned(),
        CertificateFault::Untrusted => "nobody vouches for the certificate".to_owned(),
    }
}

/// What comes out of a call, and why.
pub fn explain(
    plan: &Plan,
    config: &Config,
    attempt: &Attempt<'_>,
    server: &ServerName,
) -> Explained {
    let finding = plan.try_out(attempt);
    let visit = &attempt.visit;
    let deciding = Deciding {
        plan,
        visit,
        server,
    };
    let reason = deciding.reason(&finding);
    let allowed = finding.refusal.is_none();
    let limits = plan.policy.limits_of(&visit.caller).limits();
    let limits = limits.map(|(name, limit)| (name.to_string(), limit.to_string()));
    let headers = config.servers.get(server);
    let headers = headers.map(|config| deciding.headers(config));
    let answer = finding.refusal.map(|refusal| refusal.to_string());
    Explained {
        allowed,
        conditional: finding.conditional,
        answer: answer.filter(|answer| *answer != reason),
        reason,
        rule: finding.rule,
        limits: limits.filter(|_| allowed).collect(),
        headers: headers.filter(|_| allowed).unwrap_or_default(),
    }
}

/// What decides on a call.
pub(super) struct Deciding<'a> {
    pub(super) plan: &'a Plan,
    pub(super) visit: &'a Visit,
    pub(super) server: &'a ServerName,
}

impl Deciding<'_> {
    /// Why it comes out like this.
    pub(super) fn reason(&self, finding: &Finding) -> String {
        let rule = finding.rule.as_ref();
        let rule = rule.map(|rule| format!("{}, {}", rule.rule(), rule.place()));
        let refusal = match (&finding.refusal, rule) {
            (None, Some(rule)) => return rule,
            (None, None) => {
                return "no rule is asked: no policy says what this caller may do".into();
            }
            (Some(Refusal::Forbidden(..) | Refusal::Condition(..)), Some(rule)) => {
                let failed = finding.failed.as_ref();
                let failed =
                    failed.map(|why| format!("; its condition cannot be evaluated: {why}"));
                return rule + &failed.unwrap_or_default();
            }
            (Some(refusal), _) => refusal,
        };
        // The others say all that there is to say.
        if let Refusal::Forbidden(..) = refusal {
            let role = self.visit.caller.standing.role();
            let role = role.map_or_else(String::new, RoleName::to_string);
            return format!(
                "nothing allows it: no `allow` of [roles.{role}] fits, inherited ones included"
            );
        }
        if let Refusal::Condition(..) = refusal {
            let unmet = finding.unmet.iter();
            let unmet = unmet.map(|rule| format!("{}, {}", rule.rule(), rule.place()));
            let unmet: Vec<String> = unmet.collect();
            return format!("the condition does not hold: {}", unmet.join("; "));
        }
        if let Refusal::NoRoute(_) = refusal {
            return self.absent();
        }
        refusal.to_string()
    }

    /// Why something that is there is not there for this caller.
    fn absent(&self) -> String {
        let server = self.server;
        let mut gates = self.plan.policy.gates.iter();
        let gate = gates.find(|(gated, _)| gated == server);
        let address = self.visit.caller.address;
        match (gate, &self.visit.extent) {
            (Some((_, from)), _) if !from.admit(address) => {
                let address = address.map_or_else(String::new, |address| address.to_string());
                format!("the server is not there for {address} ([servers.{server}] from)")
            }
            (_, Extent::View(view)) => format!("[views.{view}] does not select it"),
            (_, Extent::All | Extent::Server(_)) => "no server offers it".to_owned(),
        }
    }

    /// What the server gets beside the call: of the client's headers those that pass, over them the
    /// server's own, over them those of the role.
    fn headers(&self, config: &ServerConfig) -> Vec<SentHeader> {
        if config.url.is_none() {
            return Vec::new();
        }
        let (caller, server, policy) = (&self.visit.caller, self.server, &self.plan.policy);
        let mut sent: Vec<SentHeader> = Vec::new();
        let mut put = |name: HeaderName, value: String, by: String| {
            let name = name.to_string();
            sent.retain(|known| known.name != name);
            sent.push(SentHeader { name, value, by });
        };
        let value = |template: &Template| {
            let missing = |what| format!("not sent, for {what} is not known");
            template.masked(caller).unwrap_or_else(missing)
        };
        for name in config.passed().filter(|name| policy.passing.contains(name)) {
            let key = match name {
                header::AUTHORIZATION => "forward_authorization",
                _ => "forward_headers",
            };
            let by = format!("[servers.{server}] {key}");
            put(name, "as the client sends it".to_owned(), by);
        }
        for (name, template, _) in templates(&config.headers) {
            put(
                name,
                value(&template),
                format!("[servers.{server}] headers"),
            );
        }
        if let Some(role) = caller.standing.role() {
            for (name, template) in policy.headers_of(caller).iter() {
                put(
                    name.clone(),
                    value(template),
                    format!("[roles.{role}] headers"),
                );
            }
        }
        sent
    }
}
