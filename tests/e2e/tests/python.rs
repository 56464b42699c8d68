//! The official Python client against the node.

use std::path::Path;

use support::{Node, Python};

#[test]
fn the_official_python_client_does_its_work() {
    let mut node = Node::new();
    node.start();
    node.wait_ready();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let python = Python::new(&node.machine, &scripts.join("requirements.txt"));
    let kubeconfig = node.path("credentials/client.config");
    let said = python.run(&scripts.join("client.py"), &[&kubeconfig]).expect_ok();
    assert_eq!(said, "every check passed\n");
}
