//! `initialize`: a session opens, and the gateway says what it is.

use std::sync::Arc;

use bytes::Bytes;
use rmcp::model::{Implementation, ServerCapabilities};

use crate::{
    call::Visit,
    mcp::{
        Frame, Part, Revision, fields,
        message::{self, json},
        object,
    },
    pipeline::Pipeline,
    refusal::Refusal,
    route::View,
    session::{Session, Sessions},
};

/// How long a client may come back to its session.
pub(super) enum Lasting {
    /// As long as its connection is there.
    Connection,
    /// As long as it knows the id, also after a restart.
    Id,
}

/// Opens a session for a client; gives it and the answer.
///
/// # Errors
/// When the caller has no role, the request lacks a revision, or there is no room.
pub(super) fn initialize(
    pipeline: &Pipeline,
    visit: &Visit,
    frame: &Frame,
    lasting: Lasting,
) -> Result<(Arc<Session>, Bytes), Refusal> {
    let keys = ["protocolVersion", "capabilities", "clientInfo"];
    let said = fields::fields(frame.params().unwrap_or("{}"), keys);
    let [asked, capabilities, info] = said.map_err(|_bad| Refusal::Params("not an object"))?;
    let asked = asked.and_then(fields::string);
    let asked = asked.ok_or(Refusal::Params("`protocolVersion` is missing"))?;
    let revision = Revision::negotiate(&asked);
    let (capabilities, info) = (capabilities.unwrap_or("{}"), info.unwrap_or("{}"));
    let (sight, view) = pipeline.look(visit)?;
    let open = match lasting {
        Lasting::Connection => Sessions::open,
        Lasting::Id => Sessions::open_lasting,
    };
    let session = open(&pipeline.sessions, visit, revision, capabilities, info)?;
    session.sees(&sight, &visit.caller);
    tracing::info!(
        caller = %session.identity(),
        revision = %session.client.revision,
        client = client_name(info),
        "session opened"
    );
    let result = greeting(&view, session.client.revision);
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
fn capabilities(view: &View) -> String {
    let declared = json(&declared());
    match view.capabilities.as_str() {
        "" => declared,
        more => object::with(&declared, more),
    }
}

fn greeting(view: &View, revision: Revision) -> String {
    let instructions = view.instructions.as_ref();
    let instructions = instructions.map(|words| format!(r#","instructions":{}"#, json(words)));
    format!(
        r#"{{"protocolVersion":"{revision}","capabilities":{},"serverInfo":{}{}}}"#,
        capabilities(view),
        json(&Implementation::new("mcpgate", env!("CARGO_PKG_VERSION"))),
        instructions.unwrap_or_default()
    )
}

/// The answer to `server/discover`.
///
/// # Errors
/// When the caller has no role.
pub(super) fn discover(pipeline: &Pipeline, visit: &Visit) -> Result<String, Refusal> {
    let (_, view) = pipeline.look(visit)?;
    Ok(Pipeline::discovery(&view, &capabilities(&view)))
}

fn client_name(info: &str) -> String {
    let name = fields::field(info, "name").and_then(fields::string);
    name.unwrap_or_default().chars().take(64).collect()
}
