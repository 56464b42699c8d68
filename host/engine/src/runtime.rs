//! The one wasmtime engine of the process, and the thread that ticks its deadlines.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How exactly deadlines are kept.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// The deepest stack of a guest.
const STACK: usize = 512 << 10;
/// Frames that the error of a trap names.
const BACKTRACE: usize = 16;
/// Instances at a time: each role of each addon on each worker.
const INSTANCES: u32 = 256;
/// The most memory that a guest may be given.
pub(crate) const MEMORY: usize = 256 << 20;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("set up the engine of components")]
    Engine(#[source] wasmtime::Error),
    #[error("start the thread that keeps the deadlines of components")]
    Ticker(#[source] std::io::Error),
}

/// A handle; clones share the engine.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

struct Parts {
    engine: wasmtime::Engine,
    stopped: Arc<AtomicBool>,
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

impl Engine {
    /// One for the process: its address space is taken from a pool, or by need where there is too little of it.
    pub fn new() -> Result<Self, EngineError> {
        let mut pooled = configuration();
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(INSTANCES)
            .total_core_instances(INSTANCES * 4)
            .total_memories(INSTANCES)
            .total_tables(INSTANCES * 4)
            .max_memory_size(MEMORY);
        pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = wasmtime::Engine::new(&pooled)
            .or_else(|_| wasmtime::Engine::new(&configuration()))
            .map_err(EngineError::Engine)?;
        let stopped = Arc::new(AtomicBool::new(false));
        tick(&engine, stopped.clone()).map_err(EngineError::Ticker)?;
        Ok(Self(Arc::new(Parts { engine, stopped })))
    }

    /// Names the wasmtime release, the machine and the settings that a compiled component fits.
    pub fn compatibility(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.0.engine.precompile_compatibility_hash().hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.engine
    }
}

/// What code is compiled for; the same in the process that compiles and in the one that runs it.
pub(crate) fn configuration() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.max_wasm_stack(STACK);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE));
    // Several memories stay on: what wasmtime puts between the modules of one component uses them.
    config.wasm_memory64(false);
    config
}

/// Deadlines pass even while every task of the process is busy, so a thread keeps them.
fn tick(engine: &wasmtime::Engine, stopped: Arc<AtomicBool>) -> std::io::Result<()> {
    let engine = engine.weak();
    std::thread::Builder::new().name("wasm-deadlines".to_owned()).spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    })?;
    Ok(())
}
