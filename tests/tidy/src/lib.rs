//! Holds the tidy test; no code of its own.
