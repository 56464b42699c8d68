//! Validation: what upstream refuses and in which words, as [`FieldError`]s that become an Invalid status.
//!
//! The mechanism, and the rules that several kinds share; what a kind alone refuses is said with the kind.

pub mod address;
pub(crate) mod amount;
mod at;
mod conditions;
mod field;
pub(crate) mod formats;
mod meta;
mod names;
mod resource_names;
mod same;
pub(crate) mod selector;

pub(crate) use at::{At, NEGATIVE, in_range};
pub(crate) use conditions::conditions;
pub use field::{ErrorKind, FieldError, Path, to_status};
pub(crate) use meta::known_finalizers;
pub use meta::{IMMUTABLE, immutable, metadata, metadata_at, metadata_maps, metadata_update};
pub use names::{
    NameRule, config_map_key, dns1035_label, dns1123_label, dns1123_subdomain, env_var_name, label_key,
    label_value, path_segment, port_name, port_number, token_seconds,
};
pub(crate) use resource_names::{
    container_resource_name, is_quota_resource, quota_resource_name, resource_name, resource_quantity,
};
pub use resource_names::{is_extended_resource, is_huge_pages, is_native_resource, is_overcommit_allowed};
pub(crate) use same::same;
pub(crate) use selector::{
    asked_field_requirement, asked_label_requirement, label_selector, labels, node_selector,
};
