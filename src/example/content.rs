//! Tools that return one of every kind of content, each with its fixed answer.

use std::sync::Arc;

use rmcp::{
    model::{CallToolResult, ContentBlock, JsonObject, ResourceContents},
    object, tool, tool_router,
};

use super::server::Example;

/// A red image of one pixel.
pub(super) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A sound of no length.
const WAV: &str = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";

#[tool_router(router = content_tools, vis = "pub(super)")]
impl Example {
    #[tool(
        title = "Text",
        description = "Returns a text.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn test_simple_text(&self) -> String {
        "This is a simple text response for testing.".into()
    }

    #[tool(
        title = "Image",
        description = "Returns an image of one pixel.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn test_image_content(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::image(PNG, "image/png")])
    }

    #[tool(
        title = "Sound",
        description = "Returns a very short sound.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn test_audio_content(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::audio(WAV, "audio/wav")])
    }

    #[tool(
        title = "Embedded resource",
        description = "Returns a resource inside the answer.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn test_embedded_resource(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::embedded_text(
            "test://embedded-resource",
            "This is an embedded resource content.",
        )])
    }

    #[tool(
        title = "Mixed content",
        description = "Returns a text, an image and a resource in one answer.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn test_multiple_content_types(&self) -> CallToolResult {
        let json = ResourceContents::text(
            r#"{"test":"data","value":123}"#,
            "test://mixed-content-resource",
        );
        CallToolResult::success(vec![
            ContentBlock::text("Multiple content types test:"),
            ContentBlock::image(PNG, "image/png"),
            ContentBlock::resource(json.with_mime_type("application/json")),
        ])
    }

    #[tool(
        title = "Error",
        description = "Always fails, the way a tool fails: with an answer that says so.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn test_error_handling(&self) -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text(
            "This tool intentionally returns an error for testing",
        )])
    }

    #[tool(
        title = "JSON Schema 2020-12",
        description = "Has an input schema with keywords that careless software drops. \
                       Returns its arguments.",
        input_schema = schema_2020_12(),
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn json_schema_2020_12_tool(&self, arguments: JsonObject) -> String {
        serde_json::Value::Object(arguments).to_string()
    }
}

/// Every keyword here must reach the client as written.
fn schema_2020_12() -> Arc<JsonObject> {
    Arc::new(object!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {
                    "street": { "type": "string" },
                    "city": { "type": "string" }
                }
            }
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" }
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"]
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false
    }))
}
