//! Names of files: their kind, and where they begin.

use mvcc::Revision;

const IMAGE: &str = "image-";
const LOG: &str = "log-";
/// An image that is not whole yet.
pub(crate) const PARTIAL: &str = "image.partial";
/// The only file of builds before the first release.
pub(crate) const PREHISTORIC: &str = "store.redb";

pub(crate) fn image(revision: Revision) -> String {
    format!("{IMAGE}{:016x}", revision.0)
}

/// A log by the sequence of its first frame.
pub(crate) fn log(sequence: u64) -> String {
    format!("{LOG}{sequence:016x}")
}

pub(crate) fn of_image(name: &str) -> Option<Revision> {
    number(name, IMAGE).and_then(|number| i64::try_from(number).ok()).map(Revision)
}

pub(crate) fn of_log(name: &str) -> Option<u64> {
    number(name, LOG)
}

fn number(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix).filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}
