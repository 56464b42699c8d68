//! A containerd of the test's own, in namespaces of its own: when it ends, everything in them ends.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use cri::{Runtime, Spawner, containerd};

pub(crate) struct Containerd {
    child: Child,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) runtime: Runtime,
}

impl Drop for Containerd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Containerd {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = containerd::Layout::of(folder.path(), "127.0.0.1:1338");
        let programs = containerd::Programs::find(folder.path()).unwrap();
        for each in layout.folders() {
            fs::create_dir_all(each).unwrap();
        }
        fs::write(layout.config_path(), layout.config(&programs)).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
            .args(["sh", "-c", r#"ip link set lo up && exec "$0" "$@""#])
            .arg(&programs.containerd)
            .args(layout.arguments())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let runtime = Runtime::new(layout.socket(), Spawner::new(|work| drop(tokio::spawn(work))));
        let ready = async {
            while runtime.status().await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(super::LIMIT, ready).await.is_err() {
            panic!("containerd: {}", fs::read_to_string(folder.path().join("log")).unwrap());
        }
        let this = Self { child, folder, runtime };
        let archive = this.folder.path().join("busybox.tar");
        busybox(&archive);
        this.runtime.import_archive(&archive).await.unwrap();
        this
    }
}

/// `docker save` of an image `test/busybox:1` with busybox and nothing else.
fn busybox(path: &Path) {
    let mut layer = tar::Builder::new(Vec::new());
    let mut program = fs::File::open("/bin/busybox").or_else(|_| fs::File::open("/usr/bin/busybox")).unwrap();
    layer.append_file("bin/busybox", &mut program).unwrap();
    for link in ["sh", "cat", "echo", "sleep"] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        layer.append_link(&mut header, format!("bin/{link}"), "busybox").unwrap();
    }
    let layer = layer.into_inner().unwrap();
    use sha2::Digest;
    let diff: String = sha2::Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect();
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Env":["PATH=/bin"]}},"rootfs":{{"type":"layers","diff_ids":["sha256:{diff}"]}}}}"#
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["test/busybox:1"],"Layers":["l/layer.tar"]}]"#;
    let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in [
        ("l/layer.tar", layer.as_slice()),
        ("config.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, bytes).unwrap();
    }
    archive.finish().unwrap();
}
