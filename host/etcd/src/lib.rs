//! etcd's v3 API over gRPC: the only owner of its wire types.

pub mod wire;
