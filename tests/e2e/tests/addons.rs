//! Addons on a whole node, as an operator has them: shown by kubectl, by the command line and in the metrics, and none of
//! them changed by anybody else.

use support::{Kubectl, Node, eventually};

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    for expected in expected {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

fn addons(kubectl: &Kubectl<'_>) -> String {
    kubectl.run(&["get", "addons", "-o", "custom-columns=N:.metadata.name,S:.status.state"]).stdout
}

#[test]
fn addons_are_shown_and_a_hardening_is_exactly_undone() {
    let mut node = Node::new();
    node.write("credentials/known_tokens.csv", "clerks-token,clerk,1,\"clerks\"\n");
    node.start();
    node.wait_ready();
    let admin = node.kubectl();
    eventually("the addons as objects", || {
        let told = addons(&admin);
        let wanted = ["auth-token", "cis-hardening", "rbac", "Enabled", "Disabled"];
        if wanted.iter().all(|word| told.contains(word)) { Ok(()) } else { Err(told) }
    });
    let said = admin.run(&["delete", "addon", "rbac"]).expect_failure();
    check(&said, &["forbidden", "mk8s-host plugin"]);

    let before = node.ask(&["config", "show"]).expect_ok();
    let said = node.ask(&["plugin", "diff", "cis-hardening"]).expect_ok();
    check(&said, &["--audit-log-maxage: 366 -> 30", "--token-auth-file"]);
    node.ask(&["plugin", "enable", "cis-hardening"]).expect_ok();
    check(&node.ask(&["config", "show"]).expect_ok(), &["audit-policy.yaml", "addon cis-hardening"]);
    let said = node.ask(&["plugin", "logs", "cis-hardening"]).expect_ok();
    check(&said, &["FAIL 1.2.8", "PASS 1.2.14"]);
    admin.run(&["create", "configmap", "audited"]).expect_ok();
    eventually("the audit", || {
        let log = std::fs::read_to_string(node.path("var/log/apiserver/audit.log")).unwrap_or_default();
        if log.contains("\"name\":\"audited\"") { Ok(()) } else { Err(format!("{} bytes", log.len())) }
    });
    node.kubectl_as("clerks-token").run(&["get", "pods"]).expect_failure();
    node.ask(&["plugin", "disable", "cis-hardening"]).expect_ok();
    assert_eq!(node.ask(&["config", "show"]).expect_ok(), before);
    node.kubectl_as("clerks-token").run(&["get", "pods"]).expect_ok();

    node.ask(&["plugin", "enable", "rbac"]).expect_ok();
    let role = ["create", "clusterrole", "editors", "--verb=create", "--resource=roles"];
    admin.run(&role).expect_ok();
    admin
        .run(&["create", "clusterrolebinding", "editors", "--clusterrole=editors", "--user=clerk"])
        .expect_ok();
    let clerk = node.kubectl_as("clerks-token");
    eventually("no more than the clerk holds", || {
        let said = clerk.run(&["create", "role", "more", "--verb=get", "--resource=secrets"]).stderr;
        match said.contains("is attempting to grant RBAC permissions not currently held") {
            true => Ok(()),
            false => Err(said),
        }
    });
    check(&admin.run(&["get", "--raw", "/metrics"]).expect_ok(), &["mk8s_addon_calls_total{addon=\"rbac\""]);
    check(&node.ask(&["plugin", "info", "rbac"]).expect_ok(), &["authorizer", "dry-run"]);
}

const CAREFUL: &str = r#"{"apiVersion":"v1","kind":"Pod",
    "metadata":{"name":"NAME","labels":{"example.com/interruptible":"false"}},
    "spec":{"containers":[{"name":"c","image":"example.com/none:1"}]}}"#;

/// The node of a pod, and why it has none.
fn placed(kubectl: &Kubectl<'_>, name: &str) -> String {
    const CONDITION: &str = "{.spec.nodeName}|{.status.conditions[?(@.type==\"PodScheduled\")].message}";
    kubectl.run(&["get", "pod", name, "-o", &format!("jsonpath={CONDITION}")]).stdout
}

#[test]
fn an_addon_keeps_pods_off_a_node_until_it_is_told_otherwise_or_disabled() {
    let mut node = Node::new();
    node.start();
    node.wait_ready();
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/plugins/maintenance.wasm");
    let said = node.ask(&["plugin", "install", "--yes", component]).expect_ok();
    let say = "says where pods labelled example.com/interruptible=false may go; they wait while it fails";
    check(&said, &[say, "reads every object of nodes"]);
    let admin = node.kubectl();
    let name = admin.run(&["get", "nodes", "-o", "jsonpath={.items[0].metadata.name}"]).expect_ok();
    let annotate = |value: &str| {
        admin.run(&["annotate", "--overwrite", "node", &name, value]).expect_ok();
    };
    let create = |pod: &str| {
        admin.run_with_input(&["create", "-f", "-"], &CAREFUL.replace("NAME", pod)).expect_ok();
    };
    let is_refused = |pod: &str| {
        eventually("why the pod waits", || match placed(&admin, pod) {
            told if told.starts_with(
                "|0/1 nodes are available: 1 node(s) were about to be serviced. no new claims",
            ) =>
            {
                Ok(())
            }
            told => Err(told),
        });
    };
    let has_node = |pod: &str| {
        eventually("the node of the pod", || match placed(&admin, pod) {
            told if told.starts_with(&format!("{name}|")) => Ok(()),
            told => Err(told),
        });
    };
    annotate("example.com/maintenance=today");
    create("first");
    is_refused("first");
    annotate("example.com/maintenance-");
    has_node("first");
    annotate("example.com/maintenance=today");
    create("second");
    is_refused("second");
    node.ask(&["plugin", "disable", "maintenance"]).expect_ok();
    has_node("second");
}
