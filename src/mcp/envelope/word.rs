//! Passing over numbers and literals.

/// A number or a literal.
#[inline(always)]
pub(super) fn word(first: u8, rest: &[u8]) -> Option<&[u8]> {
    if first.is_ascii_digit() {
        return number(first, rest);
    }
    match first {
        b't' => rest.strip_prefix(&b"true"[1..]),
        b'f' => rest.strip_prefix(&b"false"[1..]),
        b'n' => rest.strip_prefix(&b"null"[1..]),
        b'-' => negative(rest),
        _ => None,
    }
}

fn negative(rest: &[u8]) -> Option<&[u8]> {
    let (first, rest) = rest.split_first()?;
    if first.is_ascii_digit() {
        number(*first, rest)
    } else {
        None
    }
}

/// A number without its sign. What follows a zero that leads is none of it, and nobody expects a
/// digit there.
#[inline(always)]
fn number(first: u8, rest: &[u8]) -> Option<&[u8]> {
    let rest = if first == b'0' { rest } else { digits(rest) };
    match rest {
        [b'.' | b'e' | b'E', ..] => fraction(rest),
        _ => Some(rest),
    }
}

fn fraction(mut rest: &[u8]) -> Option<&[u8]> {
    if let [b'.', behind @ ..] = rest {
        rest = some_digits(behind)?;
    }
    match rest {
        [b'e' | b'E', b'+' | b'-', behind @ ..] | [b'e' | b'E', behind @ ..] => some_digits(behind),
        _ => Some(rest),
    }
}

fn some_digits(text: &[u8]) -> Option<&[u8]> {
    let rest = digits(text);
    (rest.len() < text.len()).then_some(rest)
}

#[inline(always)]
fn digits(mut text: &[u8]) -> &[u8] {
    while let [b'0'..=b'9', rest @ ..] = text {
        text = rest;
    }
    text
}
