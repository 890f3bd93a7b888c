//! JSON-RPC messages as somebody writes them who wants a parser to fail: as text, so that white
//! space, escapes, numbers and doubled keys are what no JSON library would write.

use proptest::{collection::vec, option, prelude::*, sample::select};

/// So many cases, and no file that remembers the ones that failed.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// White space between tokens.
fn space() -> impl Strategy<Value = String> {
    "[ \t\n\r]{0,2}"
}

/// A JSON string.
pub(crate) fn string() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "Zz9",
        " ",
        "id",
        "method",
        "é",
        "😀",
        "\u{2028}",
        "\u{FEFF}",
        r"\u0000",
        r"\ud800",
        r"\udc00\ud800",
        r"\ud83d\ude00",
        r"\u0061",
        r#"\""#,
        r"\\",
        r"\/",
        r"\n",
        "{",
        "}",
        ":",
        ",",
    ];
    vec(select(pieces.to_vec()), 0..6).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn number() -> impl Strategy<Value = String> {
    let numbers = [
        "0",
        "-0",
        "1",
        "-1",
        "1e400",
        "-1e400",
        "1e-400",
        "18446744073709551615",
        "18446744073709551616",
        "1E+2",
        "1.0",
        "0.1",
        "123456789012345678901234567890.5",
    ];
    select(numbers.to_vec()).prop_map(str::to_owned)
}

/// What a request's id may be.
pub(crate) fn id() -> impl Strategy<Value = String> {
    prop_oneof![string(), number()]
}

/// A key: often one of ours, in several spellings.
fn key() -> impl Strategy<Value = String> {
    let ours = [
        "jsonrpc",
        "id",
        "method",
        "params",
        "result",
        "error",
        "name",
        "uri",
        "ref",
        "_meta",
        "progressToken",
        "requestId",
        "taskId",
        "arguments",
        "io.modelcontextprotocol/protocolVersion",
    ];
    let odd = [r#""Method""#, r#""n\u0061me""#, r#""paramſ""#, r#""x""#];
    prop_oneof![
        4 => select(ours.to_vec()).prop_map(|key| format!("\"{key}\"")),
        1 => select(odd.to_vec()).prop_map(str::to_owned),
        1 => string(),
    ]
}

/// An object of these members, in this order.
fn object(members: impl Strategy<Value = Vec<(String, String)>>) -> impl Strategy<Value = String> {
    (members, space(), space()).prop_map(|(members, before, after)| {
        let members = members
            .iter()
            .map(|(key, value)| format!("{before}{key}{after}:{before}{value}{after}"));
        format!(
            "{{{before}{}{after}}}",
            members.collect::<Vec<_>>().join(",")
        )
    })
}

/// Any JSON value.
pub(crate) fn value() -> impl Strategy<Value = String> {
    let words = select(vec!["null", "true", "false", "{}", "[]"]).prop_map(str::to_owned);
    let leaf = prop_oneof![words, number(), string()];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let items = (vec(inner.clone(), 0..4), space());
        prop_oneof![
            items.prop_map(|(items, space)| format!(
                "[{space}{}{space}]",
                items.join(&format!(",{space}"))
            )),
            object(vec((key(), inner), 0..4)),
        ]
    })
}

/// Something that looks like a message and often is none: keys twice, in odd places, missing.
pub(crate) fn chaos() -> impl Strategy<Value = String> {
    let version = Just((r#""jsonrpc""#.to_owned(), r#""2.0""#.to_owned()));
    let any = prop_oneof![value(), object(vec((key(), value()), 0..4))];
    let params = object(vec((key(), any), 0..5)).prop_map(|params| ("\"params\"".into(), params));
    let member = prop_oneof![4 => (key(), value()), 1 => params];
    let members = (version, vec(member, 0..6)).prop_map(|(version, mut members)| {
        members.insert(members.len() / 2, version);
        members
    });
    prop_oneof![4 => object(members), 1 => value()]
}

/// A key of its own, with a value that need not be one.
fn maybe(
    key: &'static str,
    value: impl Strategy<Value = String>,
) -> impl Strategy<Value = Vec<(String, String)>> {
    option::weighted(0.7, value).prop_map(move |value| {
        value
            .map(|value| (format!("\"{key}\""), value))
            .into_iter()
            .collect()
    })
}

/// Members whose keys are nobody's.
fn others() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("\"[x-z]{1,2}\"", value()), 0..3)
}

/// These groups of members, in any order.
fn shuffled(
    groups: impl Strategy<Value = Vec<Vec<(String, String)>>>,
) -> impl Strategy<Value = Vec<(String, String)>> {
    groups.prop_map(|groups| groups.concat()).prop_shuffle()
}

/// `params` with everything in it that a gateway looks for, or less.
fn params() -> impl Strategy<Value = String> {
    let reference = object(shuffled(
        (maybe("name", string()), maybe("uri", string()), others())
            .prop_map(|(a, b, c)| vec![a, b, c]),
    ));
    let meta = object(shuffled(
        (maybe("progressToken", id()), others()).prop_map(|(a, b)| vec![a, b]),
    ));
    let all = (
        maybe("name", string()),
        maybe("uri", string()),
        maybe("ref", prop_oneof![3 => reference, 1 => string()]),
        maybe("_meta", prop_oneof![3 => meta, 1 => string()]),
        maybe("progressToken", id()),
        maybe("requestId", id()),
        maybe("arguments", value()),
        others(),
    );
    object(shuffled(all.prop_map(|(a, b, c, d, e, f, g, h)| {
        vec![a, b, c, d, e, f, g, h]
    })))
}

/// A message that is one, as hard to read as it may be.
pub(crate) fn message() -> impl Strategy<Value = String> {
    let pair = |key: &str, value: String| vec![(format!("\"{key}\""), value)];
    let call = (id(), string(), maybe("params", params()), any::<bool>()).prop_map(
        move |(id, method, params, notification)| {
            let id = if notification {
                Vec::new()
            } else {
                pair("id", id)
            };
            vec![id, pair("method", method), params]
        },
    );
    let answer = (id(), value(), any::<bool>()).prop_map(move |(id, value, failed)| {
        vec![
            pair("id", id),
            pair(if failed { "error" } else { "result" }, value),
        ]
    });
    let version = move |groups: Vec<Vec<(String, String)>>, others| {
        [groups, vec![pair("jsonrpc", r#""2.0""#.to_owned()), others]].concat()
    };
    let groups = prop_oneof![3 => call.boxed(), 1 => answer.boxed()];
    let whole = (groups, others()).prop_map(move |(groups, others)| version(groups, others));
    (space(), object(shuffled(whole)), space())
        .prop_map(|(before, object, after)| format!("{before}{object}{after}"))
}

/// A message after an accident: bytes changed, cut out, put in.
pub(crate) fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let accidents = vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 0..4);
    (prop_oneof![chaos(), message()], accidents).prop_map(|(text, accidents)| {
        let mut bytes = text.into_bytes();
        for (at, kind, byte) in accidents {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}
