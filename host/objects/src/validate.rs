//! Validation: what upstream refuses and in which words, as [`FieldError`]s that become an Invalid status.
//!
//! The mechanism, and the rules that several kinds share; what a kind alone refuses is said with the kind.

pub mod address;
pub(crate) mod amount;
mod at;
mod field;
pub mod formats;
mod meta;
mod names;
mod same;
pub(crate) mod selector;

pub(crate) use at::{At, NEGATIVE, in_range};
pub use field::{ErrorKind, FieldError, Path, to_status};
pub use meta::{IMMUTABLE, immutable, metadata, metadata_update};
pub use names::{
    NameRule, config_map_key, dns1035_label, dns1123_label, dns1123_subdomain, env_var_name, label_key,
    label_value, path_segment, port_name, port_number,
};
pub(crate) use same::same;
