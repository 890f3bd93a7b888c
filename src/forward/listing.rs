//! What a server says at `initialize`, and its lists, through every page.

use std::collections::HashSet;

use bytes::Bytes;

use crate::{
    call::ServerName,
    mcp::{Frame, List, Part, Revision, fields, message::json, meta},
    refusal::Refusal,
    route::{Catalog, Item},
};

/// More pages than this are a server that turns in circles.
const PAGES: usize = 1000;

/// What a server said of itself at `initialize`.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting {
    pub(super) revision: String,
    pub(super) version: String,
    pub(super) capabilities: String,
    pub(super) instructions: Option<String>,
}

impl Greeting {
    /// Reads the answer to `initialize`.
    ///
    /// # Errors
    /// When it is an error, or not what the specification has.
    pub(super) fn read(server: &ServerName, frame: &Frame) -> Result<Self, Refusal> {
        let result = result(server, "initialize", frame)?;
        let keys = [
            "protocolVersion",
            "capabilities",
            "serverInfo",
            "instructions",
        ];
        let [revision, capabilities, info, instructions] =
            fields::fields(result, keys).map_err(|error| garbled(server, error.to_string()))?;
        let text = |raw: Option<&str>| raw.and_then(fields::string).map(|text| text.into_owned());
        let part = |key| text(info.and_then(|info| fields::field(info, key)));
        let name = part("name").unwrap_or_default();
        Ok(Self {
            revision: text(revision)
                .ok_or_else(|| garbled(server, "`initialize` without `protocolVersion`"))?,
            version: format!("{name} {}", part("version").unwrap_or_default()),
            capabilities: capabilities.unwrap_or("{}").to_owned(),
            instructions: text(instructions).filter(|text| !text.trim().is_empty()),
        })
    }

    /// Reads the result of `server/discover`.
    pub(super) fn discovered(result: &str) -> Self {
        let keys = ["capabilities", "instructions", "_meta"];
        let [capabilities, instructions, about] = fields::fields(result, keys).unwrap_or_default();
        let info = about
            .and_then(|about| fields::field(about, meta::SERVER))
            .unwrap_or("{}");
        let text = |raw: Option<&str>| raw.and_then(fields::string).map(|text| text.into_owned());
        let part = |key| text(fields::field(info, key)).unwrap_or_default();
        Self {
            revision: Revision::V2026_07_28.to_string(),
            version: format!("{} {}", part("name"), part("version")),
            capabilities: capabilities.unwrap_or("{}").to_owned(),
            instructions: text(instructions).filter(|text| !text.trim().is_empty()),
        }
    }

    /// Whether the server declared a capability.
    pub(super) fn can(&self, capability: &'static str) -> bool {
        fields::field(&self.capabilities, capability).is_some_and(|value| value != "null")
    }

    /// A catalog that has no items yet.
    pub(super) fn catalog(&self) -> Catalog {
        Catalog::new(self.instructions.clone(), &self.capabilities)
    }

    /// Whether it is worth asking for a list.
    pub(super) fn has(&self, list: List) -> bool {
        match list {
            List::Tools => self.can("tools"),
            List::Resources | List::Templates => self.can("resources"),
            List::Prompts => self.can("prompts"),
        }
    }
}

/// Fetches one list, page by page; an item that breaks the schema is left out with a warning.
///
/// # Errors
/// When a page cannot be had, or the cursor does not advance.
pub(super) async fn fetch<F>(
    server: &ServerName,
    list: List,
    ask: impl Fn(String) -> F,
) -> Result<Vec<Item>, Refusal>
where
    F: Future<Output = Result<Frame, Refusal>>,
{
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut params = "{}".to_owned();
    while seen.len() < PAGES {
        let frame = ask(params).await?;
        let next = page(server, list, &frame, &mut found)?;
        let Some(cursor) = next else { return Ok(found) };
        params = format!(r#"{{"cursor":{}}}"#, json(&cursor));
        if !seen.insert(cursor) {
            break;
        }
    }
    Err(garbled(
        server,
        format!("the cursor of {} does not advance", list.method().name()),
    ))
}

/// Reads one page; gives the cursor of the next.
fn page(
    server: &ServerName,
    list: List,
    frame: &Frame,
    found: &mut Vec<Item>,
) -> Result<Option<String>, Refusal> {
    let name = list.method().name();
    let result = result(server, name, frame)?;
    let bad = |error: serde_json::Error| garbled(server, format!("{name}: {error}"));
    let [items, cursor] = fields::fields(result, [list.key(), "nextCursor"]).map_err(bad)?;
    // The page is copied out of the frame once, and its items share it.
    let page = Bytes::copy_from_slice(items.unwrap_or("[]").as_bytes());
    let text = std::str::from_utf8(&page).unwrap_or("[]");
    for raw in fields::items(text).map_err(bad)? {
        match Item::read(list, &page, raw) {
            Ok(item) => found.push(item),
            Err(error) => tracing::warn!(%server, list = name, "an item is left out: {error}"),
        }
    }
    Ok(cursor
        .and_then(fields::string)
        .filter(|c| !c.is_empty())
        .map(|c| c.into_owned()))
}

/// The result of an answer, or its error as a refusal.
pub(super) fn result<'a>(
    server: &ServerName,
    method: &str,
    frame: &'a Frame,
) -> Result<&'a str, Refusal> {
    if let Some(result) = frame.raw(Part::Result) {
        return Ok(result);
    }
    let error = frame.raw(Part::Error).unwrap_or_default();
    let message = fields::field(error, "message")
        .and_then(fields::string)
        .unwrap_or_default();
    Err(garbled(server, format!("{method} failed: {message}")))
}

pub(super) fn garbled(server: &ServerName, reason: impl Into<String>) -> Refusal {
    Refusal::Garbled {
        server: server.to_string(),
        reason: reason.into(),
    }
}
