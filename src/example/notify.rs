//! Tools that send messages while they run: log lines, progress, resource updates.

use std::time::Duration;

use http::request::Parts;
use rmcp::{
    ErrorData, RoleServer, ServiceError,
    model::{
        LoggingLevel, LoggingMessageNotificationParam, ProgressNotificationParam,
        ResourceUpdatedNotificationParam,
    },
    service::RequestContext,
    tool, tool_router,
};
use serde_json::Value;
use tokio::time::sleep;

use super::{
    http::{RECONNECT_AFTER, ResponseStream},
    resources::WATCHED,
    server::Example,
};

/// Between two messages, so that a client sees them arrive one by one.
const BEAT: Duration = Duration::from_millis(50);

#[tool_router(router = notifying_tools, vis = "pub(super)")]
impl Example {
    #[tool(
        title = "Log messages",
        description = "Sends three log messages while it runs.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn test_tool_with_logging(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.log(&context, "Tool execution started").await?;
        sleep(BEAT).await;
        self.log(&context, "Tool processing data").await?;
        sleep(BEAT).await;
        self.log(&context, "Tool execution completed").await?;
        Ok("Three log messages sent.".into())
    }

    #[tool(
        title = "Progress",
        description = "Reports progress at 0, 50 and 100, to a client that asked for it.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn test_tool_with_progress(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        for percent in [0, 50, 100] {
            let message = format!("Completed step {percent} of 100");
            Self::report_progress(&context, percent.into(), 100.0, message).await?;
            if percent < 100 {
                sleep(BEAT).await;
            }
        }
        Ok("Progress reported.".into())
    }

    #[tool(
        title = "Reconnection",
        description = "Over HTTP: ends the response stream halfway. The answer waits for the \
                       client to come back with `Last-Event-ID`.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn test_reconnection(&self, context: RequestContext<RoleServer>) -> String {
        let parts = context.extensions.get::<Parts>();
        if let Some(stream) = parts.and_then(|parts| parts.extensions.get::<ResponseStream>()) {
            stream.end();
            // rmcp forgets a stream once its answer is written, so the client must be back first.
            sleep(2 * RECONNECT_AFTER).await;
        }
        "Reconnection test completed successfully.".into()
    }

    #[tool(
        title = "Touch the watched resource",
        description = "Changes `test://watched-resource`. A client that subscribed to it is told.",
        annotations(destructive_hint = false, open_world_hint = false)
    )]
    async fn test_touch_watched(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let subscribed = {
            let mut session = self.session.lock().await;
            session.touches += 1;
            session.subscriptions.contains(WATCHED)
        };
        if !subscribed {
            return Ok("Touched. Nobody had subscribed.".into());
        }
        let update = ResourceUpdatedNotificationParam::new(WATCHED);
        let sent = context.peer.notify_resource_updated(update).await;
        sent.map_err(client_is_gone)?;
        Ok("Touched. The subscriber has been told.".into())
    }
}

impl Example {
    /// Sends a log message, unless the client asked for more serious ones only.
    async fn log(&self, context: &RequestContext<RoleServer>, line: &str) -> Result<(), ErrorData> {
        let level = LoggingLevel::Info;
        if (level as u8) < (self.session.lock().await.level as u8) {
            return Ok(());
        }
        let message = LoggingMessageNotificationParam::new(level, Value::from(line));
        let sent = context
            .peer
            .notify_logging_message(message.with_logger("example"));
        sent.await.map_err(client_is_gone)
    }

    /// Sends a progress message, if the call carries a token to send it under.
    pub(super) async fn report_progress(
        context: &RequestContext<RoleServer>,
        progress: f64,
        total: f64,
        message: String,
    ) -> Result<(), ErrorData> {
        let Some(token) = context.meta.get_progress_token() else {
            return Ok(());
        };
        let report = ProgressNotificationParam::new(token, progress)
            .with_total(total)
            .with_message(message);
        let sent = context.peer.notify_progress(report).await;
        sent.map_err(client_is_gone)
    }
}

fn client_is_gone(error: ServiceError) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}
