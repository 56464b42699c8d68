//! Owns the container runtime's API: CRI and containerd's own services over one unix socket.
