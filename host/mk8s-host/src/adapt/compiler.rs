//! Compiles components in a child process: this same binary, reading stdin and writing stdout.

use std::path::PathBuf;
use std::time::Duration;

use addons::ports::{Compiler, PortError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use supervise::{OneShot, run_to_end};

/// The largest component that is taken compiles in a fraction of this.
const PROCESSOR: Duration = Duration::from_secs(60);
/// However busy the machine is.
const DEADLINE: Duration = Duration::from_secs(600);
/// Bytes of address space: several times what the largest component of Python takes.
const MEMORY: u64 = 3 << 30;

#[derive(Clone)]
pub(crate) struct ChildCompiler {
    binary: PathBuf,
}

impl ChildCompiler {
    /// `binary` is the path of this program.
    pub(crate) fn new(binary: PathBuf) -> Self {
        Self { binary }
    }
}

impl Compiler for ChildCompiler {
    fn compile(&self, component: Bytes) -> BoxFuture<'_, Result<Vec<u8>, PortError>> {
        let shot = OneShot {
            name: "the compiler of components",
            program: self.binary.clone(),
            arguments: vec!["compile".into()],
            stdin: component.to_vec(),
            deadline: DEADLINE,
            memory: Some(MEMORY),
            processor: Some(PROCESSOR),
        };
        Box::pin(async move { run_to_end(shot).await.map_err(|why| PortError(why.to_string())) })
    }
}
