//! Resources: a text, an image, one that changes, and a template.

use rmcp::{
    ErrorData,
    model::{Resource, ResourceContents, ResourceTemplate},
};
use serde_json::json;

use super::content::PNG;

const TEXT: &str = "test://static-text";
const BINARY: &str = "test://static-binary";
/// The resource that `test_touch_watched` changes.
pub(super) const WATCHED: &str = "test://watched-resource";
/// The one template.
pub(super) const TEMPLATE: &str = "test://template/{id}/data";

/// Every resource with an address of its own.
pub(super) fn list() -> Vec<Resource> {
    vec![
        Resource::new(TEXT, "static-text")
            .with_title("Static text")
            .with_description("A text that never changes.")
            .with_mime_type("text/plain"),
        Resource::new(BINARY, "static-binary")
            .with_title("Static image")
            .with_description("An image of one pixel that never changes.")
            .with_mime_type("image/png"),
        Resource::new(WATCHED, "watched-resource")
            .with_title("Watched resource")
            .with_description("A text to subscribe to. `test_touch_watched` changes it.")
            .with_mime_type("text/plain"),
    ]
}

/// Every family of resources.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(TEMPLATE, "template")
            .with_title("Resource template")
            .with_description("A JSON document for any id.")
            .with_mime_type("application/json"),
    ]
}

/// What is at `uri`, after the watched resource was changed `touches` times.
pub(super) fn read(uri: &str, touches: u32) -> Option<ResourceContents> {
    match uri {
        TEXT => Some(ResourceContents::text(
            "This is the content of the static text resource.",
            uri,
        )),
        BINARY => Some(ResourceContents::blob(PNG, uri).with_mime_type("image/png")),
        WATCHED => Some(ResourceContents::text(
            format!("Watched resource content, changed {touches} times."),
            uri,
        )),
        _ => {
            let id = template_id(uri)?;
            let document = json!({
                "id": id,
                "templateTest": true,
                "data": format!("Data for ID: {id}"),
            });
            let contents = ResourceContents::text(document.to_string(), uri);
            Some(contents.with_mime_type("application/json"))
        }
    }
}

/// The error of the revisions before 2026-07-28: -32002, and which URI it was.
pub(super) fn not_found(uri: &str) -> ErrorData {
    ErrorData::resource_not_found("Resource not found", Some(json!({ "uri": uri })))
}

fn template_id(uri: &str) -> Option<&str> {
    let (before, after) = TEMPLATE.split_once("{id}")?;
    let id = uri.strip_prefix(before)?.strip_suffix(after)?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_takes_exactly_one_segment() {
        assert_eq!(template_id("test://template/7/data"), Some("7"));
        for uri in ["test://template//data", "test://template/7/8/data", TEXT] {
            assert_eq!(template_id(uri), None, "{uri}");
        }
    }
}
