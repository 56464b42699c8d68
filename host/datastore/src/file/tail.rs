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
    if has_hole(content, start, sequence) {
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
    let Some(frame) = content.get(start..start + extent) else { return false };
    let sector = SECTOR as usize;
    let first = sector - start % sector;
    let (head, rest) = frame.split_at(first.min(frame.len()));
    [head].into_iter().chain(rest.chunks(sector)).any(|piece| piece.iter().all(|byte| *byte == 0))
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
            assert_eq!(judge(&content, 0, 7), Tail::Torn { end: 2024 }, "without sector {sector}");
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

    #[test]
    fn a_record_that_others_follow_is_damaged_even_with_a_hole() {
        let mut content = log(&[&[b'x'; 2000], b"next"]);
        content[512..1024].fill(0);
        assert!(matches!(judge(&content, 0, 7), Tail::Damaged { reason } if reason.contains("follow")));
    }
}
