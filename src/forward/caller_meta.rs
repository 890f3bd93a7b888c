//! Calls that say in `_meta` who makes them (`caller_meta`).

use serde_json::{Map, Value};

use crate::{bridge, call::Caller, mcp::meta, refusal::Refusal, route::Routed};

/// The same call, saying who makes it.
///
/// # Errors
/// When its `params` are not what a request may have.
pub(super) fn told(routed: &Routed) -> Result<Routed, Refusal> {
    let call = routed.call();
    let caller = known(&call.visit.caller).to_string();
    let said = bridge::with_params(&call.frame, |params| meta::with_caller(params, &caller))?;
    Ok(routed.reworded(said))
}

/// What is known of a caller, and no more: also of whom nothing is known, so that nobody can say
/// something in its place.
fn known(caller: &Caller) -> Value {
    let facts = [
        ("id", caller.id.as_deref()),
        ("email", caller.email.as_deref()),
        ("role", caller.standing.role().map(|role| role.as_str())),
    ];
    let known = facts
        .into_iter()
        .filter_map(|(key, fact)| Some((key.to_owned(), Value::from(fact?))));
    Value::Object(known.collect::<Map<_, _>>())
}
