//! The binary: command line, configuration and the composition of the services.

fn main() {}
