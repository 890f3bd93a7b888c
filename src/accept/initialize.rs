//! `initialize`: a session opens, and the gateway says what it is.

use std::sync::Arc;

use bytes::Bytes;
use rmcp::model::{Implementation, ServerCapabilities};

use crate::{
    call::Caller,
    mcp::{
        Frame, Part, Revision, fields,
        message::{self, json},
        object,
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

/// What is declared, with what servers can do that passes through.
pub(super) fn capabilities(pipeline: &Pipeline) -> String {
    let declared = json(&declared());
    match pipeline.plan().view.capabilities.as_str() {
        "" => declared,
        more => object::with(&declared, more),
    }
}

fn greeting(pipeline: &Pipeline, revision: Revision) -> String {
    let instructions = pipeline.plan().view.instructions.clone();
    let instructions = instructions.map(|words| format!(r#","instructions":{}"#, json(&words)));
    format!(
        r#"{{"protocolVersion":"{revision}","capabilities":{},"serverInfo":{}{}}}"#,
        capabilities(pipeline),
        json(&Implementation::new("mcpgate", env!("CARGO_PKG_VERSION"))),
        instructions.unwrap_or_default()
    )
}

fn client_name(info: &str) -> String {
    let name = fields::field(info, "name").and_then(fields::string);
    name.unwrap_or_default().chars().take(64).collect()
}
