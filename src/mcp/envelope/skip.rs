//! Passing over JSON without reading it, as strictly as if one did.
//!
//! Each function takes the text where something begins and gives the text behind it; nothing where
//! that is not JSON. Whether it is UTF-8, others ask.

use super::{string::string, word::word};

/// The next byte that is no white space, and what is behind it.
#[inline(always)]
pub(super) fn token(mut text: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let (byte, rest) = text.split_first()?;
        if *byte > b' ' {
            return Some((*byte, rest));
        }
        if !is_space(*byte) {
            return None;
        }
        text = rest;
    }
}

/// Whether a byte may stand around tokens.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The value behind a colon: its first byte, and what is behind that.
#[inline(always)]
pub(super) fn colon(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b':', first, rest @ ..] if *first > b' ' => Some((*first, rest)),
        _ => spaced_colon(text),
    }
}

fn spaced_colon(text: &[u8]) -> Option<(u8, &[u8])> {
    let (byte, rest) = token(text)?;
    if byte == b':' { token(rest) } else { None }
}

/// A value of which the first byte is read.
#[inline(always)]
pub(super) fn value(first: u8, rest: &[u8]) -> Option<&[u8]> {
    match first {
        b'"' => string(rest),
        b'{' | b'[' => nested(first, rest),
        _ => word(first, rest),
    }
}

/// The members of an object of which the brace is read. `member` gets the text behind the quote of
/// a key, and passes over the member.
#[inline(always)]
pub(super) fn members<'a>(
    rest: &'a [u8],
    mut member: impl FnMut(&'a [u8]) -> Option<&'a [u8]>,
) -> Option<&'a [u8]> {
    let (mut byte, mut rest) = token(rest)?;
    if byte == b'}' {
        return Some(rest);
    }
    while byte == b'"' {
        (byte, rest) = token(member(rest)?)?;
        match byte {
            b',' => (byte, rest) = token(rest)?,
            b'}' => return Some(rest),
            _ => return None,
        }
    }
    None
}

/// An object or an array.
fn nested(mut byte: u8, mut rest: &[u8]) -> Option<&[u8]> {
    let mut levels = OUTSIDE;
    loop {
        // A member or an item begins with this byte.
        if levels & OBJECT == OBJECT {
            let key = (byte == b'"').then_some(rest)?;
            (byte, rest) = colon(string(key)?)?;
        }
        match byte {
            b'"' => rest = string(rest)?,
            b'{' | b'[' => {
                levels = deeper(levels, byte)?;
                (byte, rest) = token(rest)?;
                if byte != closing(levels) {
                    continue;
                }
                levels >>= 1;
            }
            _ => rest = word(byte, rest)?,
        }
        loop {
            if levels == OUTSIDE {
                return Some(rest);
            }
            (byte, rest) = token(rest)?;
            if byte == b',' {
                break;
            }
            if byte != closing(levels) {
                return None;
            }
            levels >>= 1;
        }
        (byte, rest) = token(rest)?;
    }
}

/// What is open around a value: a bit for each level, the innermost last, above them a one.
const OUTSIDE: u64 = 0b10;
const OBJECT: u64 = 1;

/// One level more, if there is a bit left for it.
#[inline(always)]
fn deeper(levels: u64, opening: u8) -> Option<u64> {
    let full = levels.leading_zeros() == 0;
    (!full).then_some(levels << 1 | u64::from(opening == b'{'))
}

/// What closes the innermost level.
#[inline(always)]
fn closing(levels: u64) -> u8 {
    if levels & OBJECT == OBJECT {
        b'}'
    } else {
        b']'
    }
}
