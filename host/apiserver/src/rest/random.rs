//! Random numbers: uids, the suffixes of generated names, the length of watches.

use std::cell::RefCell;

use objects::meta::GENERATED_LEN;
use rustix::rand::{GetRandomFlags, getrandom};

/// Bytes that are asked of the kernel at a time: every request takes some, and a system call for each costs more than all
/// else that is done with them.
const SUPPLY: usize = 1024;

/// Random bytes of the kernel that were not given out yet.
struct Supply {
    bytes: [u8; SUPPLY],
    taken: usize,
}

thread_local! {
    static LEFT: RefCell<Supply> = const { RefCell::new(Supply { bytes: [0; SUPPLY], taken: SUPPLY }) };
}

/// Random bytes of the kernel; no more than a few.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= SUPPLY) };
    LEFT.with_borrow_mut(|Supply { bytes, taken }| {
        if *taken + N > SUPPLY {
            fill(bytes);
            *taken = 0;
        }
        let given = std::array::from_fn(|at| bytes[*taken + at]);
        // Nobody finds them in memory later.
        bytes[*taken..*taken + N].fill(0);
        *taken += N;
        given
    })
}

fn fill(bytes: &mut [u8]) {
    let mut filled = 0;
    while filled < bytes.len() {
        if let Ok(count) = getrandom(&mut bytes[filled..], GetRandomFlags::empty()) {
            filled += count;
        }
    }
}

/// A version 4 UUID (RFC 9562).
pub(crate) fn uid() -> String {
    let mut number: [u8; 16] = bytes();
    number[6] = number[6] & 0x0f | 0x40;
    number[8] = number[8] & 0x3f | 0x80;
    let mut text = String::with_capacity(36);
    for (at, byte) in number.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0xf] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
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
    use std::collections::HashSet;

    #[test]
    fn a_uid_is_a_version_4_uuid_and_no_other() {
        // More than one supply holds.
        let uids: HashSet<String> = (0..1000).map(|_| super::uid()).collect();
        assert_eq!(uids.len(), 1000);
        for uid in uids {
            let dashes: Vec<usize> = uid.match_indices('-').map(|(at, _)| at).collect();
            assert_eq!((uid.len(), dashes.as_slice(), &uid[14..15]), (36, [8, 13, 18, 23].as_slice(), "4"));
            assert!("89ab".contains(&uid[19..20]));
        }
    }
}
