//! What a caller may do.
//!
//! The lists that somebody sees and the calls that somebody may make come from one evaluation:
//! a view (`route::View`) is what the rules leave of all lists, and a call is looked up in it.

mod condition;
mod decision;
mod pattern;
mod role;
mod source;
mod wanted;

pub use condition::{CallerFacts, Condition, ConditionError, Facts};
pub use decision::{Allowance, Grants, Judgement, Rule, Verdict};
pub use pattern::{Pattern, PatternError, Subject};
pub use role::{Role, Roles, RuleConfig};
pub use source::Source;
pub use wanted::Wanted;

use crate::{
    call::{Call, KeyName, RoleName, Target},
    mcp::Part,
    refusal::Refusal,
};

/// The rules of a role.
pub type Rules = Grants<Condition>;

/// What somebody sees of a target.
#[derive(Debug)]
pub enum Access<'a> {
    /// No rule is asked.
    Open,
    /// This rule allows it.
    Allowed(&'a Source),
    /// It depends on the arguments.
    Conditional(&'a Rules, Subject<'a>),
    /// It is there, and not for them; the rule that denies it, if one does.
    Hidden(Option<&'a Source>),
    /// There is none.
    Unknown,
}

/// What somebody sees.
pub trait Shown {
    /// What they see of a target.
    fn access<'a>(&'a self, target: &'a Target) -> Access<'a>;
}

/// A call that its caller may make. Only [`permit`] makes one.
#[derive(Debug)]
pub struct Permitted {
    call: Box<Call>,
    rule: Option<Source>,
}

impl Permitted {
    /// What is called, and by whom.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The rule that allows it, if one was asked.
    pub fn rule(&self) -> Option<&Source> {
        self.rule.as_ref()
    }

    /// Hands the call on.
    pub fn into_call(self) -> Box<Call> {
        self.call
    }
}

/// Decides whether a call may be made.
///
/// # Errors
/// When its caller has no role, may not use it from there, or no rule allows the call. What is
/// not allowed is answered as what does not exist.
pub fn permit(shown: &impl Shown, roles: &Roles, call: Box<Call>) -> Result<Permitted, Refusal> {
    roles.admit(&call.visit.caller, &call.visit.extent)?;
    let rule = match shown.access(&call.target) {
        Access::Open => None,
        Access::Allowed(rule) => Some(rule.clone()),
        Access::Conditional(rules, subject) => Some(settle(rules, subject, &call)?),
        Access::Hidden(by) => {
            let by = by.map(|source| source.to_string().into());
            return Err(Refusal::Forbidden(call.target, by));
        }
        Access::Unknown => return Err(Refusal::NoRoute(call.target)),
    };
    Ok(Permitted { call, rule })
}

/// What the rules say of a call with these arguments.
pub fn weigh<'r>(
    rules: &'r Rules,
    subject: Subject<'_>,
    call: &Call,
) -> Verdict<'r, ConditionError> {
    let caller = &call.visit.caller;
    let address = caller.address.map(|address| address.to_string());
    let facts = Facts {
        args: call.frame.raw(Part::Arguments),
        caller: CallerFacts {
            id: caller.id.as_deref(),
            email: caller.email.as_deref(),
            role: caller.standing.role().map(RoleName::as_str),
            key: caller.key.as_ref().map(KeyName::as_str),
            address: address.as_deref(),
        },
        tool: subject.name(),
        server: subject.server(),
    };
    match rules.judge(subject) {
        Judgement::Denied { by } => Verdict::Denied { by, failed: None },
        Judgement::Allowed(allowance) => {
            allowance.settle(|condition: &Condition| condition.holds(&facts))
        }
    }
}

/// Looks at the arguments.
fn settle(rules: &Rules, subject: Subject<'_>, call: &Call) -> Result<Source, Refusal> {
    match weigh(rules, subject, call) {
        Verdict::Allowed { by } => Ok(by.clone()),
        Verdict::Denied { by, failed } => {
            let by = by.or(failed.as_ref().map(|(source, _)| *source));
            let mut rule = by.map_or_else(|| "no condition holds".to_owned(), Source::to_string);
            if let Some((_, error)) = failed {
                rule = format!("{rule}: {error}");
            }
            Err(Refusal::Condition(call.target.clone(), rule.into()))
        }
    }
}
