//! Tools that ask the client something before they answer: its model, or its user.

use rmcp::{
    RoleServer,
    handler::server::wrapper::Parameters,
    model::{
        ClientCapabilities, ClientResult, CreateMessageRequestParams, ElicitRequest,
        ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, SamplingMessage,
        SamplingMessageContentBlock, ServerRequest,
    },
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::Deserialize;
use serde_json::Value;

use super::{forms, server::Example};

/// What `test_sampling` asks the model.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Prompt {
    /// The prompt to send to the model.
    prompt: String,
}

/// What `test_elicitation` asks the user.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Question {
    /// The message to show to the user.
    message: String,
}

#[tool_router(router = asking_tools, vis = "pub(super)")]
impl Example {
    #[tool(
        title = "Ask the model",
        description = "Asks the client's model and returns what it says.",
        annotations(read_only_hint = true)
    )]
    async fn test_sampling(
        &self,
        Parameters(Prompt { prompt }): Parameters<Prompt>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, String> {
        require(&context, "sampling", |can| can.sampling.is_some())?;
        let request =
            CreateMessageRequestParams::new(vec![SamplingMessage::user_text(prompt)], 100);
        let answer = context.peer.create_message(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let mut response = String::from("LLM response: ");
        for block in answer.message.content.into_vec() {
            if let SamplingMessageContentBlock::Text(part) = block {
                response.push_str(&part.text);
            }
        }
        Ok(response)
    }

    #[tool(
        title = "Ask the user",
        description = "Shows the user a message and asks for a user name and an email address.",
        annotations(read_only_hint = true)
    )]
    async fn test_elicitation(
        &self,
        Parameters(Question { message }): Parameters<Question>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, String> {
        let answer = elicit(&context, message, forms::name_and_email()).await?;
        Ok(format!("User response: {}", in_words(&answer)))
    }

    #[tool(
        title = "Ask the user, with defaults",
        description = "Asks the user to review a form that is filled in already.",
        annotations(read_only_hint = true)
    )]
    async fn test_elicitation_sep1034_defaults(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, String> {
        let answer = elicit(&context, "Please review.".into(), forms::filled_in()).await?;
        Ok(format!("Elicitation completed: {}", in_words(&answer)))
    }

    #[tool(
        title = "Ask the user to choose",
        description = "Asks the user to choose, with every kind of choice a form can have.",
        annotations(read_only_hint = true)
    )]
    async fn test_elicitation_sep1330_enums(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, String> {
        let answer = elicit(&context, "Please choose.".into(), forms::choices()).await?;
        Ok(format!("Elicitation completed: {}", in_words(&answer)))
    }
}

/// Asking a client that cannot answer would leave the call hanging.
fn require(
    context: &RequestContext<RoleServer>,
    capability: &str,
    declared: impl Fn(&ClientCapabilities) -> bool,
) -> Result<(), String> {
    match context.peer.peer_info() {
        Some(client) if declared(&client.capabilities) => Ok(()),
        _ => Err(format!("the client has not declared `{capability}`")),
    }
}

/// Shows the user a form and waits for what they make of it.
async fn elicit(
    context: &RequestContext<RoleServer>,
    message: String,
    form: Value,
) -> Result<ElicitResult, String> {
    require(context, "elicitation", |can| can.elicitation.is_some())?;
    let requested_schema: ElicitationSchema =
        serde_json::from_value(form).map_err(|error| error.to_string())?;
    let request = ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message,
        requested_schema,
    });
    let asked = context
        .peer
        .send_request(ServerRequest::ElicitRequest(request));
    match asked.await {
        Ok(ClientResult::ElicitResult(answer)) => Ok(answer),
        Ok(_) => Err("the client answered something else".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn in_words(answer: &ElicitResult) -> String {
    let action = match answer.action {
        ElicitationAction::Accept => "accept",
        ElicitationAction::Decline => "decline",
        ElicitationAction::Cancel => "cancel",
        _ => "unknown",
    };
    let content = answer.content.as_ref().unwrap_or(&Value::Null);
    format!("action={action}, content={content}")
}
