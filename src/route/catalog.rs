//! What one server offers, item by item, as it wrote it.

use std::sync::Arc;

use bytes::Bytes;

use crate::mcp::{
    List,
    fields::{self, Span},
    header::Mirror,
};

/// One tool, resource, template or prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, URI or URI template.
    pub key: String,
    /// The item.
    pub raw: Bytes,
    /// Where the key stands in it.
    pub span: Span,
    /// The headers that mirror arguments of a tool; nothing where none do.
    pub mirrors: Option<Arc<[Mirror]>>,
    /// Why its schema's headers break the rules, if they do.
    pub mirrors_broken: Option<String>,
    /// Whether its tool may be called twice where once was meant: its annotations say so.
    pub repeatable: bool,
}

impl Item {
    /// Reads one item of a list.
    ///
    /// # Errors
    /// What is wrong with it: clients refuse a whole list for one item that breaks the schema.
    pub fn read(list: List, page: &Bytes, raw: &str) -> Result<Self, String> {
        let wanted = match list {
            List::Tools | List::Prompts => "name",
            List::Resources => "uri",
            List::Templates => "uriTemplate",
        };
        let keys = [wanted, "inputSchema", "annotations"];
        let [key, schema, annotations] =
            fields::fields(raw, keys).map_err(|error| error.to_string())?;
        let place = key.ok_or_else(|| format!("`{wanted}` is missing"))?;
        let key = fields::string(place).filter(|key| !key.is_empty());
        let key = key
            .ok_or_else(|| format!("`{wanted}` is not a name"))?
            .into_owned();
        if list == List::Tools
            && schema.and_then(|s| fields::field(s, "type")) != Some(r#""object""#)
        {
            return Err(format!("`inputSchema` of `{key}` is not of type object"));
        }
        let (mirrors, mirrors_broken) = match Mirror::all(schema.unwrap_or("{}")) {
            Ok(mirrors) => ((!mirrors.is_empty()).then(|| mirrors.into()), None),
            Err(words) => (None, Some(words)),
        };
        let raw_bytes = page.slice_ref(raw.as_bytes());
        let span = fields::span(raw, place);
        Ok(Self {
            key,
            raw: raw_bytes,
            span,
            mirrors,
            mirrors_broken,
            repeatable: list == List::Tools && annotations.is_some_and(is_repeatable),
        })
    }
}

/// Whether annotations of a tool say that a second call changes nothing that the first has not.
fn is_repeatable(annotations: &str) -> bool {
    let hints = fields::fields(annotations, ["readOnlyHint", "idempotentHint"]);
    hints.is_ok_and(|hints| hints.contains(&Some("true")))
}

/// What one server offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    lists: [Vec<Item>; 4],
    /// Its `instructions` from `initialize`.
    pub instructions: Option<String>,
    /// Its `capabilities`, as it wrote them.
    pub capabilities: String,
    /// Whether it declared `resources`: it may serve URIs that it does not list.
    pub has_resources: bool,
}

impl Catalog {
    /// A catalog that has no items yet.
    pub fn new(instructions: Option<String>, capabilities: &str) -> Self {
        let resources = fields::field(capabilities, "resources");
        Self {
            instructions,
            capabilities: capabilities.to_owned(),
            has_resources: resources.is_some_and(|value| value != "null"),
            lists: Default::default(),
        }
    }

    /// The items of one list.
    pub fn items(&self, list: List) -> &[Item] {
        self.lists.get(list as usize).map_or(&[], Vec::as_slice)
    }

    /// Replaces one list.
    pub fn set(&mut self, list: List, items: Vec<Item>) {
        if let Some(slot) = self.lists.get_mut(list as usize) {
            *slot = items;
        }
    }
}
