//! A node from an empty folder, driven by the real kubectl: what a user does on the first day.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::fs;

use serde_json::Value;
use support::{IMAGE, Kubectl, Node, eventually};

/// Two pods by hand: a server that goes on with files from a ConfigMap and a Secret, and a task that ends.
fn manifests() -> String {
    format!(
        r#"
apiVersion: v1
kind: ConfigMap
metadata: {{ name: settings, namespace: shop }}
data: {{ greeting: hello from a configmap }}
---
apiVersion: v1
kind: Secret
metadata: {{ name: key, namespace: shop }}
stringData: {{ password: correct horse }}
---
apiVersion: v1
kind: Pod
metadata: {{ name: web, namespace: shop, labels: {{ app: web }} }}
spec:
  terminationGracePeriodSeconds: 1
  volumes:
  - {{ name: settings, configMap: {{ name: settings }} }}
  - {{ name: key, secret: {{ secretName: key }} }}
  - {{ name: scratch, emptyDir: {{}} }}
  containers:
  - name: server
    image: {IMAGE}
    command: [sh, -c]
    args: ["cat /settings/greeting; echo; echo $(PASSWORD) for $WHO; echo scratch > /scratch/file; exec sleep 1000000"]
    env:
    - {{ name: WHO, value: everybody }}
    - {{ name: PASSWORD, valueFrom: {{ secretKeyRef: {{ name: key, key: password }} }} }}
    volumeMounts:
    - {{ name: settings, mountPath: /settings }}
    - {{ name: key, mountPath: /key }}
    - {{ name: scratch, mountPath: /scratch }}
  - name: reader
    image: {IMAGE}
    command: [sleep, "1000000"]
    volumeMounts:
    - {{ name: scratch, mountPath: /scratch }}
---
apiVersion: v1
kind: Pod
metadata: {{ name: task, namespace: shop, labels: {{ app: task }} }}
spec:
  restartPolicy: Never
  containers:
  - {{ name: main, image: {IMAGE}, command: [sh, -c, "echo done; exit 3"] }}
"#
    )
}

fn shop(node: &Node) -> Kubectl<'_> {
    node.kubectl().with(&["--namespace=shop"])
}

fn start_shop(node: &Node) {
    node.kubectl().run(&["create", "namespace", "shop"]).expect_ok();
    shop(node).run_with_input(&["apply", "-f", "-"], &manifests()).expect_ok();
    shop(node).run(&["wait", "--for=condition=Ready", "pod/web", "--timeout=60s"]).expect_ok();
}

/// Which containers a pod has, and how often they were started.
fn containers(node: &Node, pod: &str) -> Vec<(String, u64)> {
    let text = shop(node).run(&["get", "pod", pod, "-o", "json"]).expect_ok();
    let pod: Value = serde_json::from_str(&text).unwrap();
    let statuses = pod["status"]["containerStatuses"].as_array().unwrap();
    let seen = |status: &Value| {
        (status["containerID"].as_str().unwrap().to_owned(), status["restartCount"].as_u64().unwrap())
    };
    statuses.iter().map(seen).collect()
}

#[track_caller]
fn check(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn kubectl_creates_reads_changes_and_deletes_pods() {
    let node = Node::ready();
    let kubectl = node.kubectl();
    kubectl.run(&["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"]).expect_ok();
    start_shop(&node);
    let shop = shop(&node);

    check(&shop.run(&["get", "pods", "-o", "wide"]).expect_ok(), &["NOMINATED NODE", "2/2", "Running"]);
    let phase = ["get", "pod", "task", "-o", "jsonpath={.status.phase}"];
    eventually("the task's end", || match shop.run(&phase).stdout.as_str() {
        "Failed" => Ok(()),
        other => Err(other.to_owned()),
    });
    let exit = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}";
    assert_eq!(shop.run(&["get", "pod", "task", "-o", exit]).expect_ok(), "3");

    let said = shop.run(&["describe", "pod", "web"]).expect_ok();
    check(
        &said,
        &[
            "Status:           Running",
            "Restart Count:  0",
            "Successfully assigned shop/web to",
            "Container started",
        ],
    );
    let said = shop.run(&["logs", "web", "-c", "server"]).expect_ok();
    assert_eq!(said, "hello from a configmap\ncorrect horse for everybody\n");
    let said = shop.run(&["logs", "web"]).expect_ok();
    assert!(said.contains("hello from a configmap"), "the first container is the default: {said}");
    assert_eq!(
        shop.run(&["exec", "web", "-c", "reader", "--", "cat", "/scratch/file"]).expect_ok(),
        "scratch\n"
    );
    let said = shop.run_with_input(&["exec", "-i", "web", "-c", "server", "--", "cat"], "x\n").expect_ok();
    assert_eq!(said, "x\n");
    let said = shop.run(&["exec", "web", "-c", "server", "--", "sh", "-c", "exit 7"]).expect_failure();
    check(&said, &["exit code 7"]);

    check(
        &kubectl.run(&["explain", "pod.spec"]).expect_ok(),
        &["KIND:       Pod", "containers", "-required-"],
    );
    check(&kubectl.run(&["api-resources"]).expect_ok(), &["configmaps", "clusterrolebindings"]);

    let changed = manifests().replace("hello from", "greetings from");
    let said = shop.run_with_input(&["diff", "-f", "-"], &changed);
    check(&said.stdout, &["-  greeting: hello from a configmap", "+  greeting: greetings from a configmap"]);
    assert_eq!(shop.run_with_input(&["diff", "-f", "-"], &manifests()).expect_ok(), "");
    let editor = "busybox sed -i s/hello/good.evening/";
    shop.with_env("KUBE_EDITOR", editor).run(&["edit", "configmap", "settings"]).expect_ok();
    let said = shop.run(&["get", "configmap", "settings", "-o", "jsonpath={.data.greeting}"]).expect_ok();
    assert_eq!(said, "good.evening from a configmap");
    shop.run(&["label", "pod", "web", "tier=front"]).expect_ok();
    check(&shop.run(&["get", "pods", "-l", "tier=front"]).expect_ok(), &["web"]);

    shop.run(&["delete", "pod", "web", "--timeout=60s"]).expect_ok();
    kubectl.run(&["delete", "namespace", "shop", "--timeout=60s"]).expect_ok();
    check(&kubectl.run(&["get", "namespace", "shop"]).expect_failure(), &["namespaces \"shop\" not found"]);
}

#[test]
fn rbac_is_turned_on_and_off_without_a_restart() {
    let mut node = Node::new();
    node.write("credentials/known_tokens.csv", "clerks-token,clerk,1,\"clerks\"\nkeepers-token,keeper,2\n");
    node.start();
    node.wait_ready();
    let admin = node.kubectl();
    let (clerk, keeper) = (node.kubectl_as("clerks-token"), node.kubectl_as("keepers-token"));
    clerk.run(&["get", "pods"]).expect_ok();
    let nobody = node.kubectl_as("nobodys-token");
    check(&nobody.run(&["get", "--raw", "/api/v1/pods"]).expect_failure(), &["Unauthorized"]);
    admin
        .run(&["create", "clusterrolebinding", "keepers", "--clusterrole=view", "--user=keeper"])
        .expect_ok();
    let mut watching = keeper.watch(&["get", "configmaps", "--watch", "-o", "name"]);
    watching.line_with("kube-root-ca.crt");

    let said = node.ask(&["plugin", "install", "rbac.wasm"]).expect_ok();
    check(&said, &["--authorization-mode: AlwaysAllow -> RBAC,Node", "addon rbac is installed and enabled"]);
    let said = clerk.run(&["get", "pods"]).expect_failure();
    let forbidden = "Error from server (Forbidden): pods is forbidden: User \"clerk\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"";
    assert_eq!(said.trim(), forbidden);
    keeper.run(&["get", "pods"]).expect_ok();
    assert_eq!(clerk.run(&["auth", "can-i", "list", "pods"]).stdout.trim(), "no");
    assert_eq!(keeper.run(&["auth", "can-i", "list", "pods"]).stdout.trim(), "yes");
    check(&keeper.run(&["auth", "can-i", "--list"]).expect_ok(), &["configmaps", "[get list watch]"]);
    admin.run(&["create", "configmap", "later"]).expect_ok();
    watching.line_with("configmap/later");
    assert!(watching.is_running(), "an open watch was broken");
    let said = node.ask(&["config", "show", "kube-apiserver"]).expect_ok();
    check(&said, &["--authorization-mode=RBAC,Node", "addon rbac", "instead of AlwaysAllow (default)"]);
    let unit = node.wait_unit("apiserver", "ready");
    assert_eq!(unit["restarts"], 0, "the API server was restarted");

    admin.run(&["create", "rolebinding", "clerks", "--clusterrole=view", "--group=clerks"]).expect_ok();
    eventually("the clerk's new right", || {
        let answer = clerk.run(&["get", "pods"]);
        if answer.ok { Ok(()) } else { Err(answer.stderr) }
    });

    node.ask(&["plugin", "disable", "rbac"]).expect_ok();
    clerk.run(&["get", "nodes"]).expect_ok();
    let said = node.ask(&["config", "show", "kube-apiserver"]).expect_ok();
    check(&said, &["--authorization-mode=AlwaysAllow"]);
    assert!(!said.contains("addon rbac"), "{said}");
}

#[test]
fn kill_9_loses_nothing_and_restarts_no_pod() {
    let mut node = Node::ready();
    start_shop(&node);
    shop(&node).run(&["create", "configmap", "written", "--from-literal=a=b"]).expect_ok();
    let before = containers(&node, "web");
    node.kill();
    node.start();
    node.wait_ready();
    shop(&node).run(&["get", "configmap", "written"]).expect_ok();
    shop(&node).run(&["wait", "--for=condition=Ready", "pod/web", "--timeout=60s"]).expect_ok();
    assert_eq!(containers(&node, "web"), before);
    assert_eq!(
        shop(&node).run(&["exec", "web", "-c", "reader", "--", "cat", "/scratch/file"]).expect_ok(),
        "scratch\n"
    );

    node.stop();
    node.start();
    node.wait_ready();
    assert_eq!(containers(&node, "web"), before, "after an orderly stop");
}

#[test]
fn a_new_name_is_valid_while_a_watch_stays_open() {
    let node = Node::ready();
    let kubectl = node.kubectl();
    let mut watching = kubectl.watch(&["get", "configmaps", "--watch", "-o", "name"]);
    watching.line_with("kube-root-ca.crt");
    let named = kubectl.with(&["--server=https://127.0.0.1:16443", "--tls-server-name=mydomain.com"]);
    check(&named.run(&["get", "nodes"]).expect_failure(), &["mydomain.com"]);

    let template = node.path("certs/csr.conf.template");
    let text = fs::read_to_string(&template).unwrap();
    fs::write(&template, text.replace("#MOREIPS", "DNS.6 = mydomain.com\n#MOREIPS")).unwrap();
    let said = node.ask(&["refresh-certs", "--cert", "server.crt"]).expect_ok();
    assert_eq!(said, "issued server.crt\n");
    named.run(&["get", "nodes"]).expect_ok();
    kubectl.run(&["create", "configmap", "after"]).expect_ok();
    watching.line_with("configmap/after");
    assert!(watching.is_running(), "an open watch was broken");

    fs::write(&template, "[ alt_names ]\nDNS.1 mydomain.com\n").unwrap();
    let said = node.ask(&["refresh-certs", "--cert", "server.crt"]).expect_failure();
    check(&said, &["csr.conf.template:2", "the old certificate stays in force"]);
    named.run(&["get", "nodes"]).expect_ok();
}

#[test]
fn the_hardened_profile_runs_under_rbac_from_its_first_second() {
    let mut node = Node::new();
    node.start_with(&["--profile=hardened"]);
    node.wait_ready();
    node.import_image();
    start_shop(&node);
    check(&node.ask(&["status"]).expect_ok(), &["authorization:  RBAC,Node"]);
    let kubectl = node.kubectl();
    kubectl.run(&["delete", "namespace", "shop", "--timeout=60s"]).expect_ok();
    let account = ["auth", "can-i", "list", "secrets", "--as=system:serviceaccount:default:default"];
    assert_eq!(kubectl.run(&account).stdout.trim(), "no");
}

#[test]
fn without_root_there_is_a_control_plane() {
    let mut node = Node::new();
    node.start_as(65534);
    node.wait_ready();
    let said = node.ask(&["status"]).expect_ok();
    check(&said, &["not run by root: this is a control plane without a kubelet"]);
    assert!(!said.contains("10250"), "{said}");
    node.kubectl().run(&["create", "configmap", "written"]).expect_ok();
    node.stop();
}
