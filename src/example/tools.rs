//! Tools for the first five minutes: `add`, `echo`, `wait`.

use std::time::Duration;

use rmcp::{
    ErrorData, Json, RoleServer,
    handler::server::wrapper::Parameters,
    model::{CallToolResult, ContentBlock},
    schemars::{self, JsonSchema},
    service::RequestContext,
    tool, tool_router,
};
use serde::{Deserialize, Serialize};

use super::server::Example;

const MAX_WAIT_SECONDS: f64 = 600.0;
const MAX_STEPS: u32 = 1000;

/// What `add` adds.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Addends {
    /// The first number.
    a: i64,
    /// The second number.
    b: i64,
}

/// What `add` answers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sum {
    /// `a` plus `b`.
    sum: i64,
}

/// What `echo` repeats.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Message {
    /// The text to send back.
    message: String,
}

/// How `wait` waits.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Wait {
    /// How long to wait in all.
    #[schemars(range(min = 0.0, max = MAX_WAIT_SECONDS))]
    seconds: f64,
    /// How many times to report progress on the way.
    #[serde(default = "Wait::default_steps")]
    #[schemars(range(min = 1, max = MAX_STEPS))]
    steps: u32,
}

impl Wait {
    fn default_steps() -> u32 {
        5
    }

    /// The pause before each report, if the arguments are within bounds.
    fn pause(&self) -> Result<Duration, String> {
        if !(0.0..=MAX_WAIT_SECONDS).contains(&self.seconds) {
            return Err(format!(
                "`seconds` must be between 0 and {MAX_WAIT_SECONDS}, not {}",
                self.seconds
            ));
        }
        if !(1..=MAX_STEPS).contains(&self.steps) {
            return Err(format!(
                "`steps` must be between 1 and {MAX_STEPS}, not {}",
                self.steps
            ));
        }
        Ok(Duration::from_secs_f64(self.seconds) / self.steps)
    }
}

#[tool_router(router = everyday_tools, vis = "pub(super)")]
impl Example {
    #[tool(
        title = "Add two numbers",
        description = "Adds two whole numbers. Answers with text and with structured content.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn add(&self, Parameters(Addends { a, b }): Parameters<Addends>) -> Result<Json<Sum>, String> {
        a.checked_add(b)
            .map(|sum| Json(Sum { sum }))
            .ok_or_else(|| format!("{a} + {b} does not fit in 64 bits"))
    }

    #[tool(
        title = "Echo a message",
        description = "Sends the message back as it came.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    fn echo(&self, Parameters(Message { message }): Parameters<Message>) -> String {
        message
    }

    #[tool(
        title = "Wait a while",
        description = "Waits, reports progress at every step to a client that asked for it, \
                       and stops early when cancelled.",
        annotations(read_only_hint = true, open_world_hint = false)
    )]
    async fn wait(
        &self,
        Parameters(wait): Parameters<Wait>,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let pause = match wait.pause() {
            Ok(pause) => pause,
            Err(reason) => return Ok(failure(reason)),
        };
        let Wait { seconds, steps } = wait;
        for step in 1..=steps {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Nobody hears this: a cancelled call has no answer.
                () = context.ct.cancelled() => return Ok(failure("Cancelled.")),
            }
            let message = format!("step {step} of {steps}");
            Self::report_progress(&context, step.into(), steps.into(), message).await?;
        }
        let text = format!("Waited {seconds} s.");
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]))
    }
}

fn failure(reason: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(reason)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_bounded() {
        let pause = |seconds, steps| Wait { seconds, steps }.pause();

        assert_eq!(pause(600.0, 3), Ok(Duration::from_secs(200)));
        assert_eq!(pause(0.0, 1), Ok(Duration::ZERO));
        for (seconds, steps) in [(600.1, 1), (-1.0, 1), (f64::NAN, 1), (1.0, 0), (1.0, 1001)] {
            assert!(pause(seconds, steps).is_err(), "{seconds} s, {steps} steps");
        }
    }
}
