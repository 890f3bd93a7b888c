//! What the server answers. Everything but the id is ready before it is asked.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem;

/// Tools of the server at `/mcp`.
pub(crate) const TOOLS: usize = 1000;

/// Tools of the server at `/few`.
const FEW: usize = 5;

/// What comes before the id of every answer.
pub(super) const HEAD: &[u8] = br#"{"jsonrpc":"2.0","id":"#;

const LARGE: [usize; 2] = [65_536, 1_048_576];

/// An answer: [`HEAD`], the id, and the rest of it.
pub(super) struct Reply<'a> {
    /// As it was written.
    pub(super) id: &'a [u8],
    /// From the comma after the id to the last brace.
    pub(super) rest: Bytes,
    /// Whether it was asked for as a stream of events.
    pub(super) events: bool,
    /// Whether it opens a session.
    pub(super) opens: bool,
}

struct Ready {
    opened: Bytes,
    discovered: Bytes,
    unknown: Bytes,
    empty: Bytes,
    small: Bytes,
    large: [Bytes; 2],
    many: Bytes,
    few: Bytes,
    /// 50 tools for each of ten servers, and all 500 as one server would have them.
    shares: [Bytes; 10],
    whole: Bytes,
}

static READY: LazyLock<Ready> = LazyLock::new(|| {
    let share = |server: usize| (0..50).map(move |number| (server, number));
    Ready {
        opened: result(concat!(
            r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#,
            r#""serverInfo":{"name":"bench","version":"0"}}"#
        )),
        discovered: result(concat!(
            r#"{"resultType":"complete","supportedVersions":["2026-07-28"],"#,
            r#""capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"public"}"#
        )),
        unknown: Bytes::from_static(br#","error":{"code":-32601,"message":"unknown method"}}"#),
        empty: result("{}"),
        small: text("42"),
        large: LARGE.map(|length| text(&"x".repeat(length))),
        many: tools(many()),
        few: tools((0..FEW).map(|number| describe(&name(number)))),
        shares: std::array::from_fn(|server| {
            tools(share(server).map(|(_, number)| describe(&name(number))))
        }),
        whole: tools(
            (0..10)
                .flat_map(share)
                .map(|(server, number)| describe(&format!("up{server}__{}", name(number)))),
        ),
    }
});

/// What a message gets; nothing, if it is no request.
pub(super) fn reply<'a>(path: &str, message: &'a [u8]) -> Option<Reply<'a>> {
    let id = after(message, b"\"id\":")?;
    let id = id.get(..memchr::memchr2(b',', b'}', id)?)?;
    let method = after(message, b"\"method\":")?;
    let method = method.get(1..)?;
    let method = method.get(..memchr::memchr(b'"', method)?)?;
    let stateless = path == "/2026";
    let (mut events, mut opens) = (false, false);
    let rest = match method {
        b"tools/call" => {
            events = memmem::find(message, b"events_").is_some();
            called(message, events)
        }
        b"tools/list" => listed(path),
        b"initialize" if !stateless => {
            opens = true;
            READY.opened.clone()
        }
        b"server/discover" if stateless => READY.discovered.clone(),
        b"ping" => READY.empty.clone(),
        _ => READY.unknown.clone(),
    };
    Some(Reply {
        id,
        rest,
        events,
        opens,
    })
}

/// `large_65536` and `events_65536` answer so many bytes, all others a few.
fn called(message: &[u8], events: bool) -> Bytes {
    let word: &[u8] = if events { b"events_" } else { b"large_" };
    let found = after(message, word).and_then(|digits| {
        LARGE
            .iter()
            .position(|length| digits.starts_with(length.to_string().as_bytes()))
    });
    let large = found.and_then(|index| READY.large.get(index));
    large.unwrap_or(&READY.small).clone()
}

/// `/few` has a few tools, `/list/3` a share of the 500, `/list/all` them all.
fn listed(path: &str) -> Bytes {
    if path == "/few" {
        return READY.few.clone();
    }
    let share = path.strip_prefix("/list/");
    let number = share.and_then(|share| share.parse::<usize>().ok());
    match (share, number.and_then(|number| READY.shares.get(number))) {
        (_, Some(share)) => share.clone(),
        (Some(_), None) => READY.whole.clone(),
        (None, None) => READY.many.clone(),
    }
}

fn after<'a>(message: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let rest = message.get(memmem::find(message, word)? + word.len()..)?;
    Some(rest.trim_ascii_start())
}

fn result(result: &str) -> Bytes {
    format!(r#","result":{result}}}"#).into()
}

fn text(text: &str) -> Bytes {
    result(&format!(
        r#"{{"resultType":"complete","content":[{{"type":"text","text":"{text}"}}],"isError":false}}"#
    ))
}

fn many() -> impl Iterator<Item = String> {
    let large = LARGE.map(|length| format!("large_{length}"));
    let events = [100]
        .into_iter()
        .chain(LARGE)
        .map(|length| format!("events_{length}"));
    let others = (LARGE.len() * 2 + 1..TOOLS).map(|number| format!("tool_{number}"));
    let names = large.into_iter().chain(events).chain(others);
    names.map(|name| {
        format!(
            r#"{{"name":"{name}","description":"One of many.","inputSchema":{{"type":"object"}}}}"#
        )
    })
}

fn name(number: usize) -> String {
    format!("tool_{}", 1000 + number)
}

/// As much as a tool has to say for itself.
fn describe(name: &str) -> String {
    format!(
        r#"{{"name":"{name}","description":"Reads a file below the folder that the server was given.","inputSchema":{{"type":"object","properties":{{"path":{{"type":"string","description":"Where it is"}},"limit":{{"type":"integer","minimum":1}}}},"required":["path"]}}}}"#
    )
}

fn tools(tools: impl Iterator<Item = String>) -> Bytes {
    let tools: Vec<String> = tools.collect();
    let tools = tools.join(",");
    result(&format!(
        r#"{{"resultType":"complete","tools":[{tools}],"ttlMs":0,"cacheScope":"public"}}"#
    ))
}
