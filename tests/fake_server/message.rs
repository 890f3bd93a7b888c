//! What comes in.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A message, as far as it matters here.
#[derive(Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) method: Option<String>,
    #[serde(borrow)]
    pub(crate) params: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) result: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
pub(crate) struct Params<'a> {
    pub(crate) name: Option<String>,
    #[serde(borrow)]
    pub(crate) arguments: Option<&'a RawValue>,
    #[serde(rename = "inputResponses", borrow)]
    pub(crate) responses: Option<&'a RawValue>,
    #[serde(rename = "requestState", borrow)]
    pub(crate) state: Option<&'a RawValue>,
    #[serde(rename = "_meta", borrow)]
    pub(crate) meta: Option<Meta<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct Meta<'a> {
    #[serde(rename = "progressToken", borrow)]
    pub(crate) token: Option<&'a RawValue>,
}

/// What the tools take.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Arguments {
    /// `received`: which lines.
    pub(crate) contains: String,
    /// `received`: how many there must be before it answers.
    pub(crate) count: usize,
    /// `say`: what to write; `$ID` is the call's id, `$TOKEN` its progress token.
    pub(crate) lines: Vec<String>,
    /// `die`: what to write to stderr before.
    pub(crate) stderr: Vec<String>,
    /// `die`: the exit status.
    pub(crate) status: i32,
    /// `big`: the size of the answer.
    pub(crate) bytes: usize,
    /// `say`: instead of what `--mute` said.
    pub(crate) mute: Vec<String>,
    /// `offer`: instead of what `--tools` said.
    pub(crate) tools: Option<Value>,
    /// `env`: which one.
    pub(crate) variable: String,
    /// `become`: what the process goes on as.
    pub(crate) script: String,
    /// `ask`: the questions, each with `method` and `params`, whose answers it waits for.
    pub(crate) questions: Vec<Value>,
    /// `ask` under `--modern`: how many rounds of them.
    pub(crate) rounds: usize,
}
