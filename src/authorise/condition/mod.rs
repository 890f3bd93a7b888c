//! Conditions on the arguments of a call.
//!
//! ```toml
//! when = "args.path.startsWith('/srv/') && caller.email.endsWith('@example.com')"
//! ```
//!
//! An expression of [CEL](https://cel.dev) that says yes or no. It knows `args`, the arguments as
//! an object (empty where there are none); `caller`, with `id`, `email`, `role`, `key` and
//! `address`, null where unknown; and the names `tool` and `server`. What it asks for and does not
//! find is an error, and an error is for the caller of this to take as a no.
//!
//! Whoever calls tools chooses the arguments, so their length and the work on them are bounded,
//! and arguments that two readers could read differently are an error (see [`arguments`]). The
//! expression is the operator's own; its bounds only keep mistakes small.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use cel::{
    Context, Env, ExecutionError, FunctionContext, IdedExpr, Value,
    common::{types::CelString, value::CowVal},
};
use regex::Regex;
use serde::Deserialize;

mod arguments;
mod inspect;

/// How long the text of a condition may be, in bytes.
const LONGEST: usize = 2 * 1024;
/// How long arguments may be for a condition to look at them, in bytes.
const LONGEST_ARGUMENTS: usize = 64 * 1024;
/// How many bytes all rounds of `all`, `exists`, `map` and `filter` together may look at, when
/// each looks at all the arguments. Enough for 370 paths of 60 letters, and some 50 ms.
const WORK: usize = 8 * 1024 * 1024;

static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An expression that says whether a rule counts. Cheap to clone.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Condition(Arc<Inner>);

struct Inner {
    written: String,
    expression: IdedExpr,
    /// The patterns of `matches`, by how they are written.
    patterns: Arc<HashMap<String, Regex>>,
    /// The keys it asks for.
    keys: Vec<String>,
    reads_arguments: bool,
}

/// What a condition is asked about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The arguments as the client wrote them: JSON, not yet looked at.
    pub args: Option<&'a str>,
    /// Who calls.
    pub caller: CallerFacts<'a>,
    /// The tool or prompt, by the name its server gave it.
    pub tool: Option<&'a str>,
    /// The server.
    pub server: &'a str,
}

/// What a condition can know of a caller.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallerFacts<'a> {
    /// What its credentials call it.
    pub id: Option<&'a str>,
    /// Its address for mail.
    pub email: Option<&'a str>,
    /// Its role.
    pub role: Option<&'a str>,
    /// The name of its key.
    pub key: Option<&'a str>,
    /// Where it calls from.
    pub address: Option<&'a str>,
}

/// Why a condition is neither true nor false. Nothing of the arguments is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// They are not even read.
    #[error("the arguments are longer than {} KiB", LONGEST_ARGUMENTS / 1024)]
    TooLong,
    /// No JSON, no object, or one that is not the same to every reader.
    #[error("the arguments cannot be judged: {0}")]
    Arguments(String),
    /// They would keep the gateway busy.
    #[error("the lists in the arguments are too long to go through")]
    TooMuchWork,
    /// Something that it asks for is not there.
    #[error("the arguments have no such key")]
    Missing,
    /// A function or an operator got something that it cannot work with.
    #[error("{0}")]
    Mismatch(String),
    /// It came to something else than true or false.
    #[error("the condition is neither true nor false")]
    NotBoolean,
    /// A division by zero, an index out of bounds.
    #[error("the condition cannot be evaluated")]
    Failed,
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    ///
    /// With the column, when it is not an expression, or asks for something that does not exist.
    pub fn compile(written: &str) -> Result<Self, String> {
        if written.len() > LONGEST {
            return Err(format!("expected at most {LONGEST} bytes"));
        }
        let (expression, found) = inspect::read(written)?;
        Ok(Self(Arc::new(Inner {
            written: written.to_owned(),
            expression,
            patterns: Arc::new(found.patterns),
            keys: found.keys,
            reads_arguments: found.reads_arguments,
        })))
    }

    /// Whether it is true of `facts`.
    ///
    /// # Errors
    ///
    /// When it is neither true nor false, or the arguments cannot be judged.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        // A panic of the interpreter would be a caller's way to take a thread down. It gets
        // nothing that outlives this call, so nothing can be left half done.
        catch_unwind(AssertUnwindSafe(|| self.evaluate(facts)))
            .unwrap_or(Err(ConditionError::Failed))
    }

    fn evaluate(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        let text = facts
            .args
            .filter(|_| self.0.reads_arguments)
            .unwrap_or("{}");
        if text.len() > LONGEST_ARGUMENTS {
            return Err(ConditionError::TooLong);
        }
        let arguments = arguments::read(text, &self.0.keys)
            .map_err(|error| ConditionError::Arguments(error.to_string()))?;
        let rounds = Arc::new(AtomicUsize::new(WORK / text.len().max(1024)));
        let context = self.context(facts, arguments, Arc::clone(&rounds))?;
        let result = Value::resolve(&self.0.expression, &context);
        // Looked at first: `||` can turn the error into an answer.
        if rounds.load(Ordering::Relaxed) == 0 {
            return Err(ConditionError::TooMuchWork);
        }
        match result {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(ConditionError::NotBoolean),
            Err(ExecutionError::NoSuchKey(_)) => Err(ConditionError::Missing),
            // Names the types, not the values; the other errors of the crate do repeat values.
            Err(ExecutionError::NoSuchOverload(error)) => {
                Err(ConditionError::Mismatch(error.to_string()))
            }
            Err(_) => Err(ConditionError::Failed),
        }
    }

    fn context(
        &self,
        facts: &Facts<'_>,
        arguments: Value,
        rounds: Arc<AtomicUsize>,
    ) -> Result<Context<'static, 'static>, ConditionError> {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.add_variable_from_value("args", arguments);
        context.add_variable_from_value("caller", facts.caller.to_value());
        context.add_variable_from_value("tool", text_or_null(facts.tool));
        context.add_variable_from_value("server", facts.server.to_owned());
        let each: Function = Box::new(move |call| each(call, &rounds));
        let patterns = Arc::clone(&self.0.patterns);
        let matches: Function = Box::new(move |call| matches(call, &patterns));
        context
            .add_function(inspect::EACH, each)
            .and_then(|()| context.add_function(inspect::MATCHES, matches))
            .map_err(|_conflict| ConditionError::Failed)?;
        Ok(context)
    }
}

/// As the crate keeps functions.
type Function = Box<
    dyn for<'c, 'v> Fn(&mut FunctionContext<'c, 'v>) -> Result<CowVal<'c, 'v>, ExecutionError>
        + Send
        + Sync,
>;

/// Hands a list on that is about to be gone through, if there are rounds left for it.
fn each<'c, 'v>(
    call: &mut FunctionContext<'c, 'v>,
    rounds: &AtomicUsize,
) -> Result<CowVal<'c, 'v>, ExecutionError> {
    let list = call.args.pop().ok_or_else(|| call.error("no list"))?;
    let size = list.as_sizer().map_or(0, |list| *list.size().inner());
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    // The last round is never given out: none left says that there were too few.
    let left = rounds.load(Ordering::Relaxed).saturating_sub(size);
    rounds.store(left, Ordering::Relaxed);
    if left == 0 {
        return Err(call.error("too many rounds"));
    }
    Ok(list)
}

/// `text.matches('pattern')`. The crate's own compiles the pattern anew each time.
fn matches<'c, 'v>(
    call: &mut FunctionContext<'c, 'v>,
    patterns: &HashMap<String, Regex>,
) -> Result<CowVal<'c, 'v>, ExecutionError> {
    let text = call
        .this
        .as_ref()
        .and_then(|this| this.downcast_ref::<CelString<'_>>());
    let pattern = call
        .args
        .first()
        .and_then(|arg| arg.downcast_ref::<CelString<'_>>());
    let pattern = pattern.and_then(|pattern| patterns.get(pattern.inner()));
    let (Some(text), Some(pattern)) = (text, pattern) else {
        return Err(ExecutionError::no_such_member_overload(
            "matches",
            Vec::new(),
        ));
    };
    let value = Value::Bool(pattern.is_match(text.inner()));
    Ok(CowVal::Owned(value.try_into()?))
}

impl CallerFacts<'_> {
    /// What [`Self::to_value`] has, for the check of a condition.
    const KEYS: [&'static str; 5] = ["id", "email", "role", "key", "address"];

    fn to_value(self) -> Value {
        let values = [self.id, self.email, self.role, self.key, self.address].map(text_or_null);
        Self::KEYS
            .into_iter()
            .zip(values)
            .collect::<HashMap<_, _>>()
            .into()
    }
}

fn text_or_null(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| text.to_owned().into())
}

impl TryFrom<String> for Condition {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        Self::compile(&written)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.0.written == other.0.written
    }
}

impl Eq for Condition {}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.written)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.written, f)
    }
}

#[cfg(test)]
mod tests;
