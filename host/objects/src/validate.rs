//! Validation: what upstream refuses and in which words, as [`FieldError`]s that become an Invalid status.
//!
//! Thin: the rules that users meet, not all of upstream's. The mechanism is whole: paths, error lists, causes.

mod at;
mod field;
mod meta;
mod names;
mod same;

pub(crate) use at::At;
pub use field::{ErrorKind, FieldError, Path, to_status};
pub use meta::{IMMUTABLE, immutable, metadata, metadata_update};
pub use names::{
    NameRule, config_map_key, dns1035_label, dns1123_label, dns1123_subdomain, env_var_name, label_key,
    label_value, path_segment, port_name, port_number,
};
pub(crate) use same::same;
