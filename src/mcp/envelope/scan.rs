//! The parts of a message that is written as everybody writes it, fast.
//!
//! What is found here, serde finds too, at the same place. Everything else is for [`super::decode`]:
//! what is no message, and what is one but written as nobody writes it, such as with a key in escapes.

use super::{
    META, PARAMS, REFERENCE, TOP, kind, settle,
    skip::{colon, is_space, members, token, value},
    string::string,
};
use crate::mcp::{
    Kind, meta,
    part::{Part, Spans},
};

type Rest<'a> = Option<&'a [u8]>;

/// What kind of message it is, if there is no doubt about it. Whether the text is UTF-8, others ask.
pub(super) fn envelope(text: &[u8], spans: &mut Spans) -> Option<Kind> {
    let mut scan = Scan {
        size: u32::try_from(text.len()).ok()?,
        spans,
        version: false,
        params: false,
        meta: false,
        reference: false,
    };
    let (b'{', rest) = token(text)? else {
        return None;
    };
    let rest = members(rest, |text| scan.top(text))?;
    if !scan.version || !rest.iter().all(|byte| is_space(*byte)) {
        return None;
    }
    let kind = kind(|part| spans.first(text, part)).ok()?;
    settle(text, spans);
    Some(kind)
}

/// What has been seen of a message.
struct Scan<'s> {
    size: u32,
    spans: &'s mut Spans,
    version: bool,
    params: bool,
    meta: bool,
    reference: bool,
}

impl Scan<'_> {
    #[inline(always)]
    fn top<'a>(&mut self, text: &'a [u8]) -> Rest<'a> {
        if let Some(rest) = behind(text, "jsonrpc") {
            once(&mut self.version)?;
            return version(rest);
        }
        if let Some(rest) = behind(text, "params") {
            once(&mut self.params)?;
            return self.params(rest);
        }
        let keys = [
            ("id", Part::Id),
            ("method", Part::Method),
            ("result", Part::Result),
            ("error", Part::Error),
        ];
        self.one_of(keys, &TOP, text)
    }

    #[inline(always)]
    fn params<'a>(&mut self, text: &'a [u8]) -> Rest<'a> {
        let (first, rest) = colon(text)?;
        match first {
            b'{' => members(rest, |text| self.param(text)),
            b'[' | b'n' => value(first, rest),
            _ => None,
        }
    }

    #[inline(always)]
    fn param<'a>(&mut self, text: &'a [u8]) -> Rest<'a> {
        if let Some(rest) = behind(text, "_meta") {
            once(&mut self.meta)?;
            return self.meta(rest);
        }
        if let Some(rest) = behind(text, "ref") {
            once(&mut self.reference)?;
            return self.reference(rest);
        }
        let keys = [
            ("name", Part::Name),
            ("arguments", Part::Arguments),
            ("uri", Part::Uri),
            ("progressToken", Part::Token),
            ("requestId", Part::RequestId),
            ("taskId", Part::TaskId),
        ];
        self.one_of(keys, &PARAMS, text)
    }

    #[inline(never)]
    fn reference<'a>(&mut self, text: &'a [u8]) -> Rest<'a> {
        let keys = [("name", Part::RefName), ("uri", Part::RefUri)];
        match colon(text)? {
            (b'{', rest) => members(rest, |text| self.one_of(keys, &REFERENCE, text)),
            (first, rest) => value(first, rest),
        }
    }

    #[inline(always)]
    fn meta<'a>(&mut self, text: &'a [u8]) -> Rest<'a> {
        let keys = [
            ("progressToken", Part::MetaToken),
            (meta::VERSION, Part::Version),
            (meta::CAPABILITIES, Part::Capabilities),
            (meta::INFO, Part::Info),
            (meta::LEVEL, Part::Level),
        ];
        match colon(text)? {
            (b'{', rest) => members(rest, |text| self.one_of(keys, &META, text)),
            (first, rest) => value(first, rest),
        }
    }

    /// The member that begins here: one of these parts, or something else with a key that cannot be
    /// taken for a known one.
    #[inline(always)]
    fn one_of<'a, const N: usize>(
        &mut self,
        parts: [(&str, Part); N],
        known: &[&str],
        text: &'a [u8],
    ) -> Rest<'a> {
        for (key, part) in parts {
            if let Some(rest) = behind(text, key) {
                return self.part(part, rest);
            }
        }
        other(text, known)
    }

    /// A part, which may stand once.
    #[inline(always)]
    fn part<'a>(&mut self, part: Part, text: &'a [u8]) -> Rest<'a> {
        let (first, rest) = colon(text)?;
        let behind = value(first, rest)?;
        let place = |rest: &[u8]| self.size - rest.len() as u32;
        let span = (place(rest) - 1, place(behind));
        self.spans.fill(part, span).then_some(behind)
    }
}

/// What stands behind a key, if it is this one: compared where it stands, without a look for where
/// it ends.
#[inline(always)]
fn behind<'a>(text: &'a [u8], key: &str) -> Rest<'a> {
    // Most keys differ in the first letter.
    if text.first() != key.as_bytes().first() {
        return None;
    }
    let rest = text.strip_prefix(key.as_bytes())?;
    rest.strip_prefix(b"\"")
}

/// The only `jsonrpc` there is.
#[inline(always)]
fn version(text: &[u8]) -> Rest<'_> {
    match colon(text)? {
        (b'"', rest) => rest.strip_prefix(br#"2.0""#),
        _ => None,
    }
}

/// A member that nobody looks for, if its key cannot be taken for one of these.
#[inline(never)]
fn other<'a>(text: &'a [u8], known: &[&str]) -> Rest<'a> {
    let rest = string(text)?;
    let key = text.get(..(text.len() - rest.len()).checked_sub(1)?)?;
    let plain = key.is_ascii() && !key.contains(&b'\\');
    let alike = |known: &&str| known.as_bytes().eq_ignore_ascii_case(key);
    if !plain || known.iter().any(alike) {
        return None;
    }
    let (first, rest) = colon(rest)?;
    value(first, rest)
}

/// Marks something as seen, unless it has been seen before.
#[inline(always)]
fn once(seen: &mut bool) -> Option<()> {
    (!std::mem::replace(seen, true)).then_some(())
}
