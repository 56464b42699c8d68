//! The pause image, built in: a node starts pods without ever having seen a registry.

use std::sync::LazyLock;

use serde_json::json;

use crate::{
    Error, Runtime,
    archive::{Blob, ImageParts, LayerFormat, digest_of},
};

static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pause"));

/// Tagged by its content, so that a changed program is another image.
static REFERENCE: LazyLock<String> = LazyLock::new(|| {
    let digest = digest_of(PROGRAM);
    let tag = digest.strip_prefix("sha256:").map_or(digest.as_str(), |hex| &hex[..12]);
    format!("mk8s.io/pause:{tag}")
});

/// What `sandbox_image` of containerd's configuration names.
pub fn reference() -> &'static str {
    &REFERENCE
}

fn parts() -> Result<ImageParts, Error> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(PROGRAM.len() as u64);
    header.set_mode(0o755);
    builder.append_data(&mut header, "pause", PROGRAM).map_err(Error::archive)?;
    let layer = builder.into_inner().map_err(Error::archive)?;
    let config = json!({
        "architecture": crate::archive::architecture(),
        "os": "linux",
        "config": { "Entrypoint": ["/pause"], "User": "65535:65535", "WorkingDir": "/" },
        "rootfs": { "type": "layers", "diff_ids": [digest_of(&layer)] },
    });
    let layer = Blob::bytes(LayerFormat::Tar.media_type(), layer);
    ImageParts::build(vec![reference().to_owned()], config.to_string().into_bytes(), vec![layer])
}

impl Runtime {
    /// Imports the pause image unless the runtime has it.
    pub async fn ensure_pause_image(&self) -> Result<(), Error> {
        if self.image(reference()).await?.is_none() {
            self.import(parts()?).await?;
        }
        Ok(())
    }
}
