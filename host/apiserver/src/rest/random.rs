//! Random numbers: uids, the suffixes of generated names, the length of watches.

use objects::meta::GENERATED_LEN;
use rustix::rand::{GetRandomFlags, getrandom};

/// Random bytes of the kernel.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        if let Ok(count) = getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            filled += count;
        }
    }
    bytes
}

/// A version 4 UUID (RFC 9562).
pub(crate) fn uid() -> String {
    let mut number = u128::from_be_bytes(bytes());
    number = number & !(0xf << 76) | (0x4 << 76);
    number = number & !(0x3 << 62) | (0x2 << 62);
    let text = format!("{number:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// What [`objects::meta::generate_name`] makes a suffix of.
pub(crate) fn suffix() -> [u32; GENERATED_LEN] {
    let numbers: [u8; 4 * GENERATED_LEN] = bytes();
    std::array::from_fn(|at| u32::from_ne_bytes(std::array::from_fn(|byte| numbers[4 * at + byte])))
}

/// A number from zero up to but without `end`.
pub(crate) fn below(end: u64) -> u64 {
    u64::from_ne_bytes(bytes()) % end.max(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_uid_is_a_version_4_uuid() {
        let uid = super::uid();
        assert_eq!((uid.len(), &uid[14..15]), (36, "4"));
        assert!("89ab".contains(&uid[19..20]) && uid != super::uid());
    }
}
