//! `initialize`: a session opens, and the gateway says what it is.

use std::sync::Arc;

use bytes::Bytes;
use rmcp::model::{Implementation, InitializeResult, ServerCapabilities};

use crate::{
    call::Caller,
    mcp::{
        Frame, Part, Revision, fields,
        message::{self, json},
    },
    pipeline::Pipeline,
    refusal::Refusal,
    session::Session,
};

/// Opens a session for a client; gives it and the answer.
///
/// # Errors
/// When the request lacks a revision, or there is no room.
pub(super) fn initialize(
    pipeline: &Pipeline,
    caller: Caller,
    frame: &Frame,
) -> Result<(Arc<Session>, Bytes), Refusal> {
    let keys = ["protocolVersion", "capabilities", "clientInfo"];
    let said = fields::fields(frame.params().unwrap_or("{}"), keys);
    let [asked, capabilities, info] = said.map_err(|_bad| Refusal::Params("not an object"))?;
    let asked = asked.and_then(fields::string);
    let asked = asked.ok_or(Refusal::Params("`protocolVersion` is missing"))?;
    let revision = Revision::negotiate(&asked);
    let (capabilities, info) = (capabilities.unwrap_or("{}"), info.unwrap_or("{}"));
    let session = pipeline
        .sessions
        .open(caller, revision, capabilities, info)?;
    tracing::info!(
        caller = %session.caller(),
        revision = %session.client.revision,
        client = client_name(info),
        "session opened"
    );
    let result = greeting(pipeline, session.client.revision);
    let id = frame.raw(Part::Id).unwrap_or("null");
    Ok((session, message::result(id.as_bytes(), result.as_bytes())))
}

/// All that can be declared is declared: servers join later, and strict clients never ask for
/// what was not.
#[expect(
    deprecated,
    reason = "of the next revision; logging belongs to those spoken here"
)]
fn declared() -> ServerCapabilities {
    ServerCapabilities::builder()
        .enable_tools()
        .enable_tool_list_changed()
        .enable_resources()
        .enable_resources_subscribe()
        .enable_resources_list_changed()
        .enable_prompts()
        .enable_prompts_list_changed()
        .enable_completions()
        .enable_logging()
        .build()
}

/// The same, as JSON.
pub(super) fn capabilities() -> String {
    json(&declared())
}

fn greeting(pipeline: &Pipeline, revision: Revision) -> String {
    let capabilities = declared();
    let mut result = InitializeResult::new(capabilities);
    result.protocol_version = match revision {
        Revision::V2024_11_05 => rmcp::model::ProtocolVersion::V_2024_11_05,
        Revision::V2025_03_26 => rmcp::model::ProtocolVersion::V_2025_03_26,
        Revision::V2025_06_18 => rmcp::model::ProtocolVersion::V_2025_06_18,
        Revision::V2025_11_25 | Revision::V2026_07_28 => rmcp::model::ProtocolVersion::V_2025_11_25,
    };
    result.server_info = Implementation::new("mcpgate", env!("CARGO_PKG_VERSION"));
    result.instructions = pipeline.plan().view.instructions.clone();
    json(&result)
}

fn client_name(info: &str) -> String {
    let name = fields::field(info, "name").and_then(fields::string);
    name.unwrap_or_default().chars().take(64).collect()
}
