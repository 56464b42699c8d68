//! What wrong input gets: one clear error that names the thing and the way out, and nothing changed.

use std::fs;
use std::time::{Duration, SystemTime};

use support::{Node, eventually, guest};

/// What a host that does not start says.
#[track_caller]
fn refusal(node: &Node) -> String {
    let said = node.run_to_end().expect_failure();
    assert!(said.contains("mk8s-host: "), "{said}");
    said
}

#[track_caller]
fn check(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}

#[test]
fn every_port_in_use_is_told_at_once_with_its_service_and_who_holds_it() {
    let node = Node::new();
    let mut holders = ["16443", "10250"].map(|port| {
        let mut holder = node.machine.command("busybox");
        holder.args(["nc", "-l", "-p", port]).spawn().unwrap()
    });
    eventually("the ports to be taken", || {
        let table = |name| fs::read_to_string(format!("/proc/{}/net/{name}", node.machine.first())).unwrap();
        let listening = table("tcp") + &table("tcp6");
        let taken = [16443, 10250].iter().all(|port: &u16| {
            listening.lines().any(|line| line.contains(&format!(":{port:04X} ")) && line.contains(" 0A "))
        });
        if taken { Ok(()) } else { Err(listening) }
    });
    check(
        &refusal(&node),
        &[
            "*:16443/tcp for kube-apiserver is in use by busybox (pid ",
            "*:10250/tcp for kubelet is in use by busybox (pid ",
            "give kubelet another port in args/kubelet",
        ],
    );
    for holder in &mut holders {
        holder.kill().unwrap();
        holder.wait().unwrap();
    }
}

#[test]
fn malformed_arguments_name_file_line_and_text() {
    let node = Node::new();
    node.write("args/kube-apiserver", "--secure-port=https\nauthorization-mode=RBAC\n");
    node.write("args/kubelet", "--max-podz=3\n");
    check(
        &refusal(&node),
        &[
            "args/kube-apiserver:1: kube-apiserver --secure-port takes a port, from 0 to 65535, not \"https\"",
            "args/kube-apiserver:2: an argument begins with `--`: \"authorization-mode=RBAC\"",
            "args/kubelet:1: kubelet has no flag --max-podz",
        ],
    );
}

#[test]
fn a_second_host_on_one_data_directory_is_told_of_the_first() {
    let mut node = Node::new();
    node.start();
    node.wait_unit("datastore", "ready");
    check(&refusal(&node), &["is in use by process ", "stop it first, or choose another data directory"]);
}

#[test]
fn a_data_directory_of_somebody_else_is_refused() {
    let node = Node::new();
    fs::create_dir(node.data_dir()).unwrap();
    std::os::unix::fs::chown(node.data_dir(), Some(65534), None).unwrap();
    check(&refusal(&node), &["belongs to uid 65534 and this is uid 0", "--data-dir"]);
}

#[test]
fn a_read_only_data_directory_is_refused() {
    let node = Node::new();
    fs::create_dir(node.data_dir()).unwrap();
    let mut mount = node.machine.command("mount");
    let mounted = mount.args(["-t", "tmpfs", "-o", "ro", "tmpfs"]).arg(node.data_dir()).status().unwrap();
    assert!(mounted.success());
    check(&refusal(&node), &["cannot write ", "make it writable, or choose another with --data-dir"]);
}

#[test]
fn an_expired_ca_stops_the_start_and_a_refresh_mends_it() {
    let mut node = Node::new();
    for folder in ["certs", "credentials"] {
        fs::create_dir_all(node.path(folder)).unwrap();
    }
    let facts = pki::Facts {
        node_name: "box".to_owned(),
        addresses: Vec::new(),
        service_address: [10, 152, 183, 1].into(),
        api_port: 16443,
    };
    let eleven_years = Duration::from_secs(11 * 365 * 24 * 60 * 60);
    pki::Pki::new(&node.data_dir()).ensure(&facts, SystemTime::now() - eleven_years).unwrap();
    check(&refusal(&node), &["certs/ca.crt expired at ", "`mk8s-host refresh-certs --cert ca.crt`"]);
    for authority in ["ca.crt", "front-proxy-ca.crt", "etcd-ca.crt"] {
        node.ask(&["refresh-certs", "--cert", authority]).expect_ok();
    }
    node.start();
    node.wait_ready();
    node.kubectl().run(&["get", "nodes"]).expect_ok();
}

#[test]
fn a_line_with_too_few_fields_is_named_and_the_rest_is_in_force() {
    let mut node = Node::new();
    node.write("credentials/known_tokens.csv", "lonely\nclerks-token,clerk,1\n");
    node.start();
    node.wait_ready();
    node.kubectl_as("clerks-token").run(&["get", "pods"]).expect_ok();
    check(&node.log(), &["credentials/known_tokens.csv:1: the line "]);
}

#[test]
fn what_is_no_addon_is_refused_and_nothing_is_changed() {
    let mut node = Node::new();
    node.start();
    node.wait_ready();
    let before = node.ask(&["plugin", "list"]).expect_ok();
    let install = |file: &str, content: &[u8]| {
        node.write_bytes(file, content);
        node.ask(&["plugin", "install", "--yes", &node.path(file).to_string_lossy()]).expect_failure()
    };
    check(&install("script.wasm", b"#!/bin/sh\n"), &["it is no WebAssembly"]);
    check(&install("core.wasm", b"\0asm\x01\0\0\0"), &["it is a core module"]);
    check(&install("greedy.wasm", &guest("greedy")), &["kube"]);
    check(&install("empty.wasm", b""), &["empty.wasm is an empty file"]);
    let missing = node.ask(&["plugin", "install", "./nowhere.wasm"]).expect_failure();
    check(&missing, &["there is no file ./nowhere.wasm"]);
    check(&node.ask(&["plugin", "install", "nobody"]).expect_failure(), &["nobody"]);
    assert_eq!(node.ask(&["plugin", "list"]).expect_ok(), before);
}

#[test]
fn while_every_authenticator_fails_strangers_stay_strangers() {
    let mut node = Node::new();
    node.start();
    node.wait_ready();
    node.write_bytes("hostile.wasm", &guest("hostile"));
    node.ask(&["plugin", "install", "--yes", &node.path("hostile.wasm").to_string_lossy()]).expect_ok();
    for addon in ["auth-token", "auth-x509"] {
        node.ask(&["plugin", "disable", addon]).expect_ok();
    }
    let raw = |token: &str, port: &str, path: &str| {
        let server = format!("--server=https://127.0.0.1:{port}");
        let stranger = node.kubectl_as(token);
        stranger.with(&[&server, "--insecure-skip-tls-verify=true"]).run(&["get", "--raw", path])
    };
    raw("alice", "16443", "/api/v1/pods").expect_ok();
    for _ in 0..3 {
        raw("trap", "16443", "/api/v1/pods").expect_failure();
    }
    for (port, path) in [("16443", "/api/v1/pods"), ("10250", "/pods")] {
        check(&raw("bob", port, path).expect_failure(), &["You must be logged in to the server"]);
    }
    check(&node.ask(&["status"]).stdout, &["hostile", "quarantined"]);
    node.ask(&["plugin", "enable", "auth-x509"]).expect_ok();
    node.kubectl().run(&["get", "nodes"]).expect_ok();
}

#[test]
fn without_containerd_the_control_plane_runs_and_says_what_to_install() {
    let mut node = Node::new();
    for program in ["/usr/bin/containerd", "/usr/local/bin/containerd"] {
        if fs::exists(program).unwrap() {
            let mut hide = node.machine.command("mount");
            assert!(hide.args(["--bind", "/dev/null", program]).status().unwrap().success());
        }
    }
    node.start();
    let unit = node.wait_unit("containerd", "backing-off");
    check(unit["message"].as_str().unwrap(), &["cannot find containerd", "apt-get install containerd runc"]);
    node.wait_unit("kubelet", "ready");
    let kubectl = node.kubectl();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: { name: stuck }\nspec: { nodeName: NODE, containers: [{ name: main, image: none }] }";
    let name = node.status()["node"].as_str().unwrap().to_owned();
    kubectl.run_with_input(&["create", "-f", "-"], &pod.replace("NODE", &name)).expect_ok();
    eventually("the pod's event", || {
        let events = kubectl.run(&["get", "events"]).stdout;
        if events.contains("apt-get install containerd runc") { Ok(()) } else { Err(events) }
    });
}
