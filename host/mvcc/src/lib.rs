//! The multi-version key space of etcd as a pure model: commands and time in, effects out.
