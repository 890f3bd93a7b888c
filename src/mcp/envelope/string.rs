//! Passing over strings, eight bytes at a time and more.

/// A string of which the quote is read. Most are short.
#[inline(never)]
pub(super) fn string(text: &[u8]) -> Option<&[u8]> {
    let Some((word, rest)) = text.split_first_chunk() else {
        return long_string(text);
    };
    let marks = marks(u64::from_le_bytes(*word));
    if marks == 0 {
        return long_string(rest);
    }
    match text.get(marks.trailing_zeros() as usize / 8..)? {
        [b'"', rest @ ..] => Some(rest),
        rest => long_string(rest),
    }
}

#[inline(never)]
fn long_string(mut text: &[u8]) -> Option<&[u8]> {
    loop {
        let (byte, rest) = plain(text).split_first()?;
        match byte {
            b'"' => return Some(rest),
            b'\\' => text = escape(rest)?,
            _ => return None,
        }
    }
}

/// What stands behind a backslash. Surrogates may be alone: serde, too, minds only when it decodes.
#[inline(always)]
fn escape(text: &[u8]) -> Option<&[u8]> {
    match text {
        [
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
            rest @ ..,
        ] => Some(rest),
        [b'u', a, b, c, d, rest @ ..] => [a, b, c, d]
            .iter()
            .all(|digit| digit.is_ascii_hexdigit())
            .then_some(rest),
        _ => None,
    }
}

/// Passes over what stands for itself in a string: word by word, and by whole blocks where that
/// goes on.
#[inline(always)]
fn plain(mut text: &[u8]) -> &[u8] {
    let mut words = 0;
    while let Some((word, rest)) = text.split_first_chunk() {
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            let at = marks.trailing_zeros() as usize / 8;
            return text.get(at..).unwrap_or_default();
        }
        text = rest;
        words += 1;
        if words == 4 {
            text = blocks(text);
        }
    }
    let end = text.iter().position(|byte| is_mark(*byte));
    text.get(end.unwrap_or(text.len())..).unwrap_or_default()
}

#[inline(always)]
fn blocks(mut text: &[u8]) -> &[u8] {
    while let Some((block, rest)) = text.split_first_chunk::<32>() {
        if block.iter().fold(false, |seen, byte| seen | is_mark(*byte)) {
            break;
        }
        text = rest;
    }
    text
}

/// Whether a byte in a string is a quote, a backslash or a control character. Without branches: it
/// is asked of many at once.
#[inline(always)]
fn is_mark(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// The high bit of each of eight bytes that is such a mark, as far as the first; those behind it
/// may be wrong.
#[inline(always)]
fn marks(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xFF;
    // With bit 1 flipped, the quote is 0x20, next to the control characters, which stay below it.
    let low = (word ^ (ONES * 0x02)).wrapping_sub(ONES * 0x21);
    let backslash = (word ^ (ONES * 0x5C)).wrapping_sub(ONES);
    (low | backslash) & !word & (ONES * 0x80)
}
