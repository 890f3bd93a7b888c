//! What a request of 2026-07-28 says of itself in `_meta`.

use super::{Revision, fields, object};

/// `_meta` keys of the protocol (2026-07-28, Overview, `_meta`).
pub const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// What the client can be asked.
pub const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Who the client is.
pub const INFO: &str = "io.modelcontextprotocol/clientInfo";
/// Who the server is, in results.
pub const SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// The lowest level of log messages that the request wants.
pub const LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The `subscriptions/listen` request that a notification belongs to.
pub const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Who makes a call, in the gateway's own words.
pub const CALLER: &str = "mcpgate/caller";

/// `params` that say who calls. What they said of that before goes, in whatever letters: some
/// decoders take those for the same.
pub fn with_caller(params: &str, caller: &str) -> String {
    let meta = fields::field(params, "_meta").unwrap_or_default();
    let names = object::members(meta).unwrap_or_default();
    let names = names.iter().map(|(name, _)| name.as_str());
    let posing: Vec<&str> = names
        .filter(|name| fields::looks_like(name, CALLER))
        .collect();
    let member = format!(r#""{CALLER}":{caller}"#);
    match posing.is_empty() {
        true => with(params, &member),
        false => with(&without_members(params, &posing), &member),
    }
}

/// `params` with `members` in its `_meta`, which is made if it is not there. Members of the same
/// names go.
pub fn with(params: &str, members: &str) -> String {
    let Some(meta) = fields::field(params, "_meta").filter(|meta| meta.starts_with('{')) else {
        return object::with(params, &format!(r#""_meta":{{{members}}}"#));
    };
    let names = object::members(&format!("{{{members}}}")).unwrap_or_default();
    let names: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
    let meta_span = fields::span(params, meta);
    let meta = object::with(&object::without(meta, &names), members);
    let (before, after) = (params.get(..meta_span.start), params.get(meta_span.end..));
    [before.unwrap_or_default(), &meta, after.unwrap_or_default()].concat()
}

/// `params` without what a stateless request says of itself.
pub fn without(params: &str) -> String {
    without_members(params, &[VERSION, CAPABILITIES, INFO, LEVEL])
}

/// `params` without the mark of a subscription, which holds for one hop.
pub fn unmarked(params: &str) -> String {
    without_members(params, &[SUBSCRIPTION])
}

pub(super) fn without_members(params: &str, names: &[&str]) -> String {
    let Some(meta) = fields::field(params, "_meta").filter(|meta| meta.starts_with('{')) else {
        return params.to_owned();
    };
    let span = fields::span(params, meta);
    let meta = object::without(meta, names);
    if meta == "{}" {
        return object::without(params, &["_meta"]);
    }
    let (before, after) = (params.get(..span.start), params.get(span.end..));
    [before.unwrap_or_default(), &meta, after.unwrap_or_default()].concat()
}

/// The members that every stateless request carries.
pub fn members(capabilities: &str, info: &str, level: Option<&str>) -> String {
    let version = Revision::V2026_07_28;
    let level = level
        .map(|level| format!(r#","{LEVEL}":"{level}""#))
        .unwrap_or_default();
    format!(r#""{VERSION}":"{version}","{CAPABILITIES}":{capabilities},"{INFO}":{info}{level}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_says_of_itself_goes_and_the_rest_stays() {
        let said = members("{}", "{}", Some("info"));
        assert_eq!(without(&with(r#"{"name":"a"}"#, &said)), r#"{"name":"a"}"#);
        let more = with(r#"{"_meta":{"progressToken":1E0}}"#, &said);
        assert_eq!(without(&more), r#"{"_meta":{"progressToken":1E0}}"#);
    }

    #[test]
    fn who_calls_is_said_once_and_by_nobody_else() {
        let said = |params: &str| with_caller(params, r#"{"id":"sam"}"#);
        let alone = r#"{"_meta":{"mcpgate/caller":{"id":"sam"}}}"#;
        assert_eq!(said("{}"), alone);
        for posing in ["mcpgate/caller", r"mcpgate\/c\u0061ller", "MCPGate/Caller"] {
            let params = format!(r#"{{"_meta":{{"{posing}":{{"id":"root"}}}}}}"#);
            assert_eq!(said(&params), alone, "{posing}");
        }
        assert_eq!(
            said(r#"{"_meta":{"p":1E0,"mcpgate/caller":1,"mcpgate/caller":2},"a":1.0}"#),
            r#"{"_meta":{"mcpgate/caller":{"id":"sam"},"p":1E0},"a":1.0}"#
        );
    }

    #[test]
    fn meta_is_made_or_added_to() {
        assert_eq!(with("{}", r#""x/y":1"#), r#"{"_meta":{"x/y":1}}"#);
        assert_eq!(
            with(
                r#"{"name":"a","_meta":{"p":1, "x/y":0},"z":[]}"#,
                r#""x/y":1"#
            ),
            r#"{"name":"a","_meta":{"x/y":1,"p":1},"z":[]}"#
        );
    }
}
