//! The real kubectl, on the test's machine.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use crate::machine::Machine;
use crate::wait::LIMIT;

/// kubectl with one kubeconfig.
pub struct Kubectl<'a> {
    machine: &'a Machine,
    kubeconfig: PathBuf,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
}

/// What a program said.
#[derive(Clone, Debug)]
pub struct Answer {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    /// Runs a command to its end, with this input.
    ///
    /// # Panics
    /// Where the program is not there.
    pub fn of(mut command: Command, input: &str) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A program that does not read its input ends the pipe.
        stdin.write_all(input.as_bytes()).ok();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { ok: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Its stdout, where it did what it was asked.
    ///
    /// # Panics
    /// With all it said, where it did not.
    #[track_caller]
    pub fn expect_ok(self) -> String {
        assert!(self.ok, "failed\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout
    }

    /// Its stderr, where it failed.
    ///
    /// # Panics
    /// Where it did not.
    #[track_caller]
    pub fn expect_failure(self) -> String {
        assert!(!self.ok, "did not fail\nstdout: {}", self.stdout);
        self.stderr
    }
}

impl<'a> Kubectl<'a> {
    pub fn new(machine: &'a Machine, kubeconfig: &Path) -> Self {
        Self { machine, kubeconfig: kubeconfig.to_owned(), flags: Vec::new(), environment: Vec::new() }
    }

    /// The same with more flags on every call.
    #[must_use]
    pub fn with(&self, flags: &[&str]) -> Kubectl<'a> {
        let more = flags.iter().map(|flag| (*flag).to_owned());
        Kubectl {
            machine: self.machine,
            kubeconfig: self.kubeconfig.clone(),
            flags: self.flags.iter().cloned().chain(more).collect(),
            environment: self.environment.clone(),
        }
    }

    /// The same with another variable in its environment.
    #[must_use]
    pub fn with_env(&self, name: &str, value: &str) -> Kubectl<'a> {
        let mut other = self.with(&[]);
        other.environment.push((name.to_owned(), value.to_owned()));
        other
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.machine.command("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(&self.flags).args(arguments);
        command.env("KUBECACHEDIR", self.kubeconfig.with_extension("cache"));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments), "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Answer {
        Answer::of(self.command(arguments), input)
    }

    /// A command that goes on, whose lines are read one by one.
    ///
    /// # Panics
    /// Where kubectl is not there.
    pub fn watch(&self, arguments: &[&str]) -> Watching {
        let mut command = self.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Watching { child, lines }
    }
}

/// A kubectl that goes on until it is dropped.
pub struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    /// The next line that holds a text.
    ///
    /// # Panics
    /// Where none comes in time, or the command ended.
    #[track_caller]
    pub fn line_with(&self, text: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(why) => panic!("no line with {text:?} ({why}); there were {seen:?}"),
            }
        }
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
