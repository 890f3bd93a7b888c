//! A condition is looked through when it is loaded, so that what can never work is found then.
//!
//! The same walk puts [`EACH`] around every list that is gone through: the interpreter has no
//! bound of its own.

use std::{collections::HashMap, mem, thread};

use cel::{
    IdedExpr, ParseErrors,
    common::ast::{
        CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators,
    },
    parser::Parser,
};
use regex::{Regex, RegexBuilder};

use super::CallerFacts;

/// The function around a list that is gone through. No expression can spell it.
pub(super) const EACH: &str = "@each";
/// The function that is ours because its patterns are compiled once.
pub(super) const MATCHES: &str = "matches";
/// How deep an expression may go: the interpreter's stack is the thread's.
pub(super) const DEEPEST: usize = 32;
/// The stack of the thread that parses. What it does not use costs nothing.
const STACK: usize = 64 << 20;
/// How large a pattern of `matches` may become, in bytes.
const LARGEST_PATTERN: usize = 1 << 20;

const VARIABLES: [&str; 4] = ["args", "caller", "tool", "server"];
const TYPES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];
const FUNCTIONS: [&str; 9] = [
    "size", "string", "int", "uint", "double", "bool", "bytes", "type", "dyn",
];
/// With how many arguments.
const METHODS: [(&str, usize); 5] = [
    ("startsWith", 1),
    ("endsWith", 1),
    ("contains", 1),
    (MATCHES, 1),
    ("size", 0),
];
const OPERATORS: [&str; 18] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    "_-_", // misspelt there
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
];

/// What an expression turned out to need.
#[derive(Default)]
pub(super) struct Found {
    pub(super) patterns: HashMap<String, Regex>,
    pub(super) keys: Vec<String>,
    pub(super) reads_arguments: bool,
    /// The variables of the comprehensions around the place that is looked at.
    bound: Vec<String>,
    depth: usize,
}

/// What is wrong, and with which part.
struct Complaint {
    id: u64,
    message: String,
}

impl Complaint {
    /// With the place, where it is known.
    fn at(&self, place: Option<(u32, u32)>) -> String {
        match place {
            Some((start, _)) => format!("column {}: {}", start + 1, self.message),
            None => self.message.clone(),
        }
    }
}

/// Reads an expression, looks through it and puts the bounds in.
pub(super) fn read(text: &str) -> Result<(IdedExpr, Found), String> {
    // The generated parser goes as deep as the text does, and it unwraps a lot: a slip in a file
    // must not end a running gateway. A thread of its own bears both.
    let stack = thread::Builder::new().stack_size(STACK);
    thread::scope(|scope| {
        let reader = stack.spawn_scoped(scope, || parse(text));
        let result = reader.map(thread::ScopedJoinHandle::join);
        match result {
            Ok(Ok(read)) => read,
            Ok(Err(_)) | Err(_) => Err("the expression cannot be read".to_owned()),
        }
    })
}

fn parse(text: &str) -> Result<(IdedExpr, Found), String> {
    let (mut expression, source) = Parser::new()
        .parse_with_source_info(text)
        .map_err(|errors| wording(&errors))?;
    let mut found = Found::default();
    found
        .visit(&mut expression)
        .map_err(|complaint| complaint.at(source.offset_for(complaint.id)))?;
    Ok((expression, found))
}

fn wording(errors: &ParseErrors) -> String {
    let Some(error) = errors.errors.first() else {
        return "expected an expression".to_owned();
    };
    // The parser's own words are about its grammar, and repeat what stands there.
    let words = "no expression (https://cel.dev) goes on like this; \
                 `==` compares, `&&` and `||` join, texts stand in quotes";
    match error.pos {
        (line, column) if line > 1 => format!("line {line}, column {column}: {words}"),
        (_, column) => format!("column {column}: {words}"),
    }
}

impl Found {
    fn visit(&mut self, node: &mut IdedExpr) -> Result<(), Complaint> {
        let id = node.id;
        let complain = |message: String| Err(Complaint { id, message });
        self.depth += 1;
        if self.depth > DEEPEST {
            return complain(format!("expected at most {DEEPEST} levels of nesting"));
        }
        match &mut node.expr {
            Expr::Literal(_) => {}
            Expr::Ident(name) => self.name(id, name)?,
            Expr::Select(select) => self.select(id, select)?,
            Expr::Call(call) => self.call(id, call)?,
            Expr::Comprehension(comprehension) => self.comprehension(id, comprehension)?,
            Expr::List(list) => self.all(&mut list.elements)?,
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return complain("expected a map without fields".to_owned());
                    };
                    self.visit(&mut entry.key)?;
                    self.visit(&mut entry.value)?;
                }
            }
            Expr::Struct(_) => {
                return complain("expected no message: there are none here".to_owned());
            }
            Expr::Unspecified => return complain("expected an expression".to_owned()),
        }
        self.depth -= 1;
        Ok(())
    }

    fn all(&mut self, nodes: &mut [IdedExpr]) -> Result<(), Complaint> {
        nodes.iter_mut().try_for_each(|node| self.visit(node))
    }

    fn name(&mut self, id: u64, name: &str) -> Result<(), Complaint> {
        let bound = self.bound.iter().any(|bound| bound == name);
        if !bound && !VARIABLES.contains(&name) && !TYPES.contains(&name) {
            let message = format!("`{name}` is not known; there are {}", VARIABLES.join(", "));
            return Err(Complaint { id, message });
        }
        self.reads_arguments |= name == "args";
        Ok(())
    }

    fn select(&mut self, id: u64, select: &mut SelectExpr) -> Result<(), Complaint> {
        let of_caller = matches!(&select.operand.expr, Expr::Ident(name) if name == "caller");
        if !of_caller {
            self.keys.push(select.field.clone());
        } else if !CallerFacts::KEYS.contains(&select.field.as_str()) {
            let known = CallerFacts::KEYS.join(", ");
            let message = format!("a caller has no `{}`; it has {known}", select.field);
            return Err(Complaint { id, message });
        }
        self.visit(&mut select.operand)
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Result<(), Complaint> {
        let name = call.func_name.as_str();
        let known = match &call.target {
            Some(_) => METHODS.contains(&(name, call.args.len())),
            // `all` and `exists` become this.
            None if name == operators::NOT_STRICTLY_FALSE => true,
            None => {
                OPERATORS.contains(&name) || (FUNCTIONS.contains(&name) && call.args.len() == 1)
            }
        };
        if !known {
            let methods = METHODS.map(|(name, _)| name).join(", ");
            let message = format!("no function `{name}` is called like this; texts have {methods}");
            return Err(Complaint { id, message });
        }
        match (name, call.args.as_slice()) {
            (MATCHES, [pattern]) => self.pattern(id, literal(pattern))?,
            (operators::INDEX, [_, key]) | (operators::IN, [key, _]) => {
                self.keys.extend(literal(key).map(str::to_owned));
            }
            (_, _) => {}
        }
        if let Some(target) = &mut call.target {
            self.visit(target)?;
        }
        self.all(&mut call.args)
    }

    fn pattern(&mut self, id: u64, pattern: Option<&str>) -> Result<(), Complaint> {
        let complain = |message: &str| Complaint {
            id,
            message: message.to_owned(),
        };
        // Otherwise a caller could choose it.
        let pattern = pattern
            .ok_or_else(|| complain("the pattern of `matches` must be written out, in quotes"))?;
        let compiled = RegexBuilder::new(pattern)
            .size_limit(LARGEST_PATTERN)
            .build()
            .map_err(|_error| {
                complain("the pattern of `matches` is no regular expression, or too large")
            })?;
        self.patterns.insert(pattern.to_owned(), compiled);
        Ok(())
    }

    fn comprehension(&mut self, id: u64, it: &mut ComprehensionExpr) -> Result<(), Complaint> {
        let outside = self.bound.len();
        let names = [
            Some(&it.iter_var),
            it.iter_var2.as_ref(),
            Some(&it.accu_var),
        ];
        for name in names.into_iter().flatten() {
            if VARIABLES.contains(&name.as_str()) {
                let message = format!("`{name}` already means something else");
                return Err(Complaint { id, message });
            }
            self.bound.push(name.clone());
        }
        self.visit(&mut it.accu_init)?;
        self.visit(&mut it.loop_cond)?;
        self.visit(&mut it.loop_step)?;
        self.visit(&mut it.result)?;
        self.bound.truncate(outside);
        self.visit(&mut it.iter_range)?;
        let range = mem::take(&mut it.iter_range);
        it.iter_range = IdedExpr {
            id: range.id,
            expr: Expr::Call(CallExpr {
                func_name: EACH.to_owned(),
                target: None,
                args: vec![range],
            }),
        };
        Ok(())
    }
}

fn literal(node: &IdedExpr) -> Option<&str> {
    let Expr::Literal(LiteralValue::String(text)) = &node.expr else {
        return None;
    };
    Some(text.inner())
}
