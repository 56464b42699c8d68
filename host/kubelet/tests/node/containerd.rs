//! A containerd of the test's own, in namespaces of its own: when it ends, everything in them ends.

use std::fs;
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
        support::busybox_archive(&archive);
        this.runtime.import_archive(&archive).await.unwrap();
        this
    }
}
