//! `/version`: the Kubernetes whose API this is, and what was built.

use objects::{Tree, tree};

const MAJOR: &str = "1";
const MINOR: &str = "36";
const PATCH: &str = "0";

pub(super) fn document() -> Tree {
    let platform = format!("{}/{}", std::env::consts::OS, architecture());
    tree!({
        "major": MAJOR, "minor": MINOR,
        "emulationMajor": MAJOR, "emulationMinor": MINOR,
        "minCompatibilityMajor": MAJOR, "minCompatibilityMinor": MINOR,
        "gitVersion": (format!("v{MAJOR}.{MINOR}.{PATCH}")),
        "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "",
        "compiler": "rustc",
        "platform": platform
    })
}

/// As Go names it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
