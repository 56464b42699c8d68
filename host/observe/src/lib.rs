//! Owns logs and metrics: how they are recorded and in which format they leave the process.
