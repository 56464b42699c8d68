//! Brings components over HTTP and from OCI registries, and to these: nothing is taken whose digest is not the one asked
//! for. It does not know what a component is for, and keeps nothing.

mod digest;
mod download;
mod login;
mod manifest;
mod reference;
mod remote;
mod transport;

pub use digest::{Digest, DigestError};
pub use login::Login;
pub use reference::{Reference, ReferenceError, Version};
pub use remote::{Pulled, RegistryError};
pub use transport::{Transport, TransportError};

/// A larger component is not fetched: nodes take none that is larger.
const LARGEST: usize = 64 << 20;
