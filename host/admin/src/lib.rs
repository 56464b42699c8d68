//! The control socket of a running host and what is asked over it.
