//! The unit of everything in the format that is not a key or a value: 16 bytes that hold two numbers of 64 bits or four
//! of 32. bbolt writes its memory as it is, so they are little-endian wherever etcd runs.

use std::io::{self, Read};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Word(u128);

impl Word {
    pub(crate) const LEN: usize = 16;

    pub(crate) fn of_halves([low, high]: [u64; 2]) -> Self {
        Self(u128::from(low) | u128::from(high) << 64)
    }

    pub(crate) fn of_quarters([a, b, c, d]: [u32; 4]) -> Self {
        Self::of_halves([u64::from(a) | u64::from(b) << 32, u64::from(c) | u64::from(d) << 32])
    }

    pub(crate) fn halves(self) -> [u64; 2] {
        [self.0 as u64, (self.0 >> 64) as u64]
    }

    pub(crate) fn quarters(self) -> [u32; 4] {
        [0, 32, 64, 96].map(|shift| (self.0 >> shift) as u32)
    }

    pub(crate) fn of_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    pub(crate) fn bytes(self) -> [u8; Self::LEN] {
        self.0.to_le_bytes()
    }

    pub(crate) fn read(source: &mut impl Read) -> io::Result<Self> {
        let mut bytes = [0; Self::LEN];
        source.read_exact(&mut bytes)?;
        Ok(Self::of_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian_and_in_order() {
        let word = Word::of_quarters([1, 2, 3, 0xff00_0004]);
        assert_eq!(word.bytes(), [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0xff]);
        assert_eq!(word.quarters(), [1, 2, 3, 0xff00_0004]);
        assert_eq!(word.halves(), [2 << 32 | 1, 0xff00_0004 << 32 | 3]);
        assert_eq!(Word::of_halves(word.halves()), word);
    }
}
