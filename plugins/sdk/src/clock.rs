//! The time. Outside of a component it is what a test set.

#[cfg(target_family = "wasm")]
pub use crate::bindings::imports::mk8s::addon::clock::{monotonic, now};

#[cfg(not(target_family = "wasm"))]
std::thread_local! {
    static NOW: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Milliseconds since 1970.
#[cfg(not(target_family = "wasm"))]
pub fn now() -> u64 {
    NOW.get()
}

/// Milliseconds that never run back.
#[cfg(not(target_family = "wasm"))]
pub fn monotonic() -> u64 {
    NOW.get()
}

/// Sets this thread's time.
#[cfg(not(target_family = "wasm"))]
pub fn set(now: u64) {
    NOW.set(now);
}
