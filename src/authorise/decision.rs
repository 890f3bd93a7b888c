//! Whether a role's `allow` and `deny` let something through.
//!
//! A denial beats whatever allows, and silence denies. A rule with a condition counts while the
//! condition holds, and a condition that fails counts against the caller: as a denial it denies,
//! as an allowance it allows nothing. Pure: no clock and no files, and what a condition is (`C`) is
//! for others to know, so that any line of the audit can be judged again.

use std::{fmt, sync::Arc};

use super::{Pattern, Subject};

/// Where a rule was written: `policies/team.toml:12`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin(Arc<str>);

impl From<String> for Origin {
    fn from(place: String) -> Self {
        Self(place.into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One entry of `allow` or `deny`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<C> {
    /// What it is about.
    pub pattern: Pattern,
    /// When it counts. Without one, always.
    pub condition: Option<C>,
    /// Where it was written.
    pub origin: Origin,
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
        by: Option<&'g Origin>,
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
        by: &'g Origin,
    },
    /// No.
    Denied {
        /// The denial; none where nothing allows it.
        by: Option<&'g Origin>,
        /// The condition that could not be evaluated, and where it was written.
        failed: Option<(&'g Origin, E)>,
    },
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

    /// What the rules say of `subject`.
    pub fn judge(&self, subject: Subject<'_>) -> Judgement<'_, C> {
        let denies = |rule: &&Rule<C>| rule.pattern.denies(subject);
        let deny: Vec<_> = self.deny.iter().filter(denies).collect();
        if let Some(rule) = unconditional(&deny) {
            let by = Some(&rule.origin);
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

    /// Evaluates the conditions, as few as needed.
    pub fn settle<E>(&self, mut holds: impl FnMut(&C) -> Result<bool, E>) -> Verdict<'g, E> {
        let mut check = |rule: &Rule<C>| rule.condition.as_ref().map_or(Ok(true), &mut holds);
        for rule in &self.deny {
            let failed = match check(rule) {
                Ok(false) => continue,
                Ok(true) => None,
                Err(error) => Some((&rule.origin, error)),
            };
            let by = Some(&rule.origin);
            return Verdict::Denied { by, failed };
        }
        let mut failed = None;
        for rule in &self.allow {
            match check(rule) {
                Ok(true) => return Verdict::Allowed { by: &rule.origin },
                Ok(false) => {}
                // Another rule may allow it still; if none does, the first failure says why.
                Err(error) => failed = failed.or(Some((&rule.origin, error))),
            }
        }
        Verdict::Denied { by: None, failed }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use super::*;

    type Outcome = Result<bool, ()>;

    fn rule(pattern: &str, condition: Option<Outcome>, at: usize) -> Rule<Outcome> {
        Rule {
            pattern: pattern.parse().unwrap(),
            condition,
            origin: format!("team.toml:{at}").into(),
        }
    }

    fn rules(first: usize) -> impl Strategy<Value = Vec<Rule<Outcome>>> {
        let pattern = select(vec!["*", "a/*", "a/x", "*/y", "b/x", "prompt:*"]);
        let condition = option::of(select(vec![Ok(true), Ok(false), Err(())]));
        vec((pattern, condition), 0..5).prop_map(move |rules| {
            let rules = rules.into_iter().zip(first..);
            rules
                .map(|((text, condition), at)| rule(text, condition, at))
                .collect()
        })
    }

    fn decide<'g>(grants: &'g Grants<Outcome>, subject: Subject<'_>) -> Verdict<'g, ()> {
        match grants.judge(subject) {
            Judgement::Denied { by } => Verdict::Denied { by, failed: None },
            Judgement::Allowed(allowance) => allowance.settle(|outcome| *outcome),
        }
    }

    fn may(grants: &Grants<Outcome>, subject: Subject<'_>) -> bool {
        matches!(decide(grants, subject), Verdict::Allowed { .. })
    }

    fn tool<'a>(server: &'a str, name: &'a str) -> Subject<'a> {
        Subject::Tool { server, name }
    }

    proptest! {
        #[test]
        fn it_is_what_the_rules_say_one_by_one(
            allow in rules(100), deny in rules(200),
            server in select(vec!["a", "b"]), name in select(vec!["x", "y"]),
        ) {
            let subject = tool(server, name);
            let denies = |rule: &&Rule<Outcome>| {
                rule.pattern.matches(subject) && rule.condition != Some(Ok(false))
            };
            let allows = |rule: &&Rule<Outcome>| {
                rule.pattern.matches(subject) && matches!(rule.condition, None | Some(Ok(true)))
            };
            let denied: Vec<_> = deny.iter().filter(denies).map(|rule| &rule.origin).collect();
            let allowed: Vec<_> = allow.iter().filter(allows).map(|rule| &rule.origin).collect();

            let grants = Grants::new(allow.clone(), deny.clone());
            match decide(&grants, subject) {
                Verdict::Allowed { by } => prop_assert!(denied.is_empty() && allowed.contains(&by)),
                Verdict::Denied { by: Some(by), .. } => prop_assert!(denied.contains(&by)),
                Verdict::Denied { by: None, .. } => prop_assert!(allowed.is_empty()),
            }
        }

        #[test]
        fn one_more_denial_allows_nothing_more(
            own in (rules(100), rules(200)), more in rules(300),
            server in select(vec!["a", "b"]), name in select(vec!["x", "y"]),
        ) {
            let subject = tool(server, name);
            let without = Grants::new(own.0, own.1);
            let mut with = without.clone();
            with.inherit(&Grants::new(Vec::new(), more));
            prop_assert!(may(&without, subject) || !may(&with, subject));
        }
    }

    #[test]
    fn silence_denies_and_names_nobody() {
        let grants = Grants::<Outcome>::new(Vec::new(), Vec::new());
        let judgement = grants.judge(tool("a", "x"));
        assert_eq!(judgement, Judgement::Denied { by: None });
    }

    #[test]
    fn arguments_are_read_only_where_they_matter() {
        let plain = rule("a/*", None, 1);
        let conditional = rule("a/x", Some(Ok(true)), 2);
        for (allow, deny, expected) in [
            (vec![plain.clone()], vec![], false),
            (vec![conditional.clone(), plain.clone()], vec![], false),
            (vec![conditional.clone()], vec![], true),
            (vec![plain.clone()], vec![conditional.clone()], true),
        ] {
            let grants = Grants::new(allow, deny);
            let Judgement::Allowed(allowance) = grants.judge(tool("a", "x")) else {
                panic!("denied");
            };
            assert_eq!(allowance.is_conditional(), expected, "{grants:?}");
        }
    }

    #[test]
    fn a_failure_is_reported_where_it_decides() {
        let failing = rule("a/x", Some(Err(())), 1);
        let grants = Grants::new(vec![failing.clone()], Vec::new());
        let failed = Some((&failing.origin, ()));
        let expected = Verdict::Denied { by: None, failed };
        assert_eq!(decide(&grants, tool("a", "x")), expected);

        let grants = Grants::new(vec![rule("*", None, 2)], vec![failing.clone()]);
        let by = Some(&failing.origin);
        assert_eq!(
            decide(&grants, tool("a", "x")),
            Verdict::Denied { by, failed }
        );
    }
}
