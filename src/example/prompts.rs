//! Prompts, and the values their arguments can be completed to.

use rmcp::{
    ErrorData,
    handler::server::wrapper::Parameters,
    model::{
        CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock, PromptMessage,
        Reference, Role,
    },
    prompt, prompt_router,
    schemars::{self, JsonSchema},
};
use serde::Deserialize;

use super::{content::PNG, resources, server::Example};

/// What `test_prompt_with_arguments` needs.
#[derive(Deserialize, JsonSchema)]
pub(super) struct TwoArguments {
    /// First test argument.
    arg1: String,
    /// Second test argument.
    arg2: String,
}

/// What `test_prompt_with_embedded_resource` needs.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ResourceArgument {
    /// URI of the resource to embed.
    #[serde(rename = "resourceUri")]
    resource_uri: String,
}

#[prompt_router(vis = "pub(super)")]
impl Example {
    #[prompt(title = "Simple prompt", description = "A prompt without arguments.")]
    fn test_simple_prompt(&self) -> Vec<PromptMessage> {
        vec![user(ContentBlock::text(
            "This is a simple prompt for testing.",
        ))]
    }

    #[prompt(
        title = "Prompt with arguments",
        description = "A prompt that needs two arguments."
    )]
    fn test_prompt_with_arguments(
        &self,
        Parameters(TwoArguments { arg1, arg2 }): Parameters<TwoArguments>,
    ) -> Vec<PromptMessage> {
        vec![user(ContentBlock::text(format!(
            "Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"
        )))]
    }

    #[prompt(
        title = "Prompt with a resource",
        description = "A prompt with a resource inside."
    )]
    fn test_prompt_with_embedded_resource(
        &self,
        Parameters(ResourceArgument { resource_uri }): Parameters<ResourceArgument>,
    ) -> Vec<PromptMessage> {
        vec![
            user(ContentBlock::embedded_text(
                resource_uri,
                "Embedded resource content for testing.",
            )),
            user(ContentBlock::text(
                "Please process the embedded resource above.",
            )),
        ]
    }

    #[prompt(
        title = "Prompt with an image",
        description = "A prompt with an image inside."
    )]
    fn test_prompt_with_image(&self) -> Vec<PromptMessage> {
        vec![
            user(ContentBlock::image(PNG, "image/png")),
            user(ContentBlock::text("Please analyse the image above.")),
        ]
    }
}

/// The known values that begin with what was typed.
pub(super) fn complete(request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    let known: &[&str] = match (&request.r#ref, request.argument.name.as_str()) {
        (Reference::Prompt(prompt), "arg1" | "arg2")
            if prompt.name == "test_prompt_with_arguments" =>
        {
            &["paris", "park", "party", "london"]
        }
        (Reference::Resource(template), "id") if template.uri == resources::TEMPLATE => {
            &["1", "12", "123"]
        }
        _ => &[],
    };
    let typed = request.argument.value.as_str();
    let values = known.iter().filter(|value| value.starts_with(typed));
    CompletionInfo::with_all_values(values.map(ToString::to_string).collect())
        .map(CompleteResult::new)
        .map_err(|reason| ErrorData::internal_error(reason, None))
}

fn user(content: ContentBlock) -> PromptMessage {
    PromptMessage::new(Role::User, content)
}
