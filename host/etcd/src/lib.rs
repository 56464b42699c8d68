//! etcd's v3 API over gRPC: the only owner of its wire types. It is served from the embedded store, and asked of a real
//! etcd.

mod client;
mod codec;
mod import;
mod operator;
mod records;
mod remote;
pub mod server;
pub mod snapshot;
pub mod wire;

pub use client::{Channel, EndpointError};
pub use import::{ImportError, import};
pub use operator::{Operator, OperatorError, StoreSummary};
pub use remote::RemoteStore;
