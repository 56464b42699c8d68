//! The messages, clients and servers of etcd's API, made of `proto/` by the build.

#[allow(
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "generated; the facts are in proto/"
)]
mod generated {
    pub mod mvccpb {
        tonic::include_proto!("mvccpb");
    }
    pub mod etcdserverpb {
        tonic::include_proto!("etcdserverpb");
    }
}

pub use generated::{etcdserverpb, mvccpb};

/// Every file of `proto/`, encoded as a `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
