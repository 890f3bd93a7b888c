//! What one client talks to: its capabilities, its session, and where each request goes.

use std::{borrow::Cow, collections::HashSet};

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    handler::server::router::{prompt::PromptRouter, tool::ToolRouter},
    model::{
        CompleteRequestParams, CompleteResult, Implementation, ListResourceTemplatesResult,
        ListResourcesResult, LoggingLevel, PaginatedRequestParams, ProtocolVersion,
        ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities,
        ServerConfig, SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams,
    },
    prompt_handler,
    service::RequestContext,
    tool_handler,
};
use tokio::sync::Mutex;

use super::{prompts, resources};

const INSTRUCTIONS: &str = "A server to try things on. Call `add`, `echo` or `wait` first. \
    Everything named `test_…` exists so that clients and gateways can be checked against it.";

/// One client's example server. Sessions share nothing.
pub(super) struct Example {
    tools: ToolRouter<Self>,
    prompts: PromptRouter<Self>,
    pub(super) session: Mutex<Session>,
}

/// What the client has told us so far.
pub(super) struct Session {
    /// Log messages below this are not sent.
    pub(super) level: LoggingLevel,
    /// URIs whose changes the client wants to hear about.
    pub(super) subscriptions: HashSet<String>,
    /// How often the watched resource was changed.
    pub(super) touches: u32,
}

impl Example {
    pub(super) fn new() -> Self {
        Self {
            tools: Self::everyday_tools()
                + Self::content_tools()
                + Self::notifying_tools()
                + Self::asking_tools(),
            prompts: Self::prompt_router(),
            session: Mutex::new(Session {
                level: LoggingLevel::Info,
                subscriptions: HashSet::new(),
                touches: 0,
            }),
        }
    }

    /// The resource as it is now, or the error the protocol asks for.
    async fn read(&self, uri: &str) -> Result<ReadResourceResult, ErrorData> {
        let touches = self.session.lock().await.touches;
        resources::read(uri, touches)
            .map(|contents| ReadResourceResult::new(vec![contents]))
            .ok_or_else(|| resources::not_found(uri))
    }
}

#[tool_handler(router = self.tools)]
#[prompt_handler(router = self.prompts)]
impl ServerHandler for Example {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_completions()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tools()
            .build();
        let about = Implementation::new("mcpgate-example", env!("CARGO_PKG_VERSION"))
            .with_title("mcpgate example server");
        ServerConfig::new(capabilities)
            .with_server_info(about)
            .with_instructions(INSTRUCTIONS)
    }

    // Asking the client something in the middle of a call, as `ask` does, ended with 2025-11-25.
    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(ProtocolVersion::known_up_to(&ProtocolVersion::V_2025_11_25))
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.lock().await.level = request.level;
        Ok(())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        prompts::complete(&request)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::with_all_items(resources::list()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(
            resources::templates(),
        ))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.read(&request.uri).await.map(Into::into)
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.read(&request.uri).await?;
        self.session.lock().await.subscriptions.insert(request.uri);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.session.lock().await.subscriptions.remove(&request.uri);
        Ok(())
    }
}
