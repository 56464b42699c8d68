//! Frames: a payload behind a header of its length, its place in the sequence of all frames of the store, and checksums
//! (CRC-32C) of the payload and of the header itself, so that a damaged header is not taken for one of a payload that is
//! missing. Frames begin at multiples of eight bytes, so that whole ones are found again behind a damaged one.

use std::io::{self, Read};

/// Sequence of 64 bits, masked; length, checksum of the payload, checksum of the fields before, and nothing, of 32 bits each; all
/// little-endian.
pub(crate) const HEADER: usize = 24;
/// Bytes that the header's own checksum covers.
const COVERED: usize = 16;
const ALIGNMENT: usize = 8;
/// Ends every frame and fills it up; no zero, so that a frame has no hole of its own making.
const PADDING: u8 = 0xa5;
/// Sequences are stored so. Then neither what begins a frame nor what ends it has one set bit alone, and a sector of it
/// that is missing is not taken for a bit that was lost.
const MASK: u64 = u64::from_le_bytes([PADDING; 8]);
/// No frame is larger; a length beyond it is damage. Room for a transaction of 128 values as large as a client may send.
pub(crate) const LIMIT: usize = 512 << 20;

/// A frame that is being filled.
#[derive(Debug)]
pub(crate) struct FrameBuffer(Vec<u8>);

impl FrameBuffer {
    pub(crate) fn new() -> Self {
        Self(vec![0; HEADER])
    }

    pub(crate) fn payload(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == HEADER
    }

    /// Bytes of the frame so far.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of the whole frame, as it would be written.
    pub(crate) fn sealed_len(&self) -> usize {
        extent(self.0.len() - HEADER)
    }

    /// The whole frame, to be written where the last one ended.
    pub(crate) fn seal(&mut self, sequence: u64) -> &[u8] {
        let length = u32::try_from(self.0.len() - HEADER).expect("a frame is within LIMIT");
        self.0.resize(extent(length as usize), PADDING);
        let payload = crc32c::crc32c(&self.0[HEADER..HEADER + length as usize]);
        self.0[..8].copy_from_slice(&(sequence ^ MASK).to_le_bytes());
        self.0[8..12].copy_from_slice(&length.to_le_bytes());
        self.0[12..16].copy_from_slice(&payload.to_le_bytes());
        let header = crc32c::crc32c(&self.0[..COVERED]);
        self.0[16..20].copy_from_slice(&header.to_le_bytes());
        self.0[20..HEADER].fill(PADDING);
        &self.0
    }

    /// Empties the buffer, and gives back memory that only an exceptional frame needed.
    pub(crate) fn clear(&mut self) {
        const USUAL: usize = 1 << 20;
        self.0.truncate(HEADER);
        self.0.shrink_to(USUAL);
    }
}

/// Bytes of a frame with a payload of this length.
fn extent(length: usize) -> usize {
    (HEADER + length + 1).next_multiple_of(ALIGNMENT)
}

/// What a header says that matches its own checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) sequence: u64,
    pub(crate) length: usize,
    checksum: u32,
}

impl Header {
    pub(crate) fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let header = Self {
            sequence: (u64::from(word(0)) | u64::from(word(4)) << 32) ^ MASK,
            length: word(8) as usize,
            checksum: word(12),
        };
        let sound = word(16) == crc32c::crc32c(&bytes[..COVERED]) && header.length <= LIMIT;
        sound.then_some(header)
    }

    /// Bytes from the begin of this frame to that of the next.
    pub(crate) fn extent(&self) -> usize {
        extent(self.length)
    }

    /// Whether the frame has the end that every frame has.
    pub(crate) fn is_ended(&self, frame: &[u8]) -> bool {
        let end = frame.get(HEADER + self.length..self.extent());
        end.is_some_and(|end| end.iter().all(|byte| *byte == PADDING))
    }

    pub(crate) fn matches(&self, payload: &[u8]) -> bool {
        crc32c::crc32c(payload) == self.checksum
    }

    /// Whether the payload would match if one of its bits were the other one.
    pub(crate) fn matches_but_one_bit(&self, payload: &[u8]) -> bool {
        /// The polynomial of CRC-32C, its bits from the lowest power on.
        const POLYNOMIAL: u32 = 0x82f6_3b78;
        // By how much two checksums differ follows from the bits that differ alone: one bit is one power of x.
        let difference = crc32c::crc32c(payload) ^ self.checksum;
        let powers = std::iter::successors(Some(POLYNOMIAL), |power| {
            Some(power >> 1 ^ if power & 1 == 1 { POLYNOMIAL } else { 0 })
        });
        powers.take(payload.len() * 8).any(|power| power == difference)
    }
}

/// What stands where a frame is expected.
#[derive(Debug)]
pub(crate) enum Found {
    Frame,
    /// No frame: the end of the file, or what was reserved and never written as far as its header tells.
    End,
    /// Not a whole frame, or not the next one.
    Broken,
}

/// Reads frames one after the other.
pub(crate) struct FrameReader<R> {
    input: R,
    /// Where the last frame ended.
    pub(crate) offset: u64,
    /// The sequence of the next frame; none before the first.
    pub(crate) sequence: Option<u64>,
    payload: Vec<u8>,
}

impl<R: Read> FrameReader<R> {
    /// Starts with any frame where `sequence` is none.
    pub(crate) fn new(input: R, sequence: Option<u64>) -> Self {
        Self { input, offset: 0, sequence, payload: Vec::new() }
    }

    /// The payload of the frame that [`FrameReader::next`] found.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(crate) fn next(&mut self) -> io::Result<Found> {
        let mut bytes = [0; HEADER];
        match read_up_to(&mut self.input, &mut bytes)? {
            0 => return Ok(Found::End),
            HEADER if bytes == [0; HEADER] => return Ok(Found::End),
            HEADER => {}
            _ => return Ok(Found::Broken),
        }
        let Some(header) = Header::parse(&bytes) else { return Ok(Found::Broken) };
        if self.sequence.is_some_and(|sequence| sequence != header.sequence) {
            return Ok(Found::Broken);
        }
        self.payload.clear();
        let rest = header.extent() - HEADER;
        if (&mut self.input).take(rest as u64).read_to_end(&mut self.payload)? < rest {
            return Ok(Found::Broken);
        }
        self.payload.truncate(header.length);
        if !header.matches(&self.payload) {
            return Ok(Found::Broken);
        }
        self.offset += header.extent() as u64;
        self.sequence = Some(header.sequence + 1);
        Ok(Found::Frame)
    }
}

fn read_up_to(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_is_told_from_more() {
        let mut frame = FrameBuffer::new();
        frame.payload().extend_from_slice(b"payload");
        let sealed = frame.seal(1).to_vec();
        let header = Header::parse(sealed.first_chunk().unwrap()).unwrap();
        for bit in 0..7 * 8 {
            let mut payload = *b"payload";
            payload[bit / 8] ^= 1 << (bit % 8);
            assert!(header.matches_but_one_bit(&payload), "bit {bit}");
            payload[(bit / 8 + 1) % 7] ^= 4;
            assert!(!header.matches_but_one_bit(&payload), "bit {bit} and another");
        }
        assert!(!header.matches_but_one_bit(b"payload"));
    }
}
