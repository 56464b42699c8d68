//! Protobuf messages of the runtime's wire, written out as far as they are used; field numbers are those of the
//! `runtime.v1` and `containerd.services.*.v1` definitions. None of them leaves this crate.

pub(crate) mod containerd;
pub(crate) mod image;
pub(crate) mod runtime;
