//! Protobuf as it is on the wire: fields and their numbers.

/// A value on the wire.
pub(super) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
}

/// The fields of a message, with their numbers.
pub(super) fn fields(mut rest: &[u8]) -> Vec<(u64, Value)> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut rest)),
            1 => Value::Number(u64::from_le_bytes(cut(&mut rest, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut rest);
                Value::Bytes(cut(&mut rest, length as usize).to_vec())
            }
            5 => Value::Number(u32::from_le_bytes(cut(&mut rest, 4).try_into().unwrap()).into()),
            other => panic!("wire type {other}"),
        };
        all.push((tag >> 3, value));
    }
    all
}

fn varint(rest: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = cut(rest, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}

fn cut<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (head, tail) = rest.split_at(length);
    *rest = tail;
    head
}

/// The messages in a field.
pub(super) fn all(message: &[u8], number: u64) -> Vec<Vec<u8>> {
    let field = |(at, value)| match value {
        Value::Bytes(bytes) if at == number => Some(bytes),
        Value::Bytes(_) | Value::Number(_) => None,
    };
    fields(message).into_iter().filter_map(field).collect()
}

pub(super) fn only(message: &[u8], number: u64) -> Vec<u8> {
    let mut found = all(message, number);
    assert!(found.len() <= 1);
    found.pop().unwrap_or_default()
}

pub(super) fn text(message: &[u8], number: u64) -> String {
    String::from_utf8(only(message, number)).unwrap()
}

pub(super) fn hex(message: &[u8], number: u64) -> String {
    let bytes = only(message, number);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn number(message: &[u8], number: u64) -> u64 {
    let field = |(at, value)| match value {
        Value::Number(value) if at == number => Some(value),
        Value::Bytes(_) | Value::Number(_) => None,
    };
    fields(message).into_iter().find_map(field).unwrap_or(0)
}
