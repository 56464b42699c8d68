//! The port against a real containerd, in namespaces of the test's own. Needs root, containerd, runc, iproute2 and a
//! static busybox.

#![allow(clippy::disallowed_methods, reason = "the test starts the runtime that it talks to")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use cri::{
    ContainerConfig, ContainerId, ContainerMetadata, ContainerState, Event, ExecRequest, NamespaceMode,
    ProcessIo, Runtime, SandboxConfig, SandboxMetadata, Spawner, containerd, pause,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMIT: Duration = Duration::from_secs(30);

/// A containerd in its own network, mount and pid namespaces: when it ends, everything in them ends.
struct Containerd {
    child: Child,
    folder: tempfile::TempDir,
    runtime: Runtime,
}

impl Drop for Containerd {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Containerd {
    async fn start() -> Self {
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
        let spawner = Spawner::new(|work| drop(tokio::spawn(work)));
        let runtime = Runtime::new(layout.socket(), spawner);
        let ready = async {
            while runtime.status().await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(LIMIT, ready).await.is_err() {
            panic!("containerd: {}", fs::read_to_string(folder.path().join("log")).unwrap());
        }
        Self { child, folder, runtime }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn sandbox(logs: &Path) -> SandboxConfig {
    SandboxConfig {
        metadata: SandboxMetadata {
            name: "p".to_owned(),
            uid: "u".to_owned(),
            namespace: "default".to_owned(),
            attempt: 0,
        },
        log_directory: logs.to_string_lossy().into_owned(),
        labels: BTreeMap::from([("uid".to_owned(), "u".to_owned())]),
        network: NamespaceMode::Node,
        ..SandboxConfig::default()
    }
}

fn container(script: &str) -> ContainerConfig {
    ContainerConfig {
        metadata: ContainerMetadata { name: "c".to_owned(), attempt: 0 },
        image: "docker.io/test/busybox:1".to_owned(),
        command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
        labels: BTreeMap::from([("uid".to_owned(), "u".to_owned())]),
        log_path: "c.log".to_owned(),
        security: cri::SecurityContext { network: NamespaceMode::Node, ..Default::default() },
        ..ContainerConfig::default()
    }
}

fn shell(id: &ContainerId, folder: &Path, script: &str) -> ExecRequest {
    ExecRequest {
        container: id.clone(),
        command: vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()],
        io: ProcessIo::Streams,
        stdin: true,
        folder: folder.to_owned(),
    }
}

async fn exec(
    runtime: &Runtime,
    id: &ContainerId,
    folder: &Path,
    script: &str,
    input: &[u8],
) -> (String, u32) {
    let (process, mut streams) = runtime.exec(shell(id, folder, script)).await.unwrap();
    let mut stdin = streams.stdin.take().unwrap();
    let write = async {
        stdin.write_all(input).await.unwrap();
        drop(stdin);
        process.close_stdin().await.unwrap();
    };
    let mut output = String::new();
    let (read, ()) = tokio::join!(streams.stdout.read_to_string(&mut output), write);
    read.unwrap();
    let code = process.wait().await.unwrap();
    process.delete().await;
    (output, code)
}

/// What a shell on a terminal of 80 columns and 24 lines says of its size, once it is told to look.
async fn terminal_size(runtime: &Runtime, id: &ContainerId, folder: &Path) -> String {
    let request = ExecRequest {
        container: id.clone(),
        command: vec!["sh".to_owned(), "-c".to_owned(), "read go; busybox stty size".to_owned()],
        io: ProcessIo::Terminal,
        stdin: true,
        folder: folder.to_owned(),
    };
    let (process, mut streams) = runtime.exec(request).await.unwrap();
    assert!(streams.stderr.is_none());
    process.resize(80, 24).await.unwrap();
    streams.stdin.as_mut().unwrap().write_all(b"go\n").await.unwrap();
    let mut output = String::new();
    streams.stdout.read_to_string(&mut output).await.unwrap();
    assert_eq!(process.wait().await.unwrap(), 0);
    process.delete().await;
    output.lines().last().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_image_runs_in_a_sandbox_of_the_built_in_pause_image() {
    let containerd = Containerd::start().await;
    let runtime = &containerd.runtime;
    runtime.ensure_pause_image().await.unwrap();
    assert!(runtime.image(pause::reference()).await.unwrap().is_some());

    let archive = containerd.path("busybox.tar");
    support::busybox_archive(&archive);
    assert_eq!(runtime.import_archive(&archive).await.unwrap(), ["docker.io/test/busybox:1"]);
    assert!(runtime.image("test/busybox:1").await.unwrap().is_some());

    let mut events = runtime.events();
    // The subscription is sent by the first poll.
    assert!(tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err());
    let logs = containerd.path("logs");
    fs::create_dir_all(&logs).unwrap();
    let config = sandbox(&logs);
    let pod = runtime.run_sandbox(&config, "").await.unwrap();
    let script = "echo out; echo err >&2; while [ ! -e /stop ]; do sleep 0.01; done; exit 3";
    let id = runtime.create_container(&pod, &container(script), &config).await.unwrap();
    runtime.start_container(&id).await.unwrap();

    let input = "in".repeat(100_000);
    let (output, code) = exec(runtime, &id, containerd.folder.path(), "cat; exit 7", input.as_bytes()).await;
    assert_eq!((output == input, code), (true, 7), "stdin ends, all of it came, and so does the exit code");
    assert_eq!(terminal_size(runtime, &id, containerd.folder.path()).await, "24 80");
    // Its container ends with it, which may be before it could be waited for.
    let stopping = runtime.exec(shell(&id, containerd.folder.path(), "echo > /stop")).await.unwrap();

    let reaped = async {
        while events.next().await.unwrap() != Event::Reaped(id.clone()) {}
        while runtime.container(&id).await.unwrap().unwrap().state != ContainerState::Exited {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, reaped).await.unwrap();
    drop(stopping);
    let containers = runtime.containers(config.labels.clone()).await.unwrap();
    assert_eq!((containers.len(), containers[0].exit_code), (1, 3));
    let log = fs::read_to_string(logs.join("c.log")).unwrap();
    assert!(log.contains("stdout F out\n") && log.contains("stderr F err\n"), "{log}");

    runtime.stop_sandbox(&pod).await.unwrap();
    runtime.remove_sandbox(&pod).await.unwrap();
    assert!(runtime.sandboxes(BTreeMap::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn loopback_is_that_of_the_namespace() {
    let containerd = Containerd::start().await;
    let namespace = format!("/proc/{}/ns/net", containerd.child.id());
    let metrics = async |namespace| net::dial::loopback(namespace, 1338).await;
    metrics(Some(Path::new(&namespace))).await.unwrap();
    assert!(metrics(None).await.is_err(), "nobody serves here");
    assert!(metrics(Some(Path::new("/nonexistent"))).await.is_err());
}

#[tokio::test]
async fn a_runtime_that_does_not_run_is_unreachable_and_says_where() {
    let spawner = Spawner::new(|work| drop(tokio::spawn(work)));
    let runtime = Runtime::new("/nonexistent/containerd.sock".into(), spawner);
    let error = runtime.version().await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("/nonexistent/containerd.sock"), "{text}");
    assert!(text.contains("No such file"), "{text}");
}
