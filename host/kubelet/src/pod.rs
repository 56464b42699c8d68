//! Pure semantics of one pod on this node: what it is, what to do next, and how it looks in its status.

pub(crate) mod backoff;
pub(crate) mod claim;
pub(crate) mod container;
pub(crate) mod env;
pub(crate) mod facts;
pub(crate) mod fields;
pub(crate) mod memory;
pub(crate) mod observed;
pub(crate) mod payload;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod resize;
pub(crate) mod resources;
pub(crate) mod status;

#[cfg(test)]
pub(crate) mod fixture;
