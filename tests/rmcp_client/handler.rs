//! What the client answers when it is asked, and what it is told.

use std::sync::{Arc, Mutex, PoisonError};

use rmcp::{
    ClientHandler, ErrorData, RoleClient,
    model::{
        ClientCapabilities, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
        ElicitRequestParams, ElicitResult, ElicitationAction, Implementation, ListRootsResult,
        LoggingMessageNotificationParam, ProgressNotificationParam,
        ResourceUpdatedNotificationParam, Root, SamplingMessage,
    },
    service::{NotificationContext, RequestContext},
};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What came unasked, in order.
#[derive(Clone, Default)]
pub(super) struct Heard(Arc<(Mutex<Said>, Notify)>);

/// The kind of each and what it holds.
type Said = Vec<(&'static str, Value)>;

impl Heard {
    /// How much came so far.
    pub(super) fn so_far(&self) -> usize {
        self.0
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    pub(super) fn add(&self, kind: &'static str, params: Value) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((kind, params));
        self.0.1.notify_waiters();
    }

    /// Waits until something of that kind came that is wanted, from there on.
    pub(super) async fn until(&self, from: usize, kind: &str, wanted: impl Fn(&Value) -> bool) {
        loop {
            let mut more = std::pin::pin!(self.0.1.notified());
            more.as_mut().enable();
            {
                let all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
                let mut new = all.iter().skip(from);
                if new.any(|(of, params)| *of == kind && wanted(params)) {
                    return;
                }
            }
            more.await;
        }
    }
}

/// Answers every question.
pub(super) struct Handler(Heard);

impl Handler {
    pub(super) fn new(heard: Heard) -> Self {
        Self(heard)
    }
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let can = ClientCapabilities::builder()
            .enable_sampling()
            .enable_elicitation()
            .enable_roots()
            .build();
        ClientConfig::new(can, Implementation::new("mcpgate-matrix", "1.0.0"))
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        let said = SamplingMessage::assistant_text("A model.");
        Ok(CreateMessageResult::new(said, "none".to_owned()))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let content = json!({ "username": "ada", "email": "ada@example.com" });
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(content))
    }

    async fn list_roots(
        &self,
        _: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        Ok(ListRootsResult::new(vec![Root::new("file:///matrix")]))
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.0.add("progress", json!(params.progress));
    }

    async fn on_logging_message(
        &self,
        params: LoggingMessageNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.0.add("message", params.data);
    }

    async fn on_resource_updated(
        &self,
        params: ResourceUpdatedNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.0.add("updated", json!(params.uri));
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.0.add("changed", Value::Null);
    }
}
