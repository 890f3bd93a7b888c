//! A result in a member of gzip (RFC 1951, 1952), compressed before there is an answer to be part
//! of.
//!
//! One member, because zlib and who is built on it read no second. What stands around the result
//! is in blocks of its own that are only stored: nothing that a client sent is compressed together
//! with a list, so that sizes tell nothing (BREACH).

use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress};

/// No time, no name, any system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty block, with which the last byte of a flush is full.
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];
/// The last block: empty, with the fixed codes.
const LAST: [u8; 2] = [3, 0];
/// How much one stored block holds, in bytes.
const BLOCK: usize = u16::MAX as usize;

/// A result, compressed.
#[derive(Debug)]
pub(super) struct Packed {
    /// Whole bytes of blocks, none of them the last.
    deflated: Bytes,
    check: Crc,
}

impl Packed {
    /// Nothing where it cannot be put among other blocks.
    pub(super) fn of(result: &[u8]) -> Option<Self> {
        let mut check = Crc::new();
        check.update(result);
        let mut compress = Compress::new(Compression::default(), false);
        let mut out = Vec::with_capacity(result.len() / 4 + HEAD.len());
        loop {
            let taken = usize::try_from(compress.total_in()).ok()?;
            let (rest, sync) = (result.get(taken..)?, FlushCompress::Sync);
            compress.compress_vec(rest, &mut out, sync).ok()?;
            // Once there is room left, all of it is there, and not before.
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(out.len());
        }
        let deflated = Bytes::from(out.into_boxed_slice());
        let whole = deflated.ends_with(&FLUSHED);
        whole.then_some(Self { deflated, check })
    }

    /// The member that holds it between these two.
    pub(super) fn between(&self, before: &[u8], after: &[u8]) -> [Bytes; 3] {
        let mut head = BytesMut::with_capacity(HEAD.len() + 5 + before.len());
        head.put_slice(&HEAD);
        store(&mut head, before);
        let mut check = Crc::new();
        check.update(before);
        check.combine(&self.check);
        check.update(after);
        let mut tail = BytesMut::with_capacity(5 + after.len() + LAST.len() + 8);
        store(&mut tail, after);
        tail.put_slice(&LAST);
        tail.put_u32_le(check.sum());
        tail.put_u32_le(check.amount());
        [head.freeze(), self.deflated.clone(), tail.freeze()]
    }
}

/// Adds blocks that hold bytes as they are.
fn store(out: &mut BytesMut, bytes: &[u8]) {
    for block in bytes.chunks(BLOCK) {
        let length = block.len() as u16;
        out.put_u8(0);
        out.put_u16_le(length);
        out.put_u16_le(!length);
        out.put_slice(block);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::bufread::GzDecoder;

    use super::*;

    fn unpacked(member: &[Bytes]) -> Vec<u8> {
        let member = member.concat();
        let (mut decoder, mut out) = (GzDecoder::new(&member[..]), Vec::new());
        decoder.read_to_end(&mut out).unwrap();
        assert!(decoder.into_inner().is_empty(), "there is a second member");
        out
    }

    /// Bytes that no compressor makes smaller.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn a_member_holds_what_it_was_made_of_whatever_the_sizes() {
        let sizes = [0, 1, 9, 1000, 65_535, 65_536, 300_000];
        let noise = noise(300_000);
        for text in [&noise[..], &b"{\"name\":\"tool\"},".repeat(20_000)] {
            for size in sizes {
                let packed = Packed::of(&text[..size]).unwrap();
                for (before, after) in [("", ""), ("{", "}"), (&*"x".repeat(140_000), "yz")] {
                    let member = packed.between(before.as_bytes(), after.as_bytes());
                    let expected = [before.as_bytes(), &text[..size], after.as_bytes()].concat();
                    assert!(unpacked(&member) == expected, "{size} in {}", before.len());
                }
            }
        }
    }

    #[test]
    fn what_stands_around_a_result_is_not_compressed_with_it() {
        let packed = Packed::of(&b"secret ".repeat(1000)).unwrap();
        let [head, ..] = packed.between(b"secret secret secret", b"");
        assert!(head.ends_with(b"secret secret secret"));
    }
}
