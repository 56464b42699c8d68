//! Owns the certificates, keys and kubeconfigs of a node: what is issued, to whom, for how long.
