//! What a client asks, and what has to come of it.

use serde_json::{Value, json};

use crate::{
    cast::{Actor, CAST, Fate, Speech},
    ledger::Ledger,
    random::Random,
};

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A call that gives back what it is called with.
    Echo,
    /// One that has the server misbehave. Any end will do.
    Rude,
    /// One that no role may make.
    Secret,
    /// The tools, which are all those of the calm servers at least.
    List,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) kind: Kind,
    pub(crate) actor: &'static Actor,
    /// Known by this to the server and the audit.
    pub(crate) nonce: u64,
    /// Known by this to the client alone; others have the same.
    pub(crate) id: Value,
    pub(crate) tool: String,
    pub(crate) arguments: Value,
    /// Whether progress is to be reported.
    pub(crate) progress: bool,
}

/// What fake servers do to those who read what they write.
const RUDE: [(&str, &str); 7] = [
    ("die", r#"{"stderr":["I die"],"status":3}"#),
    ("hold", "{}"),
    ("spawn", "{}"),
    (
        "say",
        r#"{"lines":["garbage","{\"jsonrpc\":\"2.0\",\"id\":"]}"#,
    ),
    (
        "say",
        r#"{"lines":["{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"content\":[]}}"]}"#,
    ),
    ("say", r#"{"lines":[],"mute":["tools/call"]}"#),
    ("become", r#"{"script":"yes garbage | head -n 20000"}"#),
];

impl Ask {
    /// Any request to one of these, who may be told to misbehave.
    pub(crate) fn any(
        random: &mut Random,
        ledger: &Ledger,
        (actors, rude): (&[&'static Actor], bool),
    ) -> Self {
        let [first, ..] = &CAST;
        let actor = random.pick(actors, first);
        let is_rude = rude && actor.fate == Fate::Wild && actor.speech == Speech::Child;
        let kind = match random.below(100) {
            0..3 => Kind::List,
            3..5 => Kind::Secret,
            5..12 if is_rude => Kind::Rude,
            _ => Kind::Echo,
        };
        Self::new(random, ledger, actor, kind)
    }

    /// A request of that kind.
    pub(crate) fn new(
        random: &mut Random,
        ledger: &Ledger,
        actor: &'static Actor,
        kind: Kind,
    ) -> Self {
        let nonce = match kind {
            Kind::List => 0,
            Kind::Echo | Kind::Rude | Kind::Secret => ledger.nonce(),
        };
        let (tool, given) = random.pick(&RUDE, ("die", "{}"));
        let (tool, mut arguments) = match kind {
            Kind::Rude => (
                tool.to_owned(),
                serde_json::from_str(given).unwrap_or_default(),
            ),
            Kind::Secret => (actor.secret(), json!({})),
            Kind::Echo | Kind::List => (actor.tool(), echo(random)),
        };
        arguments["nonce"] = nonce.to_string().into();
        Self {
            kind,
            actor,
            nonce,
            id: Value::Null,
            tool,
            arguments,
            progress: random.percent(20),
        }
    }

    /// The method.
    pub(crate) fn method(&self) -> &'static str {
        match self.kind {
            Kind::List => "tools/list",
            Kind::Echo | Kind::Rude | Kind::Secret => "tools/call",
        }
    }

    /// The tool, as clients know it.
    pub(crate) fn exposed(&self) -> String {
        self.actor.exposed(&self.tool)
    }

    /// The `params`.
    pub(crate) fn params(&self) -> Value {
        let mut params = match self.kind {
            Kind::List => json!({}),
            Kind::Echo | Kind::Rude | Kind::Secret => {
                json!({"name": self.exposed(), "arguments": self.arguments})
            }
        };
        if self.progress {
            params["_meta"] = json!({"progressToken": self.token()});
        }
        params
    }

    /// What progress is reported under: others have the same.
    pub(crate) fn token(&self) -> Value {
        self.id.clone()
    }

    /// What is wrong with a result, if anything is.
    pub(crate) fn fault(&self, result: &Value) -> Option<String> {
        match self.kind {
            Kind::List => self.missing(result),
            Kind::Secret => Some("a tool that no role may call was called".to_owned()),
            Kind::Rude => None,
            Kind::Echo if self.actor.speech == Speech::Example => {
                let same = result["content"][0]["text"] == self.arguments["message"];
                (!same).then(|| "the answer is another's".to_owned())
            }
            Kind::Echo => {
                let params = &result["params"];
                let same =
                    params["name"] == self.tool.as_str() && params["arguments"] == self.arguments;
                (!same).then(|| "the answer is another's".to_owned())
            }
        }
    }

    fn missing(&self, result: &Value) -> Option<String> {
        let tools = result["tools"].as_array()?;
        let calm = Actor::all(Fate::Calm);
        let missing = calm.iter().find(|actor| {
            let name = actor.exposed(&actor.tool());
            !tools.iter().any(|tool| tool["name"] == name.as_str())
        });
        missing.map(|actor| format!("the list lacks {}", actor.name))
    }
}

/// Something to give back: mostly little, sometimes more than is read before it is passed on.
fn echo(random: &mut Random) -> Value {
    let length = match random.below(100) {
        0..80 => random.below(200),
        80..97 => random.below(20_000),
        _ => 60_000 + random.below(200_000),
    };
    let letters: String = (0..length / 4)
        .map(|_| random.pick(&LETTERS, "a"))
        .collect();
    let pause = match random.below(100) {
        0..80 => 0,
        80..97 => random.below(50),
        _ => random.below(1000),
    };
    json!({"message": letters, "pause": pause, "steps": random.below(4)})
}

/// Among them what has to be escaped, and what breaks lines.
const LETTERS: [&str; 8] = ["a", "bcde", "\"", "\\n", "\n", "é", "😀", "\u{2028}"];
