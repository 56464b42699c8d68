//! What may be wrong behind the last good frame of a log: a write that was cut off by a crash leaves holes where it was to
//! go and nothing behind it; anything else is damage to what was on disk.

use super::frame::{HEADER, Header};

/// Storage writes sectors whole or not at all.
pub(crate) const SECTOR: u64 = 512;
/// Frames begin at multiples of this.
const STEP: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing was written.
    Unwritten,
    /// A frame that did not get to disk whole, so that nobody was told of it. It ends here.
    Torn { end: usize },
    /// The frame was on disk.
    Damaged { reason: &'static str },
}

/// Judges what a log has from `start` on, where the frame `sequence` should begin and does not. The content begins with a
/// sector.
pub(crate) fn judge(content: &[u8], start: usize, sequence: u64) -> Tail {
    let Some(last) = content[start..].iter().rposition(|byte| *byte != 0) else { return Tail::Unwritten };
    let end = start + last + 1;
    if follows(content, start, end, sequence) {
        return Tail::Damaged { reason: "whole records follow on a damaged one" };
    }
    if has_hole(content, start, sequence) && !is_one_bit_off(content, start, sequence) {
        return Tail::Torn { end };
    }
    Tail::Damaged { reason: "the last record does not match its checksum" }
}

/// Whether a whole later frame stands between `start` and `end`: it was written after this one was on disk.
fn follows(content: &[u8], start: usize, end: usize, sequence: u64) -> bool {
    (start..end).step_by(STEP).any(|offset| {
        let Some(bytes) = content[offset..].first_chunk::<HEADER>() else { return false };
        let Some(header) = Header::parse(bytes) else { return false };
        let body = offset + HEADER..offset + HEADER + header.length;
        header.sequence > sequence && content.get(body).is_some_and(|payload| header.matches(payload))
    })
}

/// Whether a sector of the frame, or what the frame has of one, is empty; of a frame whose header is not whole, whether
/// one of the header is. Space is reserved before it is written to, so a frame that would end behind the file is damaged.
fn has_hole(content: &[u8], start: usize, sequence: u64) -> bool {
    let header = content[start..].first_chunk::<HEADER>().and_then(Header::parse);
    let extent = match header {
        Some(header) if header.sequence == sequence => header.extent(),
        Some(_) => return false,
        None => HEADER,
    };
    let end = start + extent;
    if end > content.len() {
        return false;
    }
    let sector = SECTOR as usize;
    let pieces = (start / sector..end.div_ceil(sector))
        .map(|number| (number * sector).max(start)..((number + 1) * sector).min(end));
    pieces.into_iter().any(|piece| content[piece].iter().all(|byte| *byte == 0))
}

/// Whether the frame is whole but for one bit. A sector within its payload may hold no more than that, so that it looks as
/// if it were missing.
fn is_one_bit_off(content: &[u8], start: usize, sequence: u64) -> bool {
    let Some(mut bytes) = content[start..].first_chunk::<HEADER>().copied() else { return false };
    let payload = |header: &Header| content[start + HEADER..].get(..header.length);
    let is_next = |header: &Header| header.sequence == sequence && header.is_ended(&content[start..]);
    if let Some(header) = Header::parse(&bytes) {
        return is_next(&header)
            && payload(&header).is_some_and(|payload| header.matches_but_one_bit(payload));
    }
    (0..HEADER * 8).any(|bit| {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let whole = Header::parse(&bytes)
            .filter(is_next)
            .is_some_and(|header| payload(&header).is_some_and(|payload| header.matches(payload)));
        bytes[bit / 8] ^= 1 << (bit % 8);
        whole
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::frame::FrameBuffer;

    /// Frames from sequence 7 on, and zeros behind them.
    fn log(payloads: &[&[u8]]) -> Vec<u8> {
        let mut content = Vec::new();
        for (sequence, payload) in (7..).zip(payloads) {
            let mut frame = FrameBuffer::new();
            frame.payload().extend_from_slice(payload);
            content.extend_from_slice(frame.seal(sequence));
        }
        content.resize(content.len() + 4096, 0);
        content
    }

    #[test]
    fn space_that_was_never_written_is_no_record() {
        assert_eq!(judge(&[0; 4096], 0, 7), Tail::Unwritten);
    }

    #[test]
    fn a_record_that_lacks_a_sector_was_cut_off() {
        let whole = log(&[&[b'x'; 2000]]);
        for sector in 0..3 {
            let mut content = whole.clone();
            content[sector * 512..(sector + 1) * 512].fill(0);
            assert_eq!(judge(&content, 0, 7), Tail::Torn { end: 2032 }, "without sector {sector}");
        }
        let mut content = whole;
        content[1536..2048].fill(0);
        assert_eq!(judge(&content, 0, 7), Tail::Torn { end: 1536 });
    }

    #[test]
    fn a_flipped_bit_of_the_last_record_is_damage() {
        let whole = log(&[&[b'x'; 2000]]);
        for byte in 0..2024 {
            let mut content = whole.clone();
            content[byte] ^= 0x10;
            assert!(matches!(judge(&content, 0, 7), Tail::Damaged { .. }), "flipped in byte {byte}");
        }
    }

    /// Neither sequences of one set bit nor payloads that end with one make a sector look as if it lacked a bit.
    #[test]
    fn a_sector_with_the_begin_or_the_end_of_a_record_was_cut_off_where_it_is_empty() {
        let first = [b'x'; 512 - 2 * HEADER + 8];
        let mut content = log(&[&first, b"next"]);
        let start = first.len() + HEADER + 8;
        assert_eq!(start, 504);
        content[start..512].fill(0);
        assert!(matches!(judge(&content, start, 8), Tail::Torn { .. }));

        let mut payload = [b'x'; 512 - HEADER + 7];
        payload[512 - HEADER..].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0]);
        let mut content = log(&[&payload]);
        content[512..520].fill(0);
        assert!(matches!(judge(&content, 0, 7), Tail::Torn { .. }));
    }

    #[test]
    fn a_record_that_others_follow_is_damaged_even_with_a_hole() {
        let mut content = log(&[&[b'x'; 2000], b"next"]);
        content[512..1024].fill(0);
        assert!(matches!(judge(&content, 0, 7), Tail::Damaged { reason } if reason.contains("follow")));
    }
}
