//! `[[tests]]` of the policies, decided by patterns alone.

use std::sync::Arc;

use super::{Supposed, explain::Deciding};
use crate::{
    call::{Caller, Extent, Identity, Standing, Visit, Who},
    config::{Config, Expect, TestConfig},
    pipeline::{Attempt, Plan},
};

/// A test, and what came out.
#[derive(Debug)]
pub struct Case {
    /// Its file and line.
    pub place: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// What was expected and what came out instead; nothing where it is as expected.
    pub failure: Option<String>,
}

/// Runs every test.
pub fn cases(config: &Config) -> Vec<Case> {
    let tests = &config.policy.tests;
    if tests.is_empty() {
        return Vec::new();
    }
    let plan = super::plan(config);
    let run = |(place, test): &(String, TestConfig)| Case {
        place: place.clone(),
        name: test.name.clone(),
        failure: failure(&plan, config, test),
    };
    tests.iter().map(run).collect()
}

fn failure(plan: &Plan, config: &Config, test: &TestConfig) -> Option<String> {
    let Supposed { plan, exposed } = Supposed::new(plan, config, &test.target);
    let arguments = test.args.as_ref().map(crate::mcp::message::json);
    let visit = visit(test);
    let finding = plan.try_out(&Attempt {
        visit: visit.clone(),
        list: test.target.list,
        name: &exposed,
        arguments: arguments.as_deref(),
    });
    let (expected, came) = match (test.expect, &finding.refusal) {
        (Expect::Allow, None) | (Expect::Deny, Some(_)) => return None,
        (Expect::Allow, Some(_)) => ("allowed", "refused"),
        (Expect::Deny, None) => ("refused", "allowed"),
    };
    let deciding = Deciding {
        plan: &plan,
        visit: &visit,
        server: &test.target.server,
    };
    let (target, role) = (&test.target, &test.role);
    let why = deciding.reason(&finding);
    Some(format!(
        "`{target}` in role `{role}` should be {expected}, and is {came}: {why}"
    ))
}

fn visit(test: &TestConfig) -> Visit {
    let text = |text: &Option<String>| text.as_deref().map(Arc::from);
    let key = test.caller.key.clone();
    let certificate = test.caller.certificate.as_ref();
    let identity = match certificate.map(|name| name.clone().try_into()) {
        Some(Ok(name)) => Identity::Certificate(name),
        Some(Err(_)) | None => Identity::Anonymous,
    };
    let who = Who {
        id: text(&test.caller.id).or_else(|| text(&test.caller.certificate)),
        email: text(&test.caller.email),
        key: key.and_then(|key| key.try_into().ok()),
        ..Who::of(identity, Standing::Role(test.role.clone()))
    };
    let extent = match &test.view {
        Some(view) => Extent::View(view.as_str().into()),
        None => Extent::All,
    };
    Visit::new(Caller::new(Arc::new(who), test.from), extent)
}
