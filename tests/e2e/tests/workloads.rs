//! What a user declares happens: workloads, nodes and quotas, driven by the real kubectl.

#![allow(clippy::disallowed_methods, reason = "a test starts the metrics server that it tries")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::fs;
use std::path::Path;
use std::process::Child;

use serde_json::{Value, json};
use support::{IMAGE, Kubectl, Node, eventually};

/// Goes on until it is asked to end, and then ends at once.
const SERVE: [&str; 4] = ["--", "sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"];
const WAIT: &str = "--timeout=90s";

#[track_caller]
fn check(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

/// kubectl in a namespace that it makes.
fn shop(node: &Node) -> Kubectl<'_> {
    node.kubectl().run(&["create", "namespace", "shop"]).expect_ok();
    node.kubectl().with(&["--namespace=shop"])
}

fn create_deployment(kubectl: &Kubectl<'_>, name: &str, replicas: u32) {
    let image = format!("--image={IMAGE}");
    let replicas = format!("--replicas={replicas}");
    let create = ["create", "deployment", name, &image, &replicas];
    kubectl.run(&[&create[..], &SERVE].concat()).expect_ok();
    rolled_out(kubectl, &format!("deployment/{name}"));
}

#[track_caller]
fn rolled_out(kubectl: &Kubectl<'_>, what: &str) {
    kubectl.run(&["rollout", "status", what, WAIT]).expect_ok();
}

/// The fields that a path names, of one object or of each of a list.
fn fields(kubectl: &Kubectl<'_>, what: &[&str], path: &str) -> Vec<String> {
    let output = format!("jsonpath={path}");
    let said = kubectl.run(&[&["get"], what, &["-o", &output]].concat()).expect_ok();
    said.split_whitespace().map(str::to_owned).collect()
}

#[track_caller]
fn eventually_fields(kubectl: &Kubectl<'_>, what: &[&str], path: &str, wanted: &[&str]) {
    eventually(&format!("{path} of {what:?}"), || {
        let found = fields(kubectl, what, path);
        if found == wanted { Ok(()) } else { Err(format!("{found:?} instead of {wanted:?}")) }
    });
}

#[test]
fn a_deployment_rolls_on_and_back_scales_and_is_exposed() {
    let node = Node::ready();
    let shop = shop(&node);
    create_deployment(&shop, "web", 2);
    let color = ["deployment", "web"];
    let color_path = "{.spec.template.spec.containers[0].env[0].value}";

    shop.run(&["set", "env", "deployment/web", "COLOR=blue"]).expect_ok();
    rolled_out(&shop, "deployment/web");
    let said = shop.run(&["rollout", "history", "deployment/web"]).expect_ok();
    let revisions: Vec<&str> = said.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(revisions, ["deployment.apps/web", "REVISION", "1", "2"], "{said}");

    shop.run(&["rollout", "pause", "deployment/web"]).expect_ok();
    shop.run(&["set", "env", "deployment/web", "COLOR=green"]).expect_ok();
    let generation = fields(&shop, &color, "{.metadata.generation}");
    let observed: Vec<&str> = generation.iter().map(String::as_str).collect();
    eventually_fields(&shop, &color, "{.status.observedGeneration}", &observed);
    assert_eq!(fields(&shop, &["replicasets"], "{.items[*].metadata.name}").len(), 2, "it is paused");
    shop.run(&["rollout", "resume", "deployment/web"]).expect_ok();
    rolled_out(&shop, "deployment/web");
    assert_eq!(fields(&shop, &["replicasets"], "{.items[*].metadata.name}").len(), 3);
    shop.run(&["rollout", "undo", "deployment/web"]).expect_ok();
    rolled_out(&shop, "deployment/web");
    assert_eq!(fields(&shop, &color, color_path), ["blue"]);
    let running = ["pods", "--field-selector=status.phase=Running"];
    let colors = "{.items[*].spec.containers[0].env[0].value}";
    eventually_fields(&shop, &running, colors, &["blue", "blue"]);

    shop.run(&["scale", "deployment/web", "--replicas=3"]).expect_ok();
    rolled_out(&shop, "deployment/web");
    shop.run(&["expose", "deployment", "web", "--port=80", "--target-port=8080"]).expect_ok();
    let slice = ["endpointslices", "-l", "kubernetes.io/service-name=web"];
    eventually_fields(&shop, &slice, "{.items[*].endpoints[*].conditions.ready}", &["true", "true", "true"]);
    assert_eq!(fields(&shop, &slice, "{.items[*].ports[*].port}"), ["8080"]);
    check(
        &shop.run(&["describe", "deployment", "web"]).expect_ok(),
        &["ScalingReplicaSet", "MinimumReplicasAvailable"],
    );

    // A pod that goes is replaced.
    let pods = fields(&shop, &["pods"], "{.items[*].metadata.name}");
    shop.run(&["delete", "pod", &pods[0], "--wait=false"]).expect_ok();
    eventually("another pod", || {
        let now = fields(&shop, &running, "{.items[*].metadata.name}");
        if now.len() == 3 && !now.contains(&pods[0]) { Ok(()) } else { Err(format!("{now:?}")) }
    });

    shop.run(&["delete", "deployment", "web"]).expect_ok();
    eventually_fields(&shop, &["replicasets,pods"], "{.items[*].metadata.name}", &[]);
    node.kubectl().run(&["delete", "namespace", "shop", WAIT]).expect_ok();
}

const SETS: &str = "
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  replicas: 2
  serviceName: db
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: main, image: IMAGE, command: [sleep, '1000000'] }]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent }
spec:
  selector: { matchLabels: { app: agent } }
  template:
    metadata: { labels: { app: agent } }
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{ name: main, image: IMAGE, command: [sleep, '1000000'] }]
";

#[test]
fn jobs_end_sets_keep_their_names_and_quotas_count() {
    let node = Node::ready();
    let shop = shop(&node);
    let image = format!("--image={IMAGE}");
    shop.run(&["create", "job", "once", &image, "--", "true"]).expect_ok();
    shop.run(&["wait", "--for=condition=Complete", "job/once", WAIT]).expect_ok();
    shop.run(&["create", "cronjob", "tick", &image, "--schedule=0 0 1 1 *", "--", "true"]).expect_ok();
    shop.run(&["create", "job", "now", "--from=cronjob/tick"]).expect_ok();
    shop.run(&["wait", "--for=condition=Complete", "job/now", WAIT]).expect_ok();
    shop.run(&["create", "job", "never", &image, "--", "false"]).expect_ok();
    shop.run(&["patch", "job", "never", "--patch={\"spec\":{\"activeDeadlineSeconds\":1}}"]).expect_ok();
    shop.run(&["wait", "--for=condition=Failed", "job/never", WAIT]).expect_ok();
    check(&shop.run(&["get", "jobs"]).expect_ok(), &["Complete", "1/1", "Failed", "0/1"]);

    shop.run_with_input(&["apply", "-f", "-"], &SETS.replace("IMAGE", IMAGE)).expect_ok();
    rolled_out(&shop, "statefulset/db");
    rolled_out(&shop, "daemonset/agent");
    assert_eq!(fields(&shop, &["pods", "-l", "app=db"], "{.items[*].metadata.name}"), ["db-0", "db-1"]);
    shop.run(&["scale", "statefulset/db", "--replicas=1"]).expect_ok();
    eventually_fields(&shop, &["pods", "-l", "app=db"], "{.items[*].metadata.name}", &["db-0"]);
    shop.run(&["rollout", "restart", "daemonset/agent"]).expect_ok();
    rolled_out(&shop, "daemonset/agent");

    shop.run(&["create", "quota", "few", "--hard=count/secrets=1"]).expect_ok();
    eventually_fields(&shop, &["quota", "few"], "{.status.used}", &["{\"count/secrets\":\"0\"}"]);
    shop.run(&["create", "secret", "generic", "first"]).expect_ok();
    eventually_fields(&shop, &["quota", "few"], "{.status.used}", &["{\"count/secrets\":\"1\"}"]);
    let said = shop.run(&["create", "secret", "generic", "second"]).expect_failure();
    check(
        &said,
        &["exceeded quota: few, requested: count/secrets=1, used: count/secrets=1, limited: count/secrets=1"],
    );
    shop.run(&["delete", "secret", "first"]).expect_ok();
    eventually_fields(&shop, &["quota", "few"], "{.status.used}", &["{\"count/secrets\":\"0\"}"]);
    node.kubectl().run(&["delete", "namespace", "shop", WAIT]).expect_ok();
}

#[test]
fn nodes_are_cordoned_tainted_and_drained_within_a_budget() {
    let node = Node::ready();
    let kubectl = node.kubectl();
    let shop = shop(&node);
    let names = fields(&kubectl, &["nodes"], "{.items[*].metadata.name}");
    let name = names[0].as_str();
    create_deployment(&shop, "web", 1);

    kubectl.run(&["cordon", name]).expect_ok();
    shop.run(&["scale", "deployment/web", "--replicas=2"]).expect_ok();
    let pending = ["pods", "--field-selector=status.phase=Pending"];
    let message = "{.items[0].status.conditions[?(@.type=='PodScheduled')].message}";
    eventually("a word of why the pod waits", || {
        let said = fields(&shop, &pending, message).join(" ");
        if said.contains("1 node(s) were unschedulable") { Ok(()) } else { Err(said) }
    });
    kubectl.run(&["uncordon", name]).expect_ok();
    rolled_out(&shop, "deployment/web");

    shop.run(&["create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=2"])
        .expect_ok();
    eventually_fields(&shop, &["pdb", "web"], "{.status.currentHealthy}", &["2"]);
    let said = kubectl.run(&["drain", name, "--timeout=3s"]).expect_failure();
    check(&said, &["Cannot evict pod as it would violate the pod's disruption budget."]);
    shop.run(&["delete", "pdb", "web"]).expect_ok();
    let said = kubectl.run(&["drain", name, WAIT]).expect_ok();
    check(&said, &["drained"]);
    let unbound = "{.items[*].spec.nodeName}";
    eventually_fields(&shop, &["pods"], unbound, &[]);
    kubectl.run(&["uncordon", name]).expect_ok();
    rolled_out(&shop, "deployment/web");

    kubectl.run(&["taint", "nodes", name, "upkeep=now:NoExecute"]).expect_ok();
    eventually_fields(&shop, &["pods"], unbound, &[]);
    kubectl.run(&["taint", "nodes", name, "upkeep-"]).expect_ok();
    rolled_out(&shop, "deployment/web");
}

/// One whose memory it can be given anew only by a restart.
const RESIZED: &str = "
apiVersion: v1
kind: Pod
metadata: { name: web }
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: IMAGE
    command: [sh, -c, 'sleep 1000000 & wait']
    resources: { requests: { cpu: 10m, memory: 16Mi }, limits: { cpu: 100m, memory: 32Mi } }
    resizePolicy: [{ resourceName: memory, restartPolicy: RestartContainer }]
";

fn resize(kubectl: &Kubectl<'_>, resources: &str) {
    let patch = format!(r#"{{"spec":{{"containers":[{{"name":"main","resources":{resources}}}]}}}}"#);
    kubectl.run(&["patch", "pod", "web", "--subresource=resize", "--patch", &patch]).expect_ok();
}

#[test]
fn a_running_pod_is_resized_and_looked_into() {
    let node = Node::ready();
    let kubectl = node.kubectl();
    kubectl.run_with_input(&["apply", "-f", "-"], &RESIZED.replace("IMAGE", IMAGE)).expect_ok();
    kubectl.run(&["wait", "--for=condition=Ready", "pod/web", WAIT]).expect_ok();
    let pod = ["pod", "web"];
    let has =
        "{.status.containerStatuses[0]['restartCount','resources.limits.cpu','resources.limits.memory']}";
    resize(&kubectl, r#"{"limits":{"cpu":"200m"}}"#);
    eventually_fields(&kubectl, &pod, has, &["0", "200m", "32Mi"]);
    let quota = "cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null; true";
    check(&kubectl.run(&["exec", "web", "--", "sh", "-c", quota]).expect_ok(), &["20000"]);
    resize(&kubectl, r#"{"limits":{"memory":"48Mi"}}"#);
    eventually_fields(&kubectl, &pod, has, &["1", "200m", "48Mi"]);
    resize(&kubectl, r#"{"requests":{"cpu":"1000"},"limits":{"cpu":"1000"}}"#);
    eventually("a word of why not", || {
        let said = kubectl.run(&["describe", "pod", "web"]).expect_ok();
        let wanted = ["PodResizePending", "ResizeInfeasible", "ResizeCompleted", "resize requires restart"];
        if wanted.iter().all(|word| said.contains(word)) { Ok(()) } else { Err(said) }
    });
    assert_eq!(fields(&kubectl, &pod, has), ["1", "200m", "48Mi"]);
    assert_eq!(fields(&kubectl, &pod, "{.status.containerStatuses[0].allocatedResources.cpu}"), ["10m"]);

    // Who looks at a container sees its processes.
    let image = format!("--image={IMAGE}");
    let look = ["debug", "web", &image, "--profile=general", "--container=look", "--target=main"];
    kubectl.run(&[&look[..], &["--", "cat", "/proc/1/cmdline"]].concat()).expect_ok();
    let ended = "{.status.ephemeralContainerStatuses[0].state.terminated.reason}";
    eventually_fields(&kubectl, &pod, ended, &["Completed"]);
    check(&kubectl.run(&["logs", "web", "-c", "look"]).expect_ok(), &["1000000"]);
}

const METRICS: &str = r#"
apiVersion: v1
kind: Service
metadata: { name: metrics, namespace: kube-system }
spec: { ports: [{ port: 443, targetPort: 4443 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: metrics, namespace: kube-system, labels: { kubernetes.io/service-name: metrics } }
addressType: IPv4
ports: [{ name: "", port: 4443, protocol: TCP }]
endpoints: [{ addresses: [192.0.2.10], conditions: { ready: true } }]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v1beta1.metrics.k8s.io }
spec:
  group: metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  insecureSkipTLSVerify: true
  service: { name: metrics, namespace: kube-system }
"#;

/// A metrics server on the node, which says what its file says.
struct Metrics {
    server: Child,
    state: std::path::PathBuf,
}

impl Metrics {
    fn start(node: &Node) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/metrics_server.py");
        let state = node.path("metrics.json");
        fs::write(&state, json!({ "namespace": "shop", "pods": [], "cpu": "0" }).to_string()).unwrap();
        let mut command = node.machine.command("python3");
        command.arg(script).arg(node.path("certs/server.crt")).arg(node.path("certs/server.key"));
        let server = command.arg("4443").arg(&state).spawn().unwrap();
        node.kubectl().run_with_input(&["apply", "-f", "-"], METRICS).expect_ok();
        node.kubectl()
            .run(&["wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", WAIT])
            .expect_ok();
        Self { server, state }
    }

    fn tell(&self, pods: &[String], cpu: &str) {
        let state = json!({ "namespace": "shop", "pods": pods, "cpu": cpu }).to_string();
        let next = self.state.with_extension("next");
        fs::write(&next, state).unwrap();
        fs::rename(next, &self.state).unwrap();
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        // It may have ended with its machine.
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

#[test]
fn a_deployment_is_scaled_by_what_its_pods_use() {
    let mut node = Node::new();
    node.write("args/kube-controller-manager", "--horizontal-pod-autoscaler-sync-period=4s\n");
    node.start();
    node.wait_ready();
    node.import_image();
    let metrics = Metrics::start(&node);
    let shop = shop(&node);
    create_deployment(&shop, "web", 1);
    shop.run(&["set", "resources", "deployment/web", "--requests=cpu=10m"]).expect_ok();
    rolled_out(&shop, "deployment/web");
    shop.run(&["autoscale", "deployment", "web", "--min=1", "--max=3", "--cpu-percent=50"]).expect_ok();
    eventually("three replicas", || {
        let pods = fields(&shop, &["pods"], "{.items[*].metadata.name}");
        metrics.tell(&pods, "30m");
        let hpa: Value =
            serde_json::from_str(&shop.run(&["get", "hpa", "web", "-o", "json"]).expect_ok()).unwrap();
        if hpa["status"]["desiredReplicas"] == 3 { Ok(()) } else { Err(hpa["status"].to_string()) }
    });
    rolled_out(&shop, "deployment/web");
    eventually_fields(&shop, &["deployment", "web"], "{.status.readyReplicas}", &["3"]);
    eventually("a word of what was done", || {
        let said = shop.run(&["describe", "hpa", "web"]).expect_ok();
        let wanted = ["SuccessfulRescale", "New size: 3", "ScalingActive"];
        if wanted.iter().all(|word| said.contains(word)) { Ok(()) } else { Err(said) }
    });
}
