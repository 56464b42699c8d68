//! Holds the test of the built components; no code of its own.
