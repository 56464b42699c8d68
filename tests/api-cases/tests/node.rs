//! The cases, replayed against the node.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use support::{Answer, Node};

#[test]
fn the_node_answers_as_upstream_does() {
    let mut node = Node::new();
    node.write("credentials/known_tokens.csv", "cases-token,cases,1\n");
    node.start();
    node.wait_ready();
    let mut command = node.machine.command(env!("CARGO_BIN_EXE_api-cases"));
    command.args(["--server", "https://127.0.0.1:16443", "--token", "cases-token", "--ca"]);
    command.arg(node.path("certs/ca.crt")).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    let said = Answer::of(command, "").expect_ok();
    assert!(said.ends_with(" cases passed, 0 failed\n"), "{said}");
}
