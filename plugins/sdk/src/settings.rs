//! The settings that the operator gave the addon. Outside of a component they are those that a test gave.

use crate::Setting;

#[cfg(target_family = "wasm")]
pub use crate::bindings::imports::mk8s::addon::settings::all;

#[cfg(not(target_family = "wasm"))]
std::thread_local! {
    static GIVEN: std::cell::RefCell<Vec<Setting>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Every setting of the metadata.
#[cfg(not(target_family = "wasm"))]
pub fn all() -> Vec<Setting> {
    GIVEN.with_borrow(Clone::clone)
}

/// Gives this thread's addons settings: names, and values as JSON.
#[cfg(not(target_family = "wasm"))]
pub fn give(settings: &[(&str, &str)]) {
    let setting = |(name, value): &(&str, &str)| Setting { name: (*name).into(), value: (*value).into() };
    GIVEN.set(settings.iter().map(setting).collect());
}

/// Whether a setting of type bool is true.
pub fn is_on(settings: &[Setting], name: &str) -> bool {
    settings.iter().any(|setting| setting.name == name && setting.value == "true")
}
