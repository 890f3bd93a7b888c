//! An amount of memory, as a person writes it.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// `"512MiB"`, `"2GiB"`, or a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    /// That many MiB.
    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// In bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }

    fn read(written: &str) -> Option<Self> {
        let digits = written.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = written.split_at_checked(digits)?;
        let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
            "kib" => 1 << 10,
            "mib" => 1 << 20,
            "gib" => 1 << 30,
            "b" => 1,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(unit).map(Self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Size;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a size")
    }

    fn visit_str<E: de::Error>(self, written: &str) -> Result<Size, E> {
        let wrong = || E::invalid_value(de::Unexpected::Str(written), &self);
        Size::read(written).ok_or_else(wrong)
    }

    fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
        let wrong = || E::invalid_value(de::Unexpected::Signed(bytes), &self);
        u64::try_from(bytes).map(Size).map_err(|_negative| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_whole_number_and_a_unit() {
        for (written, bytes) in [
            ("512MiB", Some(512 << 20)),
            ("2 GiB", Some(2 << 30)),
            ("64kib", Some(64 << 10)),
            ("100B", Some(100)),
            ("512MB", None),
            ("512", None),
            ("1.5GiB", None),
            ("-1MiB", None),
            ("99999999999999GiB", None),
            ("", None),
        ] {
            assert_eq!(Size::read(written).map(Size::bytes), bytes, "{written}");
        }
    }
}
