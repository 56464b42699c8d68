//! The addon's log. Outside of a component the lines are recorded instead, for tests to read.

pub use crate::bindings::imports::mk8s::addon::log::Level;

pub fn error(message: impl AsRef<str>) {
    write(Level::Error, message.as_ref());
}

pub fn warn(message: impl AsRef<str>) {
    write(Level::Warn, message.as_ref());
}

pub fn info(message: impl AsRef<str>) {
    write(Level::Info, message.as_ref());
}

pub fn debug(message: impl AsRef<str>) {
    write(Level::Debug, message.as_ref());
}

#[cfg(target_family = "wasm")]
use crate::bindings::imports::mk8s::addon::log::write;

#[cfg(not(target_family = "wasm"))]
std::thread_local! {
    static LINES: std::cell::RefCell<Vec<(Level, String)>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[cfg(not(target_family = "wasm"))]
fn write(level: Level, message: &str) {
    LINES.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
}

/// Takes the lines that this thread logged.
#[cfg(not(target_family = "wasm"))]
pub fn recorded() -> Vec<(Level, String)> {
    LINES.take()
}
