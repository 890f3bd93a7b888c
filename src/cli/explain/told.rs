//! What `explain` prints.

use serde_json::{Value, json};

use super::Question;
use crate::{
    call::ServerName,
    gateway::{Explained, SentHeader},
    mcp::List,
};

/// Something that is asked about, and where it leads.
pub(super) struct Thing {
    pub(super) list: List,
    pub(super) exposed: String,
    pub(super) server: ServerName,
    pub(super) own: String,
}

/// Who asks, in a line.
pub(super) fn caller(question: &Question) -> String {
    let role = question.role.as_ref().map(|role| format!("role `{role}`"));
    let key = question.as_key.as_ref().map(|key| format!("key `{key}`"));
    let certificate = question.certificate.as_ref();
    let certificate = certificate.map(|name| format!("certificate `{name}`"));
    let who: Vec<String> = role.into_iter().chain(key).chain(certificate).collect();
    let who = match who.is_empty() {
        true => "somebody who shows nothing".to_owned(),
        false => who.join(", "),
    };
    let from = question
        .from
        .map_or("this machine".to_owned(), |from| from.to_string());
    let path = question
        .view
        .as_ref()
        .map(|view| format!(", on /v/{view}/mcp"));
    format!("{who}, from {from}{}", path.unwrap_or_default())
}

/// For a person.
pub(super) fn as_text(question: &Question, thing: &Thing, explained: &Explained) -> String {
    let Thing {
        list,
        exposed,
        server,
        own,
    } = thing;
    let kind = list.plural().trim_end_matches('s');
    let decision = match (explained.allowed, explained.conditional, &question.args) {
        (true, true, None) => "allowed without arguments; others are judged by a condition",
        (false, true, None) => "refused without arguments; others are judged by a condition",
        (true, true, Some(_)) => "allowed with these arguments",
        (false, true, Some(_)) => "refused with these arguments",
        (true, false, _) => "allowed",
        (false, false, _) => "refused",
    };
    let mut lines = vec![
        format!("{kind:<9} {exposed} (`{own}` of server `{server}`)"),
        format!("caller    {}", caller(question)),
        format!("decision  {decision}"),
        format!("because   {}", explained.reason),
    ];
    if let Some(answer) = &explained.answer {
        lines.push(format!("answer    {answer}"));
    }
    let limits = explained.limits.iter();
    let limits = limits.map(|(name, limit)| format!("limit     {name}: {limit}"));
    let headers = explained.headers.iter();
    let headers =
        headers.map(|SentHeader { name, value, by }| format!("header    {name}: {value} ({by})"));
    lines.extend(limits.chain(headers));
    lines.join("\n")
}

/// For a program.
pub(super) fn as_json(question: &Question, thing: &Thing, explained: &Explained) -> Value {
    let rule = explained.rule.as_ref();
    let limits = explained.limits.iter();
    json!({
        "allowed": explained.allowed,
        "conditional": explained.conditional,
        "kind": thing.list.plural().trim_end_matches('s'),
        "name": thing.exposed,
        "server": thing.server.as_str(),
        "own_name": thing.own,
        "role": question.role,
        "key": question.as_key,
        "certificate": question.certificate,
        "from": question.from,
        "view": question.view,
        "rule": rule.map(|rule| json!({"place": &**rule.place(), "rule": rule.rule()})),
        "reason": explained.reason,
        "answer": explained.answer,
        "limits": limits.map(|(name, limit)| json!({"name": name, "limit": limit})).collect::<Vec<_>>(),
        "headers": explained.headers,
    })
}
