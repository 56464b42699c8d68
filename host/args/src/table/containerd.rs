//! containerd, a child process.

use super::{Flag, Table, fixed, restart};
use crate::table::Kind::{Path, Text};

pub(crate) const TABLE: Table = Table {
    flags: FLAGS,
    ignored: &["help version"],
    short: &[("l", "log-level"), ("c", "config"), ("a", "address"), ("v", "version"), ("h", "help")],
};

const FLAGS: &[Flag] = &[
    restart("log-level", Text, "info"),
    fixed("config", Path, "${SNAP_DATA}/args/containerd.toml"),
    fixed("root", Path, "${SNAP_DATA}/var/lib/containerd"),
    fixed("state", Path, "${SNAP_DATA}/run/containerd"),
    fixed("address", Path, "${SNAP_DATA}/run/containerd.sock"),
];
