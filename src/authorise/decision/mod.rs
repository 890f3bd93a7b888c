//! Whether a role's `allow` and `deny` let something through.
//!
//! A denial beats whatever allows, and silence denies. A rule with a condition counts while the
//! condition holds, and a condition that fails counts against the caller: as a denial it denies,
//! as an allowance it allows nothing. Pure: no clock and no files, and what a condition is (`C`) is
//! for others to know, so that any line of the audit can be judged again.

#[cfg(test)]
mod tests;

use super::{Pattern, Source, Subject};

/// One entry of `allow` or `deny`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<C> {
    /// What it is about.
    pub pattern: Pattern,
    /// When it counts. Without one, always.
    pub condition: Option<C>,
    /// Where it was written.
    pub source: Source,
}

/// What a role may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants<C> {
    allow: Vec<Rule<C>>,
    deny: Vec<Rule<C>>,
}

/// What the rules say before a condition is looked at: enough for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement<'g, C> {
    /// No, whatever the arguments. By a denial, or because nothing allows it.
    Denied {
        /// The denial.
        by: Option<&'g Source>,
    },
    /// Yes, as far as [`Allowance::settle`] finds.
    Allowed(Allowance<'g, C>),
}

/// What allows something, and the conditional denials that may still stop it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance<'g, C> {
    /// One rule without a condition, or as many as there are with one.
    allow: Vec<&'g Rule<C>>,
    /// All with a condition.
    deny: Vec<&'g Rule<C>>,
}

/// The end of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<'g, E> {
    /// Yes.
    Allowed {
        /// The first rule that does.
        by: &'g Source,
    },
    /// No.
    Denied {
        /// The denial; none where nothing allows it.
        by: Option<&'g Source>,
        /// The condition that could not be evaluated, and where it was written.
        failed: Option<(&'g Source, E)>,
    },
}

impl<C> Default for Grants<C> {
    /// Nothing is allowed.
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new())
    }
}

impl<C> Grants<C> {
    /// Rules in the order in which they were written; of several that allow, the first is named.
    pub fn new(allow: Vec<Rule<C>>, deny: Vec<Rule<C>>) -> Self {
        Self { allow, deny }
    }

    /// Adds what another role may and may not do. Its denials hold for this one too.
    pub fn inherit(&mut self, other: &Self)
    where
        C: Clone,
    {
        self.allow.extend_from_slice(&other.allow);
        self.deny.extend_from_slice(&other.deny);
    }

    /// Whether something of that kind may be allowed there, whatever its name: not everything has
    /// to be listed.
    pub fn leave_some(&self, subject: Subject<'_>) -> bool {
        let shuts = |rule: &Rule<C>| rule.condition.is_none() && rule.pattern.spans(subject);
        let mut allow = self.allow.iter();
        allow.any(|rule| rule.pattern.concerns(subject)) && !self.deny.iter().any(shuts)
    }

    /// What the rules say of `subject`.
    pub fn judge(&self, subject: Subject<'_>) -> Judgement<'_, C> {
        let denies = |rule: &&Rule<C>| rule.pattern.denies(subject);
        let deny: Vec<_> = self.deny.iter().filter(denies).collect();
        if let Some(rule) = unconditional(&deny) {
            let by = Some(&rule.source);
            return Judgement::Denied { by };
        }
        let allows = |rule: &&Rule<C>| rule.pattern.allows(subject);
        let mut allow: Vec<_> = self.allow.iter().filter(allows).collect();
        if let Some(rule) = unconditional(&allow) {
            allow = vec![rule];
        }
        if allow.is_empty() {
            return Judgement::Denied { by: None };
        }
        Judgement::Allowed(Allowance { allow, deny })
    }
}

fn unconditional<'g, C>(rules: &[&'g Rule<C>]) -> Option<&'g Rule<C>> {
    let mut rules = rules.iter().copied();
    rules.find(|rule| rule.condition.is_none())
}

impl<'g, C> Allowance<'g, C> {
    /// Whether the arguments make a difference. If not, they need not be read.
    pub fn is_conditional(&self) -> bool {
        let mut rules = self.deny.iter().chain(&self.allow);
        rules.any(|rule| rule.condition.is_some())
    }

    /// The rules that may allow it.
    pub fn allowing(&self) -> impl Iterator<Item = &'g Source> {
        self.allow.iter().map(|rule| &rule.source)
    }

    /// The rule that allows it, where the arguments make no difference.
    pub fn by(&self) -> Option<&'g Source> {
        let first = self.allow.first().filter(|_| !self.is_conditional());
        first.map(|rule| &rule.source)
    }

    /// Evaluates the conditions, as few as needed.
    pub fn settle<E>(&self, mut holds: impl FnMut(&C) -> Result<bool, E>) -> Verdict<'g, E> {
        let mut check = |rule: &Rule<C>| rule.condition.as_ref().map_or(Ok(true), &mut holds);
        for rule in &self.deny {
            let failed = match check(rule) {
                Ok(false) => continue,
                Ok(true) => None,
                Err(error) => Some((&rule.source, error)),
            };
            let by = Some(&rule.source);
            return Verdict::Denied { by, failed };
        }
        let mut failed = None;
        for rule in &self.allow {
            match check(rule) {
                Ok(true) => return Verdict::Allowed { by: &rule.source },
                Ok(false) => {}
                // Another rule may allow it still; if none does, the first failure says why.
                Err(error) => failed = failed.or(Some((&rule.source, error))),
            }
        }
        Verdict::Denied { by: None, failed }
    }
}
