//! Builds the first-party addons, which the binary carries, as components.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Packages of `plugins/`, each a component of the same name.
const ADDONS: &[&str] = &["auth-basic", "auth-oidc", "auth-token", "auth-x509", "cis-hardening", "rbac"];
const TARGET: &str = "wasm32-wasip2";

/// What cargo tells this script of the host's build, which is not that of the addons.
const NOT_THEIRS: &[&str] = &[
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in host/");
    for source in ["plugins", "wit"] {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let out = PathBuf::from(variable("OUT_DIR"));
    let target = out.ancestors().find(|folder| folder.join("CACHEDIR.TAG").exists());
    // Shared by the profiles of the host: the addons have one of their own.
    let target = target.expect("OUT_DIR is in cargo's target folder").join("addons");
    build(&root.join("plugins"), &target);
    for addon in ADDONS {
        // cargo names the file after the crate.
        let built = target.join(TARGET).join("release").join(format!("{}.wasm", addon.replace('-', "_")));
        let kept = out.join(format!("{addon}.wasm"));
        if let Err(why) = std::fs::copy(&built, &kept) {
            panic!("copy {} to {}: {why}", built.display(), kept.display());
        }
    }
}

fn build(workspace: &Path, target: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a build script runs cargo itself")]
    let mut cargo = Command::new(variable("CARGO"));
    cargo.current_dir(workspace).args(["build", "--locked", "--release", "--target", TARGET, "--target-dir"]);
    cargo.arg(target);
    cargo.args(ADDONS.iter().flat_map(|addon| ["--package", addon]));
    for variable in NOT_THEIRS {
        cargo.env_remove(variable);
    }
    let status = cargo.status().expect("cargo runs this script");
    assert!(
        status.success(),
        "the addons in {} do not build: see above, and run `make setup`",
        workspace.display()
    );
}

fn variable(name: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment")]
    let value = env::var(name);
    value.unwrap_or_else(|why| panic!("cargo sets {name}: {why}"))
}
