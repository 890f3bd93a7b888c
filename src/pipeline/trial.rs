//! What would be answered to a call, found out by the stages that judge one, and nobody is called.

use std::sync::Arc;

use super::Plan;
use crate::{
    authorise::{self, Access, Judgement, Shown, Source, Verdict},
    call::{Call, Client, Visit},
    mcp::{Frame, List, Method, Revision, message},
    refusal::Refusal,
};

/// A call that is not made.
#[derive(Debug, Clone)]
pub struct Attempt<'a> {
    /// Who would make it, from where, by which path.
    pub visit: Visit,
    /// Whether it is a tool, a prompt or a resource.
    pub list: List,
    /// The exposed name, or the URI.
    pub name: &'a str,
    /// The arguments, as JSON.
    pub arguments: Option<&'a str>,
}

/// What would be answered, and why.
#[derive(Debug, Default)]
pub struct Finding {
    /// The refusal, if it is one.
    pub refusal: Option<Refusal>,
    /// The rule that decides, if one does.
    pub rule: Option<Source>,
    /// Why a condition of that rule cannot be evaluated.
    pub failed: Option<String>,
    /// The rules that would allow it under conditions, none of which holds.
    pub unmet: Vec<Source>,
    /// Whether other arguments could lead to another answer.
    pub conditional: bool,
}

impl Plan {
    /// What would be answered to a call, limits apart.
    pub fn try_out(&self, attempt: &Attempt<'_>) -> Finding {
        let mut finding = Finding::default();
        finding.refusal = self.judge(attempt, &mut finding).err();
        finding
    }

    fn judge(&self, attempt: &Attempt<'_>, finding: &mut Finding) -> Result<(), Refusal> {
        let (_, view) = self.look(&attempt.visit)?;
        let call = attempt.call()?;
        match view.access(&call.target) {
            Access::Open | Access::Unknown => {}
            Access::Allowed(rule) => finding.rule = Some(rule.clone()),
            Access::Hidden(by) => finding.rule = by.cloned(),
            Access::Conditional(rules, subject) => {
                finding.conditional = true;
                match authorise::weigh(rules, subject, &call) {
                    Verdict::Allowed { by } => finding.rule = Some(by.clone()),
                    Verdict::Denied { by, failed } => {
                        let by = by.or(failed.as_ref().map(|(rule, _)| *rule));
                        finding.rule = by.cloned();
                        if let (None, Judgement::Allowed(allowance)) = (by, rules.judge(subject)) {
                            finding.unmet = allowance.allowing().cloned().collect();
                        }
                        finding.failed = failed.map(|(_, error)| error.to_string());
                    }
                }
            }
        }
        authorise::permit(&*view, &self.policy.roles, call).map(drop)
    }
}

impl Attempt<'_> {
    fn call(&self) -> Result<Box<Call>, Refusal> {
        let (method, key) = match self.list {
            List::Tools => (Method::ToolsCall, "name"),
            List::Prompts => (Method::PromptsGet, "name"),
            List::Resources | List::Templates => (Method::ResourcesRead, "uri"),
        };
        let arguments = self.arguments.unwrap_or("{}");
        let name = message::json(&self.name);
        let params = format!(r#"{{"{key}":{name},"arguments":{arguments}}}"#);
        let frame = Frame::parse(message::request(1, method, &params))?;
        let identity = self.visit.caller.identity.clone();
        let client = Client::new("".into(), identity, Revision::LATEST, "{}", "{}");
        Call::read(frame, Arc::new(client), self.visit.clone())
    }
}
