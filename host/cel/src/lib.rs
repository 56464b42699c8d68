//! The Common Expression Language as Kubernetes uses it: rules of CRDs, policies, match conditions, authentication.
//!
//! An expression is [`compile`]d against [`Declarations`] into a [`Program`], which is evaluated on an
//! [`Activation`] within a [`Budget`]. Types of objects come through [`Schema`], answers of the authorizer through
//! [`Authorizer`]. Pure: what an expression may look at is handed in, and it can neither run for long nor deep.

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
pub use cost::{Budget, ESTIMATE_LIMIT, EXPRESSION_LIMIT, OBJECT_LIMIT, Range, TOTAL_ESTIMATE_LIMIT};
pub use declare::Declarations;
pub use error::{CompileErrors, EvalError, Issue};
pub use program::{Activation, Program, compile};
pub use schema::{ListKind, Schema, SchemaRef, Shape};
pub use types::Type;
pub use value::{Fields, Moment, Struct, Value};
