//! An image of busybox, made on the spot: nothing is pulled.

use std::fs;
use std::path::Path;

use sha2::Digest;

/// The reference of the image.
pub const IMAGE: &str = "test/busybox:1";

const COMMANDS: &[&str] = &[
    "cat", "echo", "env", "false", "head", "hostname", "id", "ls", "nc", "sh", "sleep", "tar", "true", "wc",
];

/// Writes an archive as `docker save` makes it: one layer, `/bin/busybox` with links.
///
/// # Panics
/// Where there is no static busybox, which `make setup-tests` installs.
pub fn busybox_archive(path: &Path) {
    let mut layer = tar::Builder::new(Vec::new());
    let program = ["/bin/busybox", "/usr/bin/busybox"].into_iter().find_map(|path| fs::File::open(path).ok());
    let mut program = program.expect("busybox is there: `make setup-tests` installs what tests need");
    layer.append_file("bin/busybox", &mut program).unwrap();
    for command in COMMANDS {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        layer.append_link(&mut header, format!("bin/{command}"), "busybox").unwrap();
    }
    for (folder, mode) in [("tmp/", 0o1777), ("etc/", 0o755)] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(mode);
        layer.append_data(&mut header, folder, &[][..]).unwrap();
    }
    let layer = layer.into_inner().unwrap();
    let diff: String = sha2::Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect();
    let architecture = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let config = serde_json::json!({
        "architecture": architecture, "os": "linux",
        "config": { "Env": ["PATH=/bin"], "Cmd": ["sh"] },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{diff}")] }
    });
    let manifest =
        serde_json::json!([{ "Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"] }]);
    let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in [
        ("layer.tar", layer),
        ("config.json", config.to_string().into_bytes()),
        ("manifest.json", manifest.to_string().into_bytes()),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.finish().unwrap();
}
