//! Owns tasks and child processes: the only place that spawns either. Knows nothing of Kubernetes.
