//! Kubernetes objects as data: the schema table, trees, patches, selectors and the rows of kinds.
//!
//! Pure: bytes, times and random numbers come in, values and messages go out. No kind has a Rust struct
//! here; an object of any kind is a [`Tree`], what is known of its type is a row of [`schema`], and what is
//! known of its resource is a row of [`resource`].

pub mod apply;
pub mod convert;
pub mod cron;
pub mod decode;
pub mod expressions;
pub mod flow_control;
pub mod kind;
pub mod limits;
pub mod meta;
pub mod patch;
pub mod placement;
pub mod pod_security;
pub mod print;
pub mod protobuf;
pub mod quantity;
pub mod quota;
pub mod request;
pub mod resource;
pub mod resources;
pub mod review;
pub mod schema;
pub mod selector;
pub mod status;
pub mod tree;
pub mod validate;

pub use tree::{Key, Object, Tree};
