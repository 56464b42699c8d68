//! kubectl talks with what runs in a pod, over WebSockets and over SPDY.

#![allow(clippy::disallowed_methods, reason = "a test dials the port that kubectl forwards")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

use support::{Answer, IMAGE, Kubectl, Node};

/// What kubectl is told to speak; it prefers WebSockets.
const CARRIERS: &[(&str, &str)] = &[("websocket", "true"), ("spdy", "false")];

/// A pod with a server that answers with what it is sent, and one who answers lines until it is told to leave.
fn manifest(name: &str, port: u16) -> String {
    format!(
        r#"
apiVersion: v1
kind: Pod
metadata: {{ name: {name} }}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: Never
  containers:
  - {{ name: server, image: {IMAGE}, command: [nc, -ll, -p, "{port}", -e, cat] }}
  - name: speaker
    image: {IMAGE}
    stdin: true
    stdinOnce: true
    command: [sh, -c, 'while read line; do echo "you said $line"; [ "$line" = bye ] && exit 0; done']
  - {{ name: talker, image: {IMAGE}, command: [sh, -c, 'echo it is said; sleep 1000000'] }}
"#
    )
}

fn speaking<'a>(kubectl: &Kubectl<'a>, websockets: &str) -> Kubectl<'a> {
    kubectl
        .with_env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets)
        .with_env("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets)
}

/// What a forwarded port answers, on the node's machine.
fn ask(node: &Node, port: u16, question: &[u8]) -> Vec<u8> {
    node.machine.inside(|| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut answer = Vec::new();
        let mut reader = stream.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                stream.write_all(question).unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
            });
            reader.read_to_end(&mut answer).unwrap();
        });
        answer
    })
}

fn check(node: &Node, carrier: &str, websockets: &str, port: u16) {
    let kubectl = speaking(&node.kubectl(), websockets);
    kubectl.run_with_input(&["apply", "-f", "-"], &manifest(carrier, port)).expect_ok();
    kubectl.run(&["wait", "--for=condition=Ready", &format!("pod/{carrier}"), "--timeout=60s"]).expect_ok();
    support::eventually("what is said", || {
        let said = kubectl.run(&["logs", carrier, "-c", "talker"]);
        if said.stdout == "it is said\n" { Ok(()) } else { Err(format!("{said:?}")) }
    });

    let said =
        kubectl.run_with_input(&["exec", "-i", carrier, "-c", "server", "--", "cat"], "x\n").expect_ok();
    assert_eq!(said, "x\n", "{carrier}");
    let script = "echo out; echo err >&2; exit 7";
    let answer = kubectl.run(&["exec", carrier, "-c", "server", "--", "sh", "-c", script]);
    assert_eq!(answer.stdout, "out\n");
    assert!(answer.stderr.contains("err\n") && answer.stderr.contains("exit code 7"), "{}", answer.stderr);

    let said =
        kubectl.run_with_input(&["attach", "-i", carrier, "-c", "speaker"], "hello\nbye\n").expect_ok();
    assert!(said.contains("you said hello\nyou said bye\n"), "{carrier}: {said}");

    let file = node.path("copied");
    let text = "a line of a file\n".repeat(20_000);
    node.write("copied", &text);
    let (path, there) = (file.to_str().unwrap(), format!("{carrier}:/tmp/copied"));
    kubectl.run(&["cp", path, &there, "-c", "server"]).expect_ok();
    let counted =
        kubectl.run(&["exec", carrier, "-c", "server", "--", "wc", "-c", "/tmp/copied"]).expect_ok();
    assert!(counted.starts_with(&text.len().to_string()), "{counted}");
    let back = format!("{path}-back");
    kubectl.run(&["cp", &there, &back, "-c", "server"]).expect_ok();
    assert_eq!(std::fs::read_to_string(&back).unwrap(), text);

    let local = port + 1;
    let forwarding = kubectl.watch(&["port-forward", carrier, &format!("{local}:{port}")]);
    forwarding.line_with("Forwarding from 127.0.0.1");
    let long = vec![b'x'; 1 << 20];
    assert!(ask(node, local, &long) == long, "all of it comes back");
    assert_eq!(ask(node, local, b"again"), b"again", "{carrier}");
    drop(forwarding);

    // Nobody serves there.
    let nowhere = local + 1;
    let mut failing = kubectl.watch(&["port-forward", carrier, &format!("{nowhere}:9")]);
    failing.line_with("Forwarding from 127.0.0.1");
    assert_eq!(ask(node, nowhere, b""), b"");
    support::eventually("the end of a forwarding that failed", || {
        if failing.is_running() { Err("it goes on".to_owned()) } else { Ok(()) }
    });
}

#[test]
fn kubectl_and_browsers_talk_with_pods_over_websockets_and_over_spdy() {
    let node = Node::ready();
    for ((carrier, websockets), port) in CARRIERS.iter().zip([18_080, 18_090]) {
        check(&node, carrier, websockets, port);
    }
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = node.machine.command("python3");
    command.arg(scripts.join("sockets.py")).arg(node.path("credentials/client.config"));
    assert_eq!(Answer::of(command, "").expect_ok(), "every check passed\n");
}
