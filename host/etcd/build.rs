//! Makes the messages, clients and servers of `proto/`, and the descriptors that gRPC reflection answers with.

use std::path::Path;

use prost::Message;

/// What `proto/` serves; each file with its imports.
const FILES: &[&str] = &["etcd/rpc.proto"];
/// Fields that share the store's buffers.
const BYTES: &[&str] = &[".mvccpb", ".etcdserverpb"];
/// How messages become bytes.
const CODEC: &str = "crate::codec::Protobuf";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    #[expect(clippy::disallowed_methods, reason = "how cargo tells a build script where to write")]
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("descriptors.bin"), descriptors.encode_to_vec())?;
    let mut config = tonic_prost_build::Config::new();
    config.bytes(BYTES).enable_type_names();
    tonic_prost_build::configure()
        .build_transport(false)
        .codec_path(CODEC)
        .compile_fds_with_config(descriptors, config)?;
    Ok(())
}
