//! Waiting for what is to come, with one limit for all.

use std::time::{Duration, Instant};

/// Far more than anything takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is an answer; what `look` says in its error tells why there never was.
///
/// # Panics
/// After [`LIMIT`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) if Instant::now() > end => panic!("{what} did not come: {why}"),
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
