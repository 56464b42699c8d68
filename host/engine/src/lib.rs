//! Owns wasmtime: loads components, calls them under limits, recovers from traps.
