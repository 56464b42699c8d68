//! An addon as its author gives it away and an operator takes it: signed, pushed to a registry, installed from there.

use std::fs;

use support::{Node, Registry, guest};

#[test]
fn a_signed_addon_comes_from_a_registry_and_an_unsigned_one_does_not() {
    let mut node = Node::new();
    node.start_with(&["--require-signature"]);
    node.wait_ready();
    let registry = Registry::start_on(&node.machine);
    let author = tempfile::tempdir().unwrap();
    let path = |name: &str| author.path().join(name).display().to_string();
    let (component, reference) = (path("hostile.wasm"), format!("oci://{}/acme/hostile:1", registry.address));
    fs::write(&component, guest("hostile")).unwrap();

    let pushed = node.ask(&["plugin", "push", &component, &reference]).expect_ok();
    let unsigned = pushed.split('`').nth(1).unwrap().rsplit(' ').next().unwrap();
    let why = node.ask(&["plugin", "install", "--yes", unsigned]).expect_failure();
    assert!(why.contains("is unsigned, and this host takes what is signed by a trusted key alone"), "{why}");

    node.ask(&["plugin", "keygen", &path("acme")]).expect_ok();
    node.ask(&["plugin", "sign", &component, "--key", &path("acme.key")]).expect_ok();
    node.ask(&["plugin", "push", &component, &reference]).expect_ok();
    let why = node.ask(&["plugin", "verify", &component]).expect_failure();
    assert!(why.contains("a key that is not trusted here"), "{why}");
    let why = node.ask(&["plugin", "install", "--yes", &reference]).expect_failure();
    assert!(why.contains("a key that is not trusted here"), "{why}");

    node.write("credentials/trusted-keys/acme.pub", &fs::read_to_string(path("acme.pub")).unwrap());
    node.ask(&["plugin", "verify", &component]).expect_ok();
    let said = node.ask(&["plugin", "install", "--yes", &reference]).expect_ok();
    assert!(said.contains("signed by acme"), "{said}");
    // It knows everybody by any token.
    node.kubectl_as("alice").run(&["get", "--raw", "/api"]).expect_ok();
    node.ask(&["plugin", "remove", "hostile"]).expect_ok();
}

#[test]
fn a_download_without_its_digest_is_refused_before_anybody_is_asked() {
    let node = Node::new();
    let why = node.ask(&["plugin", "install", "https://example.com/a.wasm"]).expect_failure();
    assert!(why.contains("say with --digest sha256:"), "{why}");
    let why = node.ask(&["plugin", "install", "oci://example.com/a"]).expect_failure();
    assert!(why.contains("it names no tag"), "{why}");
}
