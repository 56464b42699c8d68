//! Builds the pause program: a static binary of a few hundred bytes, for the machine that the host is built for.

use std::{env, path::PathBuf};

#[allow(
    clippy::disallowed_methods,
    reason = "a build script's inputs are its environment, its output a compiler's"
)]
fn main() {
    println!("cargo::rerun-if-changed=pause/pause.rs");
    let var = |name: &str| env::var(name).expect("cargo sets it for build scripts");
    let output = PathBuf::from(var("OUT_DIR")).join("pause");
    let status = std::process::Command::new(var("RUSTC"))
        .args(["--edition=2024", "--crate-type=bin", "--crate-name=pause", "pause/pause.rs"])
        .args(["--target", &var("TARGET")])
        .args(["-Copt-level=z", "-Cpanic=abort", "-Cstrip=symbols", "-Crelocation-model=static"])
        .args(["-Clink-arg=-nostartfiles", "-Clink-arg=-nostdlib", "-Clink-arg=-static"])
        .args(["-Clink-arg=-no-pie", "-Clink-arg=-Wl,--build-id=none,-n,-z,norelro"])
        .arg("-o")
        .arg(&output)
        .status()
        .expect("rustc runs");
    assert!(status.success(), "cannot build the pause program");
}
