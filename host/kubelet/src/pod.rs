//! Pure semantics of one pod on this node: what it is, what to do next, and how it looks in its status.

pub(crate) mod facts;
