//! Cranelift, for a process of its own: a component may be made to compile for minutes or to fill the memory.

use crate::inspect::{InspectError, inspect};
use crate::runtime::configuration;

#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    #[error(transparent)]
    Inspect(#[from] InspectError),
    #[error("compile the component")]
    Compile(#[source] wasmtime::Error),
}

/// Compiles a component for this machine and this release.
pub fn compile(component: &[u8]) -> Result<Vec<u8>, CompileError> {
    inspect(component)?;
    let engine = wasmtime::Engine::new(&configuration()).map_err(CompileError::Compile)?;
    engine.precompile_component(component).map_err(CompileError::Compile)
}
