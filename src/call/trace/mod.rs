//! Of which trace a request is a part (W3C Trace Context), and what a traced call takes along.

mod traced;

use http::HeaderMap;

pub use traced::{Note, Traced};

use crate::mcp::{Frame, trace};

/// The bit of the flags that says that the span is recorded.
const SAMPLED: u8 = 1;
/// The bit that says that the trace's id is random.
const RANDOM: u8 = 2;
/// The longest `tracestate` that is kept, and the most members: others need not be passed on.
const LONGEST: usize = 512;
const MEMBERS: usize = 32;

/// A span, as those know it who are asked to go on with its trace: what `traceparent` and
/// `tracestate` say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The id of the trace.
    pub trace: [u8; 16],
    /// The id of the span.
    pub span: [u8; 8],
    /// What `traceparent` calls flags.
    pub flags: u8,
    /// What others have said of the trace, as they wrote it.
    pub state: Option<Box<str>>,
}

impl TraceContext {
    /// What these two say; nothing where `traceparent` is not sound. A `tracestate` that is not is
    /// left out.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let mut parts = parent.split('-');
        let [version] = hex(parts.next()?)?;
        let (trace, span) = (hex(parts.next()?)?, hex(parts.next()?)?);
        let [flags] = hex(parts.next()?)?;
        let more = parts.next().is_some();
        // Later versions may say more behind it.
        let sound = version != 0xff && (version != 0 || !more);
        let named = trace != [0; 16] && span != [0; 8];
        let state = state.filter(|state| is_state(state)).map(Into::into);
        (sound && named).then_some(Self {
            trace,
            span,
            flags: flags & (SAMPLED | RANDOM),
            state,
        })
    }

    /// What the headers of a request say.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(trace::PARENT).iter();
        let (parent, None) = (parents.next()?.to_str().ok()?, parents.next()) else {
            return None; // one of two: nobody knows which
        };
        let states = headers.get_all(trace::STATE).iter();
        let states: Option<Vec<&str>> = states.map(|state| state.to_str().ok()).collect();
        let state = states.map(|states| states.join(","));
        Self::parse(parent, state.as_deref())
    }

    /// What a message says in `_meta`.
    pub fn of_message(frame: &Frame) -> Option<Self> {
        let (parent, state) = trace::read(frame)?;
        Self::parse(&parent, state.as_deref())
    }

    /// Whether who made it has recorded it.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// Another span of the same trace that is recorded.
    pub fn next(&self, span: [u8; 8]) -> Self {
        Self {
            span,
            flags: self.flags | SAMPLED,
            ..self.clone()
        }
    }

    /// The first span of a trace, recorded.
    pub fn first(trace: [u8; 16], span: [u8; 8]) -> Self {
        Self {
            trace,
            span,
            flags: SAMPLED | RANDOM,
            state: None,
        }
    }

    /// As `traceparent` has it.
    pub fn parent(&self) -> String {
        let trace = u128::from_be_bytes(self.trace);
        let span = u64::from_be_bytes(self.span);
        format!("00-{trace:032x}-{span:016x}-{:02x}", self.flags)
    }
}

/// Bytes in lower-case hexadecimal.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let (pairs, _) = text.as_bytes().as_chunks();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Whether a text is a list of `key=value`, as far as anybody looks.
fn is_state(text: &str) -> bool {
    let members = || text.split(',').map(str::trim);
    !text.trim().is_empty()
        && text.len() <= LONGEST
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && members().count() <= MEMBERS
        && members().all(|member| member.is_empty() || member.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-53995c3f42cd8ad8-01";

    #[test]
    fn what_is_sound_is_read_and_written_the_same() {
        let read = TraceContext::parse(PARENT, Some("rojo=53995c3f42cd8ad8, congo=t61")).unwrap();
        assert!(read.is_sampled());
        assert_eq!(read.parent(), PARENT);
        assert_eq!(
            read.state.as_deref(),
            Some("rojo=53995c3f42cd8ad8, congo=t61")
        );
        let later = format!("cc{}-what-comes-later", &PARENT[2..]);
        assert_eq!(TraceContext::parse(&later, None).unwrap().parent(), PARENT);
    }

    #[test]
    fn what_is_not_sound_says_nothing() {
        for parent in [
            "",
            "00",
            &PARENT[..54],
            &format!("{PARENT}-more"),
            &format!("{PARENT} "),
            &PARENT.to_uppercase(),
            &PARENT.replace("00-4b", "ff-4b"),
            &PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &PARENT.replace("53995c3f42cd8ad8", &"0".repeat(16)),
            &PARENT.replace("4bf9", "4bg9"),
            &PARENT.replace("4bf9", "é9"),
        ] {
            assert_eq!(TraceContext::parse(parent, None), None, "{parent}");
        }
    }

    #[test]
    fn a_state_that_is_not_sound_is_left_out_alone() {
        let long = format!("a={}", "b".repeat(511));
        let many = "a=b,".repeat(33);
        for state in ["", " ", "a", "a=b,c", "a=\u{e9}", "a=b\n", &long, &many] {
            let read = TraceContext::parse(PARENT, Some(state)).unwrap();
            assert_eq!(read.state, None, "{state}");
        }
    }

    #[test]
    fn two_parents_in_the_headers_are_none() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", PARENT.parse().unwrap());
        headers.append("tracestate", "a=b".parse().unwrap());
        headers.append("tracestate", "c=d".parse().unwrap());
        let read = TraceContext::of_headers(&headers).unwrap();
        assert_eq!(read.state.as_deref(), Some("a=b,c=d"));
        headers.append("traceparent", PARENT.parse().unwrap());
        assert_eq!(TraceContext::of_headers(&headers), None);
    }
}
