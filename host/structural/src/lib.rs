//! What CustomResourceDefinitions mean, as apiextensions.k8s.io/v1 of Kubernetes v1.36 has it: pure functions from a
//! definition and an object to what is wrong with them, and to what becomes of them.

mod acceptance;
mod column;
mod conversion;
mod default;
mod default_rules;
mod definition;
mod embedded;
mod field_path;
mod findings;
mod json_path;
mod list_type;
mod openapi;
mod props;
mod prune;
mod rules;
mod scale;
mod schema;
mod schema_rules;
mod served;
mod structurality;
mod trail;
mod value;

pub use acceptance::{Condition, Naming, accept_names, api_approval, establish, non_structural_schema};
pub use column::{Column, Columns};
pub use conversion::{Conversion, ConversionError, Review, Webhook, convert_by_name};
pub use default::{TooManyDefaults, default, prune_nulls};
pub use definition::{
    API_APPROVED, Approval, approval, default_definition, definition_warnings, prepare_definition,
    prepare_definition_update, validate_definition, validate_definition_status, validate_definition_update,
};
pub use embedded::{Malformed, coerce_metadata, validate_embedded};
pub use field_path::field_path;
pub use json_path::JsonPath;
pub use list_type::validate_lists;
pub use openapi::{Descriptions, Dialect, OpenApi, openapi};
pub use prune::{Place, prune};
pub use rules::{DefinitionSchema, RuleSite, definition_schemas, rules};
pub use scale::{FieldAt, Scale, ScaleError};
pub use schema::{
    Additional, Bound, Checks, Format, ListType, MAX_DEPTH, MAX_SCHEMAS, Members, Pattern, PatternError,
    Properties, Rule, Schema, SchemaError, Type,
};
pub use served::{CoerceError, CompileError, CustomResource, Version, compare_versions, rules_blocked};
pub use value::{Old, OldItems, validate_value, validate_value_update};
