//! What `plugin new` writes out builds, and keeps the contract, by the commands of its own README: in each language, of
//! each kind.

#![allow(clippy::disallowed_methods, reason = "a test runs the commands that it tries")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::program;

/// The kinds, and what a project of each answers to its case.
const KINDS: [&str; 8] =
    ["configurator", "authenticator", "authorizer", "admission", "keeper", "dns", "overlay", "scheduling"];
/// The reply to the case of `dns`: the head, the question, the name again, the type, the class, a minute, the address.
const REPLY: &str = "bWuFAAABAAEAAAAAB1ByaW50ZXIDbGFuAAABAAHADAABAAEAAAA8AATAAAIH";

fn answer(kind: &str) -> Value {
    match kind {
        "configurator" => {
            json!({"edits": [{"service": "kubelet", "flag": "max-pods", "operation": "set", "value": "20"}]})
        }
        "authenticator" => {
            json!({"user": {"name": "alice", "uid": "1", "groups": ["readers", "writers"], "extra": {}}})
        }
        "authorizer" => json!({"decision": "allow", "reason": "readers may read"}),
        "admission" => json!({"validate": {"warnings": [], "denied": {
            "message": "the namespace production is protected", "code": 403, "reason": "Forbidden",
        }}}),
        "dns" => json!({"reply": {"code": 0, "answers": 1, "message": REPLY}}),
        "overlay" => json!({"links": [], "neighbours": [],
            "routes": [{"destination": "10.1.0.64/26", "gateway": "192.0.2.2", "link": "eth0", "onLink": false}],
            "rules": [{"hook": "postrouting", "sources": ["10.1.0.0/26"], "destinations": [],
                "notDestinations": ["10.1.0.0/16"], "protocol": "", "ports": [], "action": "masquerade"}],
        }),
        "scheduling" => json!({
            "refused": [{"node": "node-1", "reason": "node(s) were closed", "resolvable": false}],
            "scores": {"node-3": 100},
        }),
        _ => json!({"reconcileAfterSeconds": 60, "kept": {}, "objects": [{
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"greeting": "hello"},
            "metadata": {"name": "mine", "namespace": "default"},
        }]}),
    }
}

/// Carries out a command in a folder; gives what it printed.
fn sh(folder: &Path, command: &str) -> String {
    let programs = program();
    let programs = programs.parent().expect("a program is in a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut search = OsString::from(programs);
    search.push(":");
    search.push(path);
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", search)
        // What projects share is built once; what a project makes is in its own folder.
        .env("CARGO_BUILD_BUILD_DIR", programs.join("authors"))
        .env_remove("CARGO_TARGET_DIR")
        .env("MK8S_DATA_DIR", folder)
        .env("XDG_CACHE_HOME", programs.join("authors-cache"))
        .output()
        .unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command}\n{said}{told}");
    said.into_owned()
}

/// Commands that install the tools of a language.
const INSTALLS: &[&str] = &["python3 -m venv ", ".venv/bin/pip install ", "npm install"];
/// Where the tools are then.
const TOOLS: &[&str] = &[".venv", "node_modules"];

/// Follows the README of a project; gives what the addon answers to its case.
fn follow_readme(project: &Path) -> Value {
    let readme = fs::read_to_string(project.join("README.md")).unwrap();
    let block = readme.split("```\n").nth(1).unwrap();
    let has_tools = TOOLS.iter().any(|tools| project.join(tools).exists());
    let mut answered = Value::Null;
    for command in block.lines() {
        let installs = INSTALLS.iter().any(|install| command.starts_with(install));
        // No node runs here to install it on.
        if command.contains(" plugin install ") || installs && has_tools {
            continue;
        }
        let said = sh(project, command);
        if command.contains(" plugin run ") {
            answered = serde_json::from_str(&said).unwrap();
        }
    }
    answered
}

fn build_and_try(language: &str, kinds: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut first: Option<PathBuf> = None;
    for kind in kinds {
        sh(
            folder.path(),
            &format!("mk8s-host plugin new mine --lang {language} --kind {kind} --folder {kind}"),
        );
        let project = folder.path().join(kind);
        for tools in TOOLS {
            if let Some(installed) =
                first.as_ref().map(|first| first.join(tools)).filter(|path| path.exists())
            {
                symlink(installed, project.join(tools)).unwrap();
            }
        }
        assert_eq!(follow_readme(&project), answer(kind), "{language} {kind}");
        first.get_or_insert(project);
    }
}

#[test]
fn a_project_in_rust_is_an_addon_as_it_is() {
    build_and_try("rust", &KINDS);
}

/// A component of Python takes half a minute of a core to build and to compile: the simpler kinds are left out, and
/// admission is what the example is.
#[test]
fn a_project_in_python_is_an_addon_as_it_is() {
    build_and_try("python", &["authenticator", "keeper"]);
}

#[test]
fn a_project_in_javascript_is_an_addon_as_it_is() {
    build_and_try("js", &KINDS);
}

#[test]
fn the_examples_are_addons_by_their_readmes() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/examples");
    let patch = json!([{"op": "add", "path": "/spec/containers/0/imagePullPolicy", "value": "Always"}]);
    let answers = [
        (
            "api-keys",
            json!({"user": {"name": "ci-runner", "uid": "", "groups": ["deployers"], "extra": {"api-key": ["ci"]}}}),
        ),
        (
            "image-policy",
            json!({
                "mutate": {"denied": null, "warnings": [], "patch": patch},
                "validate": {
                    "denied": {
                        "message": "example.com/tool:1: images come from registry.k8s.io, docker.io alone",
                        "code": 403,
                        "reason": "Forbidden",
                    },
                    "warnings": ["nginx may be another image tomorrow: name its digest"],
                },
            }),
        ),
    ];
    for (example, expected) in answers {
        let folder = tempfile::tempdir().unwrap();
        // The contract is a link within this repository.
        sh(&examples, &format!("cp --recursive --dereference {example} {}", folder.path().display()));
        assert_eq!(follow_readme(&folder.path().join(example)), expected, "{example}");
    }
}
