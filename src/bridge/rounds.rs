//! Questions that come as a result (2026-07-28, Multi Round-Trip Requests), for a client that is
//! asked by requests; and the other way round.

use futures_util::future::join_all;

use crate::{
    exchange::Exchange,
    mcp::{
        Frame, Malformed, Part, fields,
        message::{self, json},
        object,
    },
};

/// A result that asks instead of answering.
#[derive(Debug, PartialEq, Eq)]
pub struct InputRequired {
    /// Key and request of each question.
    pub questions: Vec<(String, String)>,
    /// What the server wants back, as JSON.
    pub state: Option<String>,
}

impl InputRequired {
    /// Reads a response; nothing if it is an answer.
    pub fn read(message: &Frame) -> Option<Self> {
        let result = message.raw(Part::Result)?;
        let keys = ["resultType", "inputRequests", "requestState"];
        let [kind, questions, state] = fields::fields(result, keys).ok()?;
        if kind != Some(r#""input_required""#) {
            return None;
        }
        let questions = questions
            .filter(|questions| questions.starts_with('{'))
            .unwrap_or("{}");
        let questions = object::pairs(questions).ok()?;
        let questions = questions
            .into_iter()
            .map(|(name, request)| (name, request.to_owned()))
            .collect();
        Some(Self {
            questions,
            state: state.map(str::to_owned),
        })
    }

    /// Asks the client everything at once; gives the answers as an `inputResponses` object.
    /// Nothing when it does not answer one of them.
    pub async fn ask(&self, exchange: &Exchange) -> Option<String> {
        let asked = self.questions.iter().map(async |(name, request)| {
            let members = r#""jsonrpc":"2.0","id":0"#;
            let question = Frame::parse(object::with(request, members).into()).ok()?;
            let answer = exchange.ask(question).await?;
            Some(format!("{}:{}", json(name), answer.raw(Part::Result)?))
        });
        let answers: Option<Vec<String>> = join_all(asked).await.into_iter().collect();
        answers.map(|answers| format!("{{{}}}", answers.join(",")))
    }
}

/// The request again, with the answers and what the server wants back.
///
/// # Errors
/// When its `params` are not an object.
pub fn retry(request: &Frame, answers: &str, state: Option<&str>) -> Result<Frame, Malformed> {
    super::with_params(request, |params| {
        let params = object::without(params, &["inputResponses", "requestState"]);
        let state = state
            .map(|state| format!(r#","requestState":{state}"#))
            .unwrap_or_default();
        object::with(&params, &format!(r#""inputResponses":{answers}{state}"#))
    })
}

/// The result by which a stateless client is asked.
pub fn ask(id: &[u8], questions: &[(u64, Frame)], state: &str) -> bytes::Bytes {
    let requests: Vec<String> = questions
        .iter()
        .map(|(key, question)| {
            let text = std::str::from_utf8(question.bytes()).unwrap_or("{}");
            format!(r#""{key}":{}"#, object::without(text, &["jsonrpc", "id"]))
        })
        .collect();
    let result = format!(
        r#"{{"resultType":"input_required","inputRequests":{{{}}},"requestState":{}}}"#,
        requests.join(","),
        json(&state)
    );
    message::result(id, result.as_bytes())
}
