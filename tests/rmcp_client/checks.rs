//! The checks of one server.

use rmcp::{
    model::{
        CallToolRequestParams, GetPromptRequestParams, LoggingLevel, MetaObject,
        ReadResourceRequestParams, RequestMetaObject, ServerNotification, SetLevelRequestParams,
        SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
    },
    service::{ServiceError, Subscription},
};
use serde_json::{Value, json};

use super::{Client, Failure, Heard};

const LEVEL: &str = "io.modelcontextprotocol/logLevel";

pub(super) const FEATURES: [&str; 15] = [
    "list",
    "call",
    "structured",
    "progress",
    "cancel",
    "sampling",
    "elicitation",
    "roots",
    "read",
    "updated",
    "prompt",
    "completion",
    "logging",
    "list changed",
    "error data",
];

pub(super) struct Checks<'a> {
    client: &'a Client,
    heard: &'a Heard,
    /// Whether the client speaks 2026-07-28.
    newer: bool,
    server: &'a str,
    token: String,
}

fn same<T: PartialEq + std::fmt::Debug>(is: T, expected: T) -> Result<(), Failure> {
    match is == expected {
        true => Ok(()),
        false => Err(format!("{is:?} instead of {expected:?}").into()),
    }
}

impl<'a> Checks<'a> {
    pub(super) fn new(client: &'a Client, heard: &'a Heard, newer: bool, server: &'a str) -> Self {
        let token = format!("rmcp{}", std::process::id());
        Self {
            client,
            heard,
            newer,
            server,
            token,
        }
    }

    fn name(&self, plain: &str) -> String {
        format!("{}__{plain}", self.server)
    }

    fn uri(&self, path: &str) -> String {
        format!("{}://{path}", self.server.replace('_', "-"))
    }

    fn params(&self, tool: &str, given: Value) -> CallToolRequestParams {
        let given = given.as_object().cloned().unwrap_or_default();
        CallToolRequestParams::new(self.name(tool)).with_arguments(given)
    }

    /// The first text of a result.
    async fn text(&self, tool: &str, given: Value) -> Result<String, Failure> {
        let result = self.client.call_tool(self.params(tool, given)).await?;
        let text = result.content.first().and_then(|content| content.as_text());
        Ok(text.map(|text| text.text.clone()).ok_or("no text")?)
    }

    /// A tool says that.
    async fn says(&self, tool: &str, given: Value, expected: &str) -> Result<(), Failure> {
        same(self.text(tool, given).await?.as_str(), expected)
    }

    pub(super) async fn check(&self, feature: &str) -> Result<(), Failure> {
        match feature {
            "list" => self.list().await,
            "call" => {
                let words = "This is a simple text response for testing.";
                self.says("test_simple_text", json!({}), words).await
            }
            "structured" => self.structured().await,
            "progress" => self.progress().await,
            "cancel" => self.cancel().await,
            "sampling" => {
                let prompt = json!({ "prompt": "Say something" });
                self.says("test_sampling", prompt, "LLM response: A model.")
                    .await
            }
            "elicitation" => {
                let message = json!({ "message": "Who?" });
                let text = self.text("test_elicitation", message).await?;
                same(text.contains("action=accept") && text.contains("ada"), true)
            }
            "roots" => self.says("matrix_roots", json!({}), "file:///matrix").await,
            "read" => self.read().await,
            "updated" => self.updated().await,
            "prompt" => self.prompt().await,
            "completion" => {
                let name = self.name("test_prompt_with_arguments");
                let asked = self
                    .client
                    .complete_prompt_argument(name, "arg1", "par", None);
                same(asked.await?.values.join(" ").as_str(), "paris park party")
            }
            "logging" => self.logging().await,
            "list changed" => self.list_changed().await,
            "error data" => self.error_data().await,
            _ => Err("no such check".into()),
        }
    }

    async fn structured(&self) -> Result<(), Failure> {
        let params = self.params("matrix_structured", json!({ "numbers": [1, 2, 39.5] }));
        let structured = self.client.call_tool(params).await?.structured_content;
        let structured = structured.ok_or("nothing structured")?;
        same(structured.get("total"), Some(&json!(42.5)))?;
        let of = structured.get("of").and_then(Value::as_array);
        same(of.map(Vec::len), Some(3))
    }

    async fn progress(&self) -> Result<(), Failure> {
        let from = self.heard.so_far();
        self.text("test_tool_with_progress", json!({})).await?;
        for done in [0.0, 50.0, 100.0] {
            let wanted = |it: &Value| it.as_f64() == Some(done);
            self.heard.until(from, "progress", wanted).await;
        }
        Ok(())
    }

    async fn read(&self) -> Result<(), Failure> {
        let params = ReadResourceRequestParams::new(self.uri("static-text"));
        let contents = json!(self.client.read_resource(params).await?.contents);
        let text = contents.pointer("/0/text").and_then(Value::as_str);
        same(
            text,
            Some("This is the content of the static text resource."),
        )
    }

    async fn prompt(&self) -> Result<(), Failure> {
        let given = json!({ "arg1": "a", "arg2": "b" });
        let given = given.as_object().cloned().unwrap_or_default();
        let name = self.name("test_prompt_with_arguments");
        let params = GetPromptRequestParams::new(name).with_arguments(given);
        let messages = json!(self.client.get_prompt(params).await?.messages);
        let text = messages.pointer("/0/content/text").and_then(Value::as_str);
        same(text, Some("Prompt with arguments: arg1='a', arg2='b'"))
    }

    async fn error_data(&self) -> Result<(), Failure> {
        let uri = self.uri("absent/this");
        let params = ReadResourceRequestParams::new(uri.clone());
        match self.client.read_resource(params).await {
            Err(ServiceError::McpError(error)) => same(error.data, Some(json!({ "uri": uri }))),
            other => Err(format!("{other:?}").into()),
        }
    }

    async fn list(&self) -> Result<(), Failure> {
        let tools = self.client.list_all_tools().await?;
        let tool = self.name("test_simple_text");
        same(tools.iter().any(|it| it.name == tool), true)?;
        let prompts = self.client.list_all_prompts().await?;
        let prompt = self.name("test_prompt_with_arguments");
        same(prompts.iter().any(|it| it.name == prompt), true)?;
        let resources = json!(self.client.list_all_resources().await?).to_string();
        same(resources.contains(&self.uri("static-text")), true)?;
        let templates = json!(self.client.list_all_resource_templates().await?).to_string();
        same(templates.contains(&self.uri("template/{id}/data")), true)
    }

    async fn cancel(&self) -> Result<(), Failure> {
        let from = self.heard.so_far();
        let waiting = self
            .client
            .call_tool(self.params("matrix_wait", json!({ "token": self.token })));
        tokio::select! {
            ended = waiting => return Err(format!("it ended: {ended:?}").into()),
            () = self.heard.until(from, "progress", |_| true) => {} // and drops it
        }
        same(
            self.text("matrix_cancelled", json!({ "token": self.token }))
                .await?,
            "it was cancelled".to_owned(),
        )
    }

    async fn updated(&self) -> Result<(), Failure> {
        let uri = self.uri(&format!("template/{}/data", self.token));
        let touch = json!({ "uri": uri });
        if self.newer {
            let filter = SubscriptionFilter::builder()
                .resource_subscription(&uri)
                .build();
            let mut listening = self.client.listen(filter).await?;
            self.text("matrix_touch", touch).await?;
            let told = json!(listening.next().await?);
            listening.cancel().await?;
            return same(told.pointer("/params/uri"), Some(&json!(uri)));
        }
        let from = self.heard.so_far();
        self.client
            .subscribe(SubscribeRequestParams::new(uri.clone()))
            .await?;
        self.text("matrix_touch", touch).await?;
        self.heard
            .until(from, "updated", |it| *it == json!(uri))
            .await;
        Ok(self
            .client
            .unsubscribe(UnsubscribeRequestParams::new(uri))
            .await?)
    }

    async fn logging(&self) -> Result<(), Failure> {
        let from = self.heard.so_far();
        let mut params = self.params("matrix_log", json!({ "token": self.token }));
        if self.newer {
            let mut meta = MetaObject::default();
            meta.0.insert(LEVEL.to_owned(), json!("warning"));
            params.meta = Some(RequestMetaObject(meta));
        } else {
            let level = SetLevelRequestParams::new(LoggingLevel::Warning);
            self.client.set_level(level).await?;
        }
        self.client.call_tool(params).await?;
        self.heard
            .until(from, "message", |it| *it == json!(self.token))
            .await;
        Ok(())
    }

    async fn list_changed(&self) -> Result<(), Failure> {
        let extra = self.name(&format!("matrix_extra_{}", self.token));
        let mut from = self.heard.so_far();
        let filter = SubscriptionFilter::builder().tools_list_changed().build();
        let mut listening = match self.newer {
            true => Some(self.client.listen(filter).await?),
            false => None,
        };
        self.text("matrix_change", json!({ "token": self.token }))
            .await?;
        loop {
            match &mut listening {
                Some(listening) => changed(listening).await?,
                None => self.heard.until(from, "changed", |_| true).await,
            }
            from = self.heard.so_far();
            let tools = self.client.list_all_tools().await?;
            if tools.iter().any(|tool| tool.name == extra) {
                break;
            }
        }
        if let Some(mut listening) = listening {
            listening.cancel().await?;
        }
        Ok(())
    }
}

async fn changed(listening: &mut Subscription) -> Result<(), Failure> {
    match listening.next().await? {
        Some(ServerNotification::ToolListChangedNotification(_)) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
