//! JSON as clients read it: with comments, and commas at the end.

use jsonc_parser::{
    CollectOptions, CommentCollectionStrategy, ParseOptions,
    ast::{self, ObjectPropName},
    common::Ranged,
    parse_to_ast,
};

use super::{Comment, Member, Mistake, Node, Tree, Value, join};

/// What editors write first in a file, and no parser wants.
pub(in super::super) const MARK: char = '\u{feff}';

/// What clients take beyond JSON. A comma that is missing is a mistake in all of them.
pub(in super::super) fn options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

pub(super) fn parse(text: &str) -> Result<Tree, Mistake> {
    let body = text.strip_prefix(MARK).unwrap_or(text);
    let skipped = text.len() - body.len();
    let collect = CollectOptions {
        comments: CommentCollectionStrategy::Separate,
        tokens: false,
    };
    let parsed = parse_to_ast(body, &collect, &options());
    let parsed = parsed.map_err(|error| mistake(&error, skipped))?;
    let mut comments = Vec::new();
    for comment in parsed
        .comments
        .iter()
        .flat_map(|map| map.values())
        .flat_map(|all| all.iter())
    {
        let range = comment.range();
        comments.push(Comment {
            span: range.start + skipped..range.end + skipped,
            text: comment.text().trim().to_owned(),
        });
    }
    // It knows each of them from both sides.
    comments.sort_by_key(|comment| comment.span.start);
    comments.dedup_by_key(|comment| comment.span.start);
    let root = match parsed.value {
        Some(value) => node(value, skipped)?,
        // A file that somebody has only begun.
        None => Node {
            span: skipped..text.len(),
            value: Value::Table(Vec::new()),
        },
    };
    Ok(Tree { root, comments })
}

/// The parser's words begin with a capital, and hold nothing of the file.
pub(in super::super) fn mistake(
    error: &jsonc_parser::errors::ParseError,
    skipped: usize,
) -> Mistake {
    let words = error.kind().to_string();
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let words: String = first.into_iter().chain(letters).collect();
    Mistake {
        at: error.range().start + skipped,
        message: format!("not JSON: {words}"),
    }
}

fn node(value: ast::Value<'_>, skipped: usize) -> Result<Node, Mistake> {
    let range = value.range();
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::NumberLit(literal) => Value::Number(literal.value.to_owned()),
        ast::Value::StringLit(literal) => Value::Text(literal.value.into_owned()),
        ast::Value::Array(array) => {
            let items = array.elements.into_iter().map(|item| node(item, skipped));
            Value::List(items.collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => {
            let mut members = Vec::new();
            for property in object.properties {
                let at = match &property.name {
                    ObjectPropName::String(name) => name.range,
                    ObjectPropName::Word(name) => name.range,
                };
                let member = Member {
                    at: at.start + skipped..at.end + skipped,
                    name: property.name.into_string(),
                    node: node(property.value, skipped)?,
                };
                join(&mut members, member)?;
            }
            Value::Table(members)
        }
    };
    Ok(Node {
        span: range.start + skipped..range.end + skipped,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\u{feff}{\n  // above\n  \"a\": { \"b\": [1, true, null], }, // behind\n  \
                        /* far */\n\n  \"c\": \"\\u00e9\"\n}\n";

    fn said(tree: &Tree, member: &Member) -> Vec<String> {
        let comments = tree.comments_of(FILE, member).into_iter();
        comments.flat_map(Comment::lines).collect()
    }

    #[test]
    fn comments_go_with_what_they_stand_at() {
        let tree = parse(FILE).unwrap();
        let members = tree.root.members().unwrap();
        assert_eq!(said(&tree, &members[0]), ["above", "behind"]);
        assert_eq!(said(&tree, &members[1]), ["far"]);
        assert_eq!(&FILE[members[1].at.clone()], "\"c\"");
        assert_eq!(members[1].node.text(), Some("é"));
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        for (text, at, words) in [
            ("{\"a\" 1}", 5, "colon"),
            ("{\"a\": 1 \"b\": 2}", 7, "comma"),
            ("{\"a\": 1, \"a\": 2}", 9, "`a` is already defined"),
            ("{\"a\": [", 6, "nterminated"),
            ("{a: 1}", 1, "string"),
        ] {
            let mistake = parse(text).unwrap_err();
            assert!(mistake.message.contains(words), "{text}: {mistake:?}");
            assert_eq!(mistake.at, at, "{text}: {mistake:?}");
        }
    }

    #[test]
    fn a_file_that_is_only_begun_is_empty() {
        for text in ["", "\u{feff}", " \n", "// nothing yet\n"] {
            assert_eq!(
                parse(text).unwrap().root.members(),
                Some(&[][..]),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_file_that_is_nested_without_end_is_refused() {
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
