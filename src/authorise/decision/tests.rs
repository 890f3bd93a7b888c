use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;

type Outcome = Result<bool, ()>;

fn rule(pattern: &str, condition: Option<Outcome>, at: usize) -> Rule<Outcome> {
    Rule {
        pattern: pattern.parse().unwrap(),
        condition,
        source: format!("team.toml:{at}").into(),
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
        let denied: Vec<_> = deny.iter().filter(denies).map(|rule| &rule.source).collect();
        let allowed: Vec<_> = allow.iter().filter(allows).map(|rule| &rule.source).collect();

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
    let failed = Some((&failing.source, ()));
    let expected = Verdict::Denied { by: None, failed };
    assert_eq!(decide(&grants, tool("a", "x")), expected);

    let grants = Grants::new(vec![rule("*", None, 2)], vec![failing.clone()]);
    let by = Some(&failing.source);
    assert_eq!(
        decide(&grants, tool("a", "x")),
        Verdict::Denied { by, failed }
    );
}
