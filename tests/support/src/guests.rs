//! Components that misbehave, built once from `tests/guests`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const TARGET: &str = "wasm32-wasip2";

static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in tests/");
    let target = root.join("target/guests");
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root.join("tests/guests"));
    cargo
        .args(["build", "--locked", "--quiet", "--release", "--target", TARGET, "--target-dir"])
        .arg(&target);
    let status = cargo.env_remove("RUSTFLAGS").status().unwrap();
    assert!(status.success(), "the guests do not build");
    target.join(TARGET).join("release")
});

/// The component of a guest.
///
/// # Panics
/// Where there is no such guest, or it does not build.
pub fn guest(name: &str) -> Vec<u8> {
    std::fs::read(BUILT.join(format!("{name}.wasm"))).unwrap()
}
