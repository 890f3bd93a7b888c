//! The tool `ask`: it answers when it has been answered.

use serde_json::{Value, json};

use crate::{
    answer,
    message::{Arguments, Params},
    say,
};

/// The questions that are open, and whose call they belong to.
#[derive(Default)]
pub(crate) struct Asking {
    asked: u64,
    open: Vec<Call>,
}

/// A call, and its questions with their answers.
struct Call {
    id: String,
    answers: Vec<(String, Option<String>)>,
}

impl Asking {
    /// Asks; every server counts its questions from one.
    pub(crate) fn begin(&mut self, call: &str, questions: &[Value]) {
        let mut answers = Vec::new();
        for question in questions {
            self.asked += 1;
            let id = self.asked.to_string();
            let (method, params) = (&question["method"], &question["params"]);
            say(&format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}"#
            ));
            answers.push((id, None));
        }
        self.open.push(Call {
            id: call.to_owned(),
            answers,
        });
    }

    /// An answer has come: whoever has all of its own answers with them, as they were written.
    pub(crate) fn answered(&mut self, id: &str, raw: &str) {
        self.open.retain_mut(|call| {
            for (question, slot) in &mut call.answers {
                if question == id {
                    *slot = Some(raw.to_owned());
                }
            }
            let all: Option<Vec<&str>> = call.answers.iter().map(|(_, a)| a.as_deref()).collect();
            let Some(all) = all else { return true };
            let result = format!(r#"{{"content":[],"answers":[{}]}}"#, all.join(","));
            answer(&call.id, &result);
            false
        });
    }
}

/// The same without a session: it asks by its result, as often as it is told to.
pub(crate) fn required(id: &str, given: &Arguments, params: Params<'_>) {
    let round = params
        .state
        .and_then(|state| {
            state
                .get()
                .trim_matches('"')
                .strip_prefix("round ")?
                .parse()
                .ok()
        })
        .unwrap_or(0_usize);
    if round >= given.rounds.max(1) {
        let answers = params.responses.map_or("null", |raw| raw.get());
        let result = format!(r#"{{"resultType":"complete","content":[],"answers":{answers}}}"#);
        return answer(id, &result);
    }
    let requests: serde_json::Map<String, Value> = given
        .questions
        .iter()
        .enumerate()
        .map(|(at, question)| (format!("q{at}"), question.clone()))
        .collect();
    let result = json!({
        "resultType": "input_required", "inputRequests": requests,
        "requestState": format!("round {}", round + 1),
    });
    answer(id, &result.to_string());
}
