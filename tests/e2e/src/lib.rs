//! Tests of the whole node with the real kubectl and the real containerd, each on a machine of its own.
