//! How much is done and with which random numbers: little by default, as much as the environment says in a long run.

use std::time::{SystemTime, UNIX_EPOCH};

/// Repeats the random schedules of a run that printed it.
const SEED: &str = "HISTORIES_SEED";

/// The number of that name in the environment.
///
/// # Panics
/// When it is no number.
#[must_use]
pub fn number(name: &str, default: u64) -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the long run chooses how long it is")]
    let chosen = std::env::var(name).ok();
    chosen.map_or(default, |text| text.parse().expect("an effort is a number"))
}

/// The seed of a test, printed so that it can be repeated.
#[must_use]
pub fn seed(test: &str) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let seed = number(SEED, u64::try_from(now % u128::from(u64::MAX)).unwrap_or_default());
    report(&format!("{test}: again with {SEED}={seed}"));
    seed
}

/// What whoever ran a test may want to know of it.
pub fn report(line: &str) {
    #[expect(clippy::print_stderr, reason = "standard output is where a child tells its history")]
    {
        eprintln!("{line}");
    }
}
