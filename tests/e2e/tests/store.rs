//! The store from outside: the real etcdctl on its port and socket, its files in the hands of an operator, and a real etcd
//! in its place.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Answer, Etcd, Node, eventually};

const CLIENT: &str = "certs/apiserver-etcd-client";

/// etcdctl on the port for clients, with a certificate of the data directory.
fn etcdctl(node: &Node, certificate: &str, arguments: &[&str]) -> Answer {
    let mut command = node.machine.command("etcdctl");
    command.env("ETCDCTL_API", "3").args(["--endpoints=https://127.0.0.1:12379", "--command-timeout=10s"]);
    command.arg("--cacert").arg(node.path("certs/ca.crt"));
    command.arg("--cert").arg(node.path(&format!("{certificate}.crt")));
    command.arg("--key").arg(node.path(&format!("{certificate}.key"))).args(arguments);
    Answer::of(command, "")
}

/// etcdctl as root, on the socket. Its name has no slash, since old releases of etcdctl put it where HTTP has the host.
fn etcdctl_local(node: &Node, arguments: &[&str]) -> Answer {
    let mut command = node.machine.command("sh");
    command.args(["-c", "cd \"$0\" && exec etcdctl --endpoints=unix://etcd.sock \"$@\""]);
    command.env("ETCDCTL_API", "3").arg(node.path("run")).args(arguments);
    Answer::of(command, "")
}

fn control_plane() -> Node {
    let mut node = Node::new();
    node.start();
    node.wait_unit("controllers", "ready");
    node
}

fn resource_version(node: &Node, name: &str) -> i64 {
    let kubectl = node.kubectl();
    let text =
        kubectl.run(&["get", "configmap", name, "-o", "jsonpath={.metadata.resourceVersion}"]).expect_ok();
    text.parse().unwrap()
}

fn create(node: &Node, name: &str) {
    node.kubectl().run(&["create", "configmap", name, "--from-literal=k=v"]).expect_ok();
}

#[test]
fn etcdctl_speaks_to_the_store_with_a_certificate_of_its_ca_alone() {
    let node = control_plane();
    assert_eq!(etcdctl(&node, CLIENT, &["put", "/elsewhere", "1"]).expect_ok(), "OK\n");
    assert_eq!(etcdctl_local(&node, &["get", "--print-value-only", "/elsewhere"]).expect_ok(), "1\n");
    create(&node, "seen");
    let stored = etcdctl(&node, CLIENT, &["get", "--print-value-only", "/registry/configmaps/default/seen"]);
    let stored: Value = serde_json::from_str(&stored.expect_ok()).unwrap();
    assert_eq!(stored["data"]["k"], "v");
    assert!(etcdctl(&node, CLIENT, &["endpoint", "health"]).expect_ok().is_empty());
    let members = etcdctl(&node, CLIENT, &["member", "list"]).expect_ok();
    assert_eq!(members.lines().count(), 1, "{members}");

    for stranger in ["certs/client", "certs/kubelet", "certs/server", "certs/front-proxy-client"] {
        let refused = etcdctl(&node, stranger, &["get", "/elsewhere"]).expect_failure();
        assert!(refused.contains("client certificate is not of etcd-ca"), "{stranger}: {refused}");
    }
}

#[test]
fn what_is_written_through_etcd_is_seen_by_watchers_of_the_api() {
    let node = control_plane();
    create(&node, "a");
    let key = "/registry/configmaps/default/a";
    let stored = etcdctl_local(&node, &["get", "--print-value-only", key]).expect_ok();
    let changed = stored.trim().replace("\"k\":\"v\"", "\"k\":\"changed\"");
    etcdctl_local(&node, &["put", key, &changed]).expect_ok();
    let value = node.kubectl().run(&["get", "configmap", "a", "-o", "jsonpath={.data.k}"]).expect_ok();
    assert_eq!(value, "changed");
    etcdctl_local(&node, &["del", key]).expect_ok();
    assert!(node.kubectl().run(&["get", "configmap", "a"]).expect_failure().contains("NotFound"));
}

#[test]
fn a_snapshot_is_one_of_etcds_and_restoring_it_makes_clients_read_anew() {
    let mut node = control_plane();
    create(&node, "kept");
    let snapshot = node.path("kept.db");
    let snapshot = snapshot.to_str().unwrap();
    let said = node.ask(&["db", "snapshot", snapshot]).expect_ok();
    assert!(said.starts_with(&format!("wrote {snapshot} (")), "{said}");
    let mut status = node.machine.command("etcdctl");
    status.env("ETCDCTL_API", "3").args(["snapshot", "status", snapshot]);
    Answer::of(status, "").expect_ok();
    create(&node, "lost");
    let before = resource_version(&node, "lost");

    let running = node.ask(&["db", "restore", snapshot]).expect_failure();
    assert!(running.contains("in use by process"), "{running}");
    node.stop();
    let missing = node.ask(&["db", "restore", "/no/such/file"]).expect_failure();
    assert!(missing.contains("/no/such/file"), "{missing}");
    let said = node.ask(&["db", "restore", snapshot]).expect_ok();
    assert!(said.contains("the store of before is in "), "{said}");
    assert!(node.ask(&["db", "check"]).expect_ok().starts_with("sound: revision 10000"));
    node.start();
    node.wait_unit("controllers", "ready");
    assert!(node.kubectl().run(&["get", "configmap", "lost"]).expect_failure().contains("NotFound"));
    create(&node, "after");
    assert!(resource_version(&node, "after") > before + 1_000_000_000);
    assert!(resource_version(&node, "kept") < before);
    let stale = format!("/api/v1/namespaces/default/configmaps?watch=true&resourceVersion={before}");
    let gone = node.kubectl().run(&["get", "--raw", &stale]);
    assert!(format!("{gone:?}").contains("too old resource version"), "{gone:?}");
}

#[test]
fn the_operators_commands_say_what_they_did_and_what_to_do() {
    let mut node = control_plane();
    let status: Value =
        serde_json::from_str(&node.ask(&["db", "status", "--format=json"]).expect_ok()).unwrap();
    let revision = status["revision"].as_i64().unwrap();
    assert!(revision > 1 && status["alarms"].as_array().unwrap().is_empty(), "{status}");
    let said = node.ask(&["db", "compact"]).expect_ok();
    assert!(said.starts_with("nothing before revision "), "{said}");
    let again = node.ask(&["db", "compact", "2"]).expect_failure();
    assert!(again.contains("required revision has been compacted"), "{again}");
    node.ask(&["db", "defrag"]).expect_ok();
    assert_eq!(node.ask(&["db", "disarm"]).expect_ok(), "no alarm is raised\n");
    node.stop();
    let stopped = node.ask(&["db", "status"]).expect_failure();
    assert!(stopped.contains("start `mk8s-host run`") && stopped.contains("db check"), "{stopped}");
    assert!(node.ask(&["db", "check"]).expect_ok().starts_with("sound: revision "));

    let files = std::fs::read_dir(node.path("var/kubernetes/backend")).unwrap();
    let logs = files.map(|entry| entry.unwrap().path()).filter(|path| name(path).starts_with("log-"));
    let log = logs.min().unwrap();
    let mut content = std::fs::read(&log).unwrap();
    content[100] ^= 1;
    std::fs::write(&log, content).unwrap();
    let damaged = node.ask(&["db", "check"]).expect_failure();
    assert!(damaged.contains(name(&log).as_str()) && damaged.contains("db restore"), "{damaged}");
    let refused = node.run_to_end().expect_failure();
    assert!(refused.contains("is damaged at byte"), "{refused}");
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The flags of an API server on a real etcd.
fn on_etcd(node: &Node, etcd: &Etcd) {
    let certificate = |name: &str| node.path(&format!("certs/{name}")).display().to_string();
    let flags = format!(
        "--etcd-servers={}\n--etcd-cafile={}\n--etcd-certfile={}\n--etcd-keyfile={}\n",
        etcd.endpoint(),
        certificate("ca.crt"),
        certificate("apiserver-etcd-client.crt"),
        certificate("apiserver-etcd-client.key"),
    );
    node.write("args/kube-apiserver", &flags);
}

#[test]
fn the_whole_state_goes_to_an_etcd_and_back_with_every_revision() {
    let mut node = control_plane();
    create(&node, "moved");
    let version = resource_version(&node, "moved");
    node.stop();
    let file = node.path("moved.db");
    let file = file.to_str().unwrap();
    let said = node.ask(&["db", "migrate", "--from", "embedded", "--to", file]).expect_ok();
    assert!(said.contains("etcdutl snapshot restore"), "{said}");
    let folder = node.path("etcd");
    let mut restore = node.machine.command("etcdctl");
    restore.env("ETCDCTL_API", "3").args(["snapshot", "restore", file, "--data-dir"]).arg(&folder);
    Answer::of(restore, "").expect_ok();

    let mut etcd = Etcd::start(&node, &folder);
    on_etcd(&node, &etcd);
    node.start();
    node.wait_unit("controllers", "ready");
    let sockets = node.status()["sockets"].to_string();
    assert!(!sockets.contains("12379"), "{sockets}");
    for command in ["status", "snapshot", "defrag"] {
        let said = node.ask(&["db", command]).expect_failure();
        assert!(
            said.contains("kube-apiserver --etcd-servers") && said.contains("etcdctl --endpoints="),
            "{said}"
        );
    }
    assert_eq!(resource_version(&node, "moved"), version);
    create(&node, "made-there");
    let found = etcd.ctl(&["get", "--keys-only", "/registry/configmaps/default/made-there"]).expect_ok();
    assert_eq!(found.trim(), "/registry/configmaps/default/made-there");

    etcd.restart();
    eventually("the API on an etcd that came back", || {
        let listed = node.kubectl().run(&["get", "configmaps", "-o", "name"]);
        if listed.ok && listed.stdout.contains("made-there") { Ok(()) } else { Err(format!("{listed:?}")) }
    });
    etcd.ctl(&["del", "/registry/configmaps/default/made-there"]).expect_ok();
    eventually("the deletion to be seen", || {
        let gone = node.kubectl().run(&["get", "configmap", "made-there"]);
        if gone.stderr.contains("NotFound") { Ok(()) } else { Err(format!("{gone:?}")) }
    });
    create(&node, "brought-back");
    let there = resource_version(&node, "brought-back");
    node.stop();

    let path = |name: &str| node.path(name).display().to_string();
    node.ask(&[
        "db",
        "migrate",
        "--from",
        &etcd.endpoint(),
        "--to",
        "embedded",
        "--cacert",
        &path("certs/ca.crt"),
        "--cert",
        &path("certs/apiserver-etcd-client.crt"),
        "--key",
        &path("certs/apiserver-etcd-client.key"),
    ])
    .expect_ok();
    node.write("args/kube-apiserver", "");
    node.start();
    node.wait_unit("controllers", "ready");
    assert_eq!(resource_version(&node, "brought-back"), there);
    assert_eq!(resource_version(&node, "moved"), version);
}

#[test]
fn an_etcd_that_is_not_there_is_waited_for_and_named() {
    let mut node = Node::new();
    node.write("args/kube-apiserver", "--etcd-servers=http://127.0.0.1:1\n");
    node.start();
    eventually("a word about the store", || {
        let log = node.log();
        let said = log.contains("the store does not answer yet") && log.contains("http://127.0.0.1:1");
        if said { Ok(()) } else { Err(log) }
    });
    node.wait_unit("datastore", "starting");
    node.stop();
    node.write("args/kube-apiserver", "--etcd-servers=127.0.0.1:1\n");
    let refused = node.run_to_end().expect_failure();
    assert!(refused.contains("\"127.0.0.1:1\" is no endpoint: it is https://HOST:PORT"), "{refused}");
}

#[test]
fn snapshots_are_taken_as_time_passes() {
    let mut node = Node::new();
    let folder = node.path("var/kubernetes/snapshots");
    std::fs::create_dir_all(&folder).unwrap();
    let old: PathBuf = folder.join("snapshot-20200101T000000Z.db");
    std::fs::write(&old, "").unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(24 * 60 * 60);
    std::fs::File::open(&old).unwrap().set_modified(long_ago).unwrap();
    node.start_with(&["--snapshot-hours=1", "--snapshot-retention=1"]);
    let taken = eventually("a snapshot", || {
        let found = std::fs::read_dir(&folder).unwrap().map(|entry| name(&entry.unwrap().path()));
        let found: Vec<_> = found.collect();
        match &found[..] {
            [one] if !one.contains("2020") && one.ends_with(".db") => Ok(one.clone()),
            _ => Err(format!("{found:?}\n{}", node.log())),
        }
    });
    let mut status = node.machine.command("etcdctl");
    status.env("ETCDCTL_API", "3").args(["snapshot", "status"]).arg(folder.join(taken));
    Answer::of(status, "").expect_ok();
}
