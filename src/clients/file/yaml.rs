//! YAML, as LibreChat reads it.

use std::{collections::HashMap, ops::Range};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Comment, Member, Mistake, Node, Tree, Value, join};

/// How deep a file may be nested.
const DEEPEST: usize = 128;
/// How many values there may be, those that stand in for others (`*name`) counted each time.
const MOST: usize = 100_000;

/// What is being read when an event comes.
enum Open {
    List(usize, Vec<Node>),
    /// With the name whose value is to come.
    Table(usize, Vec<Member>, Option<(String, Range<usize>)>),
}

struct Builder {
    /// The byte at which each character begins, and the end.
    bytes: Vec<usize>,
    open: Vec<(usize, Open)>,
    named: HashMap<usize, Node>,
    root: Option<Node>,
    count: usize,
}

pub(super) fn parse(text: &str) -> Result<Tree, Mistake> {
    let starts = text.char_indices().map(|(at, _)| at);
    let mut builder = Builder {
        bytes: starts.chain([text.len()]).collect(),
        open: Vec::new(),
        named: HashMap::new(),
        root: None,
        count: 0,
    };
    let mut texts = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Mistake {
            at: builder.byte(error.marker().index()),
            message: format!("not YAML: {}", error.info()),
        })?;
        let span = builder.bytes_of(span);
        if matches!(event, Event::Scalar(..)) {
            texts.push(span.clone());
        }
        // Only the first document counts.
        if event == Event::DocumentEnd || !builder.take(event, span)? {
            break;
        }
    }
    let empty = Node {
        span: 0..text.len(),
        value: Value::Table(Vec::new()),
    };
    let root = builder.root.filter(|root| root.value != Value::Null);
    Ok(Tree {
        root: root.unwrap_or(empty),
        comments: comments(text, &texts),
    })
}

impl Builder {
    fn byte(&self, character: usize) -> usize {
        let last = self.bytes.last().copied().unwrap_or_default();
        self.bytes.get(character).copied().unwrap_or(last)
    }

    fn bytes_of(&self, span: Span) -> Range<usize> {
        self.byte(span.start.index())..self.byte(span.end.index())
    }

    /// Takes one event, and says whether more are wanted.
    fn take(&mut self, event: Event<'_>, span: Range<usize>) -> Result<bool, Mistake> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    ScalarStyle::SingleQuoted
                    | ScalarStyle::DoubleQuoted
                    | ScalarStyle::Literal
                    | ScalarStyle::Folded => Value::Text(text.into_owned()),
                };
                self.put(anchor, Node { span, value })?;
            }
            Event::SequenceStart(anchor, _) => self.begin(Open::List(anchor, Vec::new()), span)?,
            Event::MappingStart(anchor, _) => {
                self.begin(Open::Table(anchor, Vec::new(), None), span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span)?,
            Event::Alias(anchor) => {
                let meant = self.named.get(&anchor).cloned();
                let Some(meant) = meant else {
                    return Err(wrong(&span, "it refers to itself"));
                };
                self.count += weight(&meant);
                self.put(0, Node { span, ..meant })?;
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(true)
    }

    fn begin(&mut self, open: Open, span: Range<usize>) -> Result<(), Mistake> {
        if self.open.len() >= DEEPEST {
            return Err(wrong(&span, "it is nested too deep"));
        }
        self.open.push((span.start, open));
        Ok(())
    }

    fn end(&mut self, span: Range<usize>) -> Result<(), Mistake> {
        let Some((start, open)) = self.open.pop() else {
            return Ok(());
        };
        let (anchor, value) = match open {
            Open::List(anchor, items) => (anchor, Value::List(items)),
            Open::Table(anchor, members, _) => (anchor, Value::Table(merged(members))),
        };
        let span = start..span.end.max(start);
        self.put(anchor, Node { span, value })
    }

    fn put(&mut self, anchor: usize, node: Node) -> Result<(), Mistake> {
        self.count += 1;
        if self.count > MOST {
            return Err(wrong(&node.span, "there are too many values"));
        }
        if anchor > 0 {
            self.named.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = self.root.take().or(Some(node)),
            Some((_, Open::List(_, items))) => items.push(node),
            Some((_, Open::Table(_, members, name))) => match name.take() {
                Some((name, at)) => join(members, Member { name, at, node })?,
                None => {
                    let text = node.plain();
                    let text = text.ok_or_else(|| wrong(&node.span, "a key is to be a text"))?;
                    *name = Some((text, node.span));
                }
            },
        }
        Ok(())
    }
}

/// `<<: *name` brings in what is not said beside it.
fn merged(mut members: Vec<Member>) -> Vec<Member> {
    let Some(at) = members.iter().position(|member| member.name == "<<") else {
        return members;
    };
    let brought = members.remove(at).node;
    let tables: Vec<Node> = match brought.value {
        Value::List(items) => items,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) | Value::Table(_) => {
            vec![brought]
        }
    };
    for table in tables {
        for member in table.members().unwrap_or_default() {
            if members.iter().all(|known| known.name != member.name) {
                members.push(member.clone());
            }
        }
    }
    members
}

fn weight(node: &Node) -> usize {
    let inner: usize = match &node.value {
        Value::List(items) => items.iter().map(weight).sum(),
        Value::Table(members) => members.iter().map(|member| weight(&member.node)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => 0,
    };
    inner + 1
}

fn wrong(span: &Range<usize>, words: &str) -> Mistake {
    Mistake {
        at: span.start,
        message: format!("not to be read: {words}"),
    }
}

/// What a text without quotes is.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => {
            let is_number = text.parse::<i64>().is_ok()
                || (text.contains(|c: char| c.is_ascii_digit()) && text.parse::<f64>().is_ok());
            match is_number && !text.starts_with('+') {
                true => Value::Number(text.to_owned()),
                false => Value::Text(text.to_owned()),
            }
        }
    }
}

/// From `#` to the end of its line, where that is no part of a text.
fn comments(text: &str, texts: &[Range<usize>]) -> Vec<Comment> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        let mut marks = content.match_indices('#').map(|(at, _)| at);
        let begins = |at: &usize| {
            let before = content.get(..*at).unwrap_or_default();
            let is_free = before.is_empty() || before.ends_with([' ', '\t']);
            is_free && !texts.iter().any(|text| text.contains(&(start + at)))
        };
        if let Some(at) = marks.find(begins) {
            let words = content.get(at + 1..).unwrap_or_default();
            found.push(Comment {
                span: start + at..start + content.len(),
                text: words.trim().to_owned(),
            });
        }
        start += line.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# é at the top\nmcpServers:\n  # about files\n  files: &f\n    command: npx # fetched\n    \
                        args: [\"-y\", 'a#b']\n    timeout: 30000\n  more:\n    <<: *f\n    command: \"node\"\n";

    fn said(tree: &Tree, member: &Member) -> Vec<String> {
        let comments = tree.comments_of(FILE, member).into_iter();
        comments.flat_map(Comment::lines).collect()
    }

    #[test]
    fn values_comments_and_places_are_found() {
        let tree = parse(FILE).unwrap();
        let servers = tree.root.get("mcpServers").unwrap();
        let files = &servers.members().unwrap()[0];
        assert_eq!(&FILE[files.at.clone()], "files");
        assert_eq!(said(&tree, files), ["about files"]);
        let command = &files.node.members().unwrap()[0];
        assert_eq!(said(&tree, command), ["fetched"]);
        assert_eq!(&FILE[command.node.span.clone()], "npx");
        assert_eq!(
            files.node.get("args").unwrap().items()[1].text(),
            Some("a#b")
        );
        let timeout = files.node.get("timeout").unwrap();
        assert_eq!(timeout.value, Value::Number("30000".to_owned()));
        let more = servers.get("more").unwrap();
        assert_eq!(more.get("command").unwrap().text(), Some("node"));
        assert_eq!(more.get("args").unwrap().items().len(), 2);
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let mistake = parse("a: 1\nb: [\n").unwrap_err();
        assert!(mistake.message.starts_with("not YAML"), "{mistake:?}");
        let mistake = parse("a: 1\na: 2\n").unwrap_err();
        assert_eq!(
            (mistake.at, mistake.message.as_str()),
            (5, "`a` is already defined")
        );
    }

    #[test]
    fn a_file_that_grows_without_end_is_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let items = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{items}]\n");
        }
        assert!(parse(&bomb).is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse("a: &x [*x]").is_err());
    }

    #[test]
    fn an_empty_file_has_no_members() {
        for text in ["", "# only words\n", "---\n"] {
            assert_eq!(
                parse(text).unwrap().root.members(),
                Some(&[][..]),
                "{text:?}"
            );
        }
    }
}
