//! The Common Expression Language as Kubernetes uses it: rules of CRDs, policies, match conditions, authentication.
//!
//! An expression is [`compile`]d against [`Declarations`] into a [`Program`], which is evaluated on an
//! [`Activation`] within a [`Budget`]. Types of objects come through [`Schema`], answers of the authorizer through
//! [`Authorizer`]. Pure: what an expression may look at is handed in, and it can neither run for long nor deep.
//!
//! ```
//! use cel::{Activation, Budget, Declarations, Value, compile, schema};
//! use objects::tree;
//!
//! let spec = tree!({ "type": "object", "properties": { "replicas": { "type": "integer" } } });
//! let schema = schema::structural(&spec, true).expect("a schema with a type");
//! let rule = compile("self.replicas <= 5", &Declarations::new().schema("self", &schema)).expect("a rule");
//!
//! let object = tree!({ "replicas": 3 });
//! let variables = Activation::new().with("self", Value::from_tree(&object, Some(&schema)).expect("it fits"));
//! let result = rule.evaluate(&variables, &mut Budget::default());
//! assert_eq!(result.expect("a result").as_bool(), Some(true));
//! ```

mod ast;
mod authorizer;
mod check;
mod cost;
mod declare;
mod error;
mod functions;
mod parse;
mod program;
pub mod schema;
#[cfg(test)]
mod tests;
mod types;
mod value;

pub use authorizer::{Access, AccessDecision, AccessRequest, Authorizer, ResourceAccess};
pub use cost::{
    Budget, ESTIMATE_LIMIT, EXPRESSION_LIMIT, MATCH_LIMIT, OBJECT_LIMIT, Range, TOTAL_ESTIMATE_LIMIT,
};
pub use declare::Declarations;
pub use error::{CompileErrors, EvalError, Issue};
pub use program::{Activation, Program, compile};
pub use schema::{ListKind, Schema, SchemaRef, Shape};
pub use types::Type;
pub use value::{Fields, Moment, Struct, Value};
