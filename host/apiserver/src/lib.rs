//! The Kubernetes API server: one data-driven machinery for all kinds.
