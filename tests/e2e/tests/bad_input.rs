//! What wrong input gets: one clear error that names the thing and the way out, and nothing changed.

use std::fs;

use support::{Node, eventually};

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
