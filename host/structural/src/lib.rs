//! What CustomResourceDefinitions mean, as apiextensions.k8s.io/v1 of Kubernetes v1.36 has it: pure functions from a
//! definition and an object to what is wrong with them, and to what becomes of them.

mod default;
mod embedded;
mod list_type;
mod prune;
mod schema;
mod trail;
mod value;

pub use default::{default, prune_nulls};
pub use embedded::{Malformed, coerce_metadata, validate_embedded};
pub use list_type::validate_lists;
pub use prune::{Place, prune};
pub use schema::{
    Additional, Bound, Checks, Format, ListType, MAX_DEPTH, MAX_SCHEMAS, Members, Pattern, PatternError,
    Rule, Schema, SchemaError, Type,
};
pub use value::{validate_value, validate_value_update};
