//! A kubelet between a small API server and a real containerd. Needs root, containerd, runc, iproute2 and a static
//! busybox.

#![allow(clippy::disallowed_methods, reason = "the test starts the runtime that it talks to")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

#[path = "node/api.rs"]
mod api;
#[path = "node/containerd.rs"]
mod containerd;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use api::FakeApi;
use client::{Client, DeleteOptions};
use containerd::Containerd;
use cri::{Runtime, Spawner};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kubelet::{Config, Deps, FindError, KubeletHandle, Life};
use objects::Tree;
use supervise::{Scope, Task};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) const LIMIT: Duration = Duration::from_secs(30);
const POD: &str = "/api/v1/namespaces/default/pods/p";

struct Node {
    handle: KubeletHandle,
    stop: CancellationToken,
    task: Task<()>,
    _scope: Scope,
}

impl Node {
    fn start(api: &FakeApi, runtime: &Runtime, folder: &Path, missing: Option<&str>) -> Self {
        let addresses = vec!["10.0.0.1".parse().unwrap()];
        let mut config =
            Config::new("n1".to_owned(), addresses, folder.join("kubelet"), folder.join("pod-logs"));
        config.cgroup_root = cgroup_root();
        let scope = Scope::root("test");
        let deps = Deps {
            client: Client::new(api.clone(), "kubelet/test"),
            runtime: runtime.clone(),
            runtime_missing: watch::channel(missing.map(str::to_owned)).1,
            scope: scope.clone(),
        };
        let (handle, task) = config.build(deps).unwrap();
        let stop = CancellationToken::new();
        let task = scope.spawn("kubelet", task.run(stop.clone()));
        Self { handle, stop, task, _scope: scope }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn cgroup_root() -> String {
    format!("/kubelet-test-{}", std::process::id())
}

/// Removes, at the end, the cgroups of the classes, and of pods if the test failed.
struct CgroupsRemoved;

impl Drop for CgroupsRemoved {
    fn drop(&mut self) {
        let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path());
        for hierarchy in hierarchies.chain(["/sys/fs/cgroup".into()]) {
            remove_folders(&hierarchy.join(cgroup_root().trim_start_matches('/')));
        }
    }
}

fn remove_folders(path: &Path) {
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        remove_folders(&entry.path());
    }
    fs::remove_dir(path).ok();
}

fn pod(uid: &str, spec: &str) -> Pod {
    let pod = format!(r#"{{"metadata":{{"name":"p","namespace":"default","uid":"{uid}"}},"spec":{spec}}}"#);
    serde_json::from_str(&pod).unwrap()
}

fn phase(object: Option<&Tree>) -> &str {
    object.and_then(|object| object.str_at(&["status", "phase"])).unwrap_or_default()
}

fn container(object: &Tree) -> &Tree {
    &object.items_at(&["status", "containerStatuses"])[0]
}

fn is_ready(object: Option<&Tree>) -> bool {
    object.is_some_and(|node| {
        let conditions = node.items_at(&["status", "conditions"]);
        conditions
            .iter()
            .any(|each| each.str_at(&["type"]) == Some("Ready") && each.str_at(&["status"]) == Some("True"))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_runs_is_adopted_restarts_and_goes() {
    let _cgroups = CgroupsRemoved;
    let (api, containerd) = (FakeApi::new(), Containerd::start().await);
    let folder = containerd.folder.path().to_owned();
    let client = Client::new(api.clone(), "test");
    let begun = Instant::now();
    let node = Node::start(&api, &containerd.runtime, &folder, None);
    api.until("/api/v1/nodes/n1", is_ready).await;
    println!("node ready after {:?}", begun.elapsed());

    let config: ConfigMap =
        serde_json::from_str(r#"{"metadata":{"name":"m","namespace":"default"},"data":{"key":"value"}}"#)
            .unwrap();
    client.namespaced("default").create(&config).await.unwrap();
    let script = "cat /config/key; echo \" $K $HOSTNAME\" > /data/out; trap 'exit 0' TERM; while [ ! -e /data/stop ]; do sleep 0.01; done; echo bye > /dev/termination-log; exit 3";
    let spec = format!(
        r#"{{"nodeName":"n1","terminationGracePeriodSeconds":5,"restartPolicy":"Always",
        "containers":[{{"name":"c","image":"test/busybox:1","command":["sh","-c",{script:?}],
          "env":[{{"name":"K","valueFrom":{{"configMapKeyRef":{{"name":"m","key":"key"}}}}}}],
          "volumeMounts":[{{"name":"config","mountPath":"/config"}},{{"name":"data","mountPath":"/data"}}]}}],
        "volumes":[{{"name":"config","configMap":{{"name":"m"}}}},{{"name":"data","emptyDir":{{}}}}]}}"#
    );
    let begun = Instant::now();
    client.namespaced("default").create(&pod("u1", &spec)).await.unwrap();
    api.until(POD, |pod| phase(pod) == "Running").await;
    println!("pod running after {:?}", begun.elapsed());
    let first = container(&api.get(POD)).str_at(&["containerID"]).unwrap().to_owned();
    let view = node.handle.running("default", "p", "c").unwrap();
    assert_eq!(first, format!("containerd://{}", view.id.0));
    assert_eq!(
        node.handle.logged("default", "p", "x", Life::Latest).unwrap_err(),
        FindError::NoContainer { container: "x".to_owned(), pod: "p".to_owned() }
    );

    node.stop().await;
    let node = Node::start(&api, &containerd.runtime, &folder, None);
    let mut status = node.handle.status();
    let known = status.wait_for(|_| node.handle.running("default", "p", "c").is_ok());
    drop(tokio::time::timeout(LIMIT, known).await.unwrap().unwrap());
    assert_eq!(node.handle.running("default", "p", "c").unwrap().id, view.id, "adopted, not restarted");

    let data = folder.join("kubelet/pods/u1/volumes/kubernetes.io~empty-dir/data");
    fs::write(data.join("stop"), "").unwrap();
    api.until(POD, |pod| {
        pod.is_some_and(|pod| {
            let last = container(pod).at(&["lastState", "terminated"]);
            let ended = last.is_some_and(|end| {
                end.i64_at(&["exitCode"]) == Some(3) && end.str_at(&["message"]) == Some("bye\n")
            });
            ended && container(pod).i64_at(&["restartCount"]).is_some_and(|count| count > 0)
        })
    })
    .await;
    fs::remove_file(data.join("stop")).unwrap();
    let log = node.handle.logged("default", "p", "c", Life::Previous).unwrap().log_path;
    assert!(fs::read_to_string(log).unwrap().contains("value"), "the volume and the log are there");

    client.namespaced::<Pod>("default").delete("p", &DeleteOptions::default()).await.unwrap();
    api.until(POD, |pod| pod.is_none()).await;
    let gone = status.wait_for(|_| node.handle.pods().is_empty());
    drop(tokio::time::timeout(LIMIT, gone).await.unwrap().unwrap());
    assert!(containerd.runtime.sandboxes(Default::default()).await.unwrap().is_empty());
    assert!(!folder.join("kubelet/pods/u1").exists());
    let reasons = api.reasons();
    for reason in ["Pulled", "Created", "Started", "Killing"] {
        assert!(reasons.contains(reason), "{reason} of {reasons:?}");
    }

    let run_once = r#"{"nodeName":"n1","restartPolicy":"Never","containers":[{"name":"c","image":"test/busybox:1","command":["sh","-c","exit 7"]}]}"#;
    client.namespaced("default").create(&pod("u2", run_once)).await.unwrap();
    api.until(POD, |pod| phase(pod) == "Failed").await;
    let status = api.get(POD);
    assert_eq!(container(&status).at(&["state", "terminated"]).unwrap().i64_at(&["exitCode"]), Some(7));
    node.stop().await;

    // The API server forgets the pod while no kubelet runs.
    client.namespaced::<Pod>("default").delete("p", &DeleteOptions::grace(0)).await.unwrap();
    let node = Node::start(&api, &containerd.runtime, &folder, None);
    let mut known = node.handle.status();
    let settled = async {
        while !containerd.runtime.sandboxes(Default::default()).await.unwrap().is_empty() {
            known.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, settled).await.unwrap();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_runtime_the_node_and_the_pod_say_what_to_install() {
    let (api, folder) = (FakeApi::new(), tempfile::tempdir().unwrap());
    let runtime =
        Runtime::new("/nonexistent/containerd.sock".into(), Spawner::new(|work| drop(tokio::spawn(work))));
    let client = Client::new(api.clone(), "test");
    let spec = r#"{"nodeName":"n1","containers":[{"name":"c","image":"test/busybox:1"}]}"#;
    client.namespaced("default").create(&pod("u1", spec)).await.unwrap();
    let node = Node::start(&api, &runtime, folder.path(), Some("install containerd"));
    api.until("/api/v1/nodes/n1", |node| {
        let conditions = node.map(|node| node.items_at(&["status", "conditions"])).unwrap_or_default();
        conditions
            .iter()
            .any(|each| each.str_at(&["message"]).is_some_and(|text| text.ends_with("install containerd")))
    })
    .await;
    api.until(POD, |pod| phase(pod) == "Pending").await;
    let mut revision = node.handle.status();
    drop(revision.wait_for(|status| status.runtime_error.is_some()).await.unwrap());
    api.until_reason("FailedCreatePodSandBox").await;
    node.stop().await;
}
