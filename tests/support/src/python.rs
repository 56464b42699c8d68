//! Python with packages from its index, which the first test that needs them installs beside the programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kubectl::Answer;
use crate::machine::Machine;
use crate::node::program;

/// Python on the test's machine, with the packages that a requirements file lists.
pub struct Python<'a> {
    machine: &'a Machine,
    packages: PathBuf,
}

impl<'a> Python<'a> {
    /// # Panics
    /// Where python3 or pip is missing, or its index does not give the packages.
    pub fn new(machine: &'a Machine, requirements: &Path) -> Self {
        let programs = program();
        let packages = programs.parent().expect("a program is in a folder").join("python");
        let wanted = fs::read_to_string(requirements).unwrap();
        let list = packages.join("requirements.txt");
        if fs::read_to_string(&list).ok().as_ref() != Some(&wanted) {
            install(requirements, &packages);
            fs::write(list, wanted).unwrap();
        }
        Self { machine, packages }
    }

    /// Runs a script to its end.
    pub fn run(&self, script: &Path, arguments: &[&Path]) -> Answer {
        let mut command = self.machine.command("python3");
        command.env("PYTHONPATH", &self.packages).arg(script).args(arguments);
        Answer::of(command, "")
    }
}

fn install(requirements: &Path, packages: &Path) {
    if packages.exists() {
        fs::remove_dir_all(packages).unwrap();
    }
    let mut command = Command::new("python3");
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
        "--target",
    ]);
    command.arg(packages).arg("--requirement").arg(requirements);
    let output = command.output().expect("python3 is there: `make setup-tests` installs it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pip did not install {}: {said}", requirements.display());
}
