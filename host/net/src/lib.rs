//! Owns sockets: the only place that binds and dials, and the only one that knows rustls.
