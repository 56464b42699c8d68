//! Rows of the socket table: what is bound, by whom, and who may speak there.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

/// One socket of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Key of the row, unique in its table.
    pub name: &'static str,
    /// The service that speaks on it.
    pub service: &'static str,
    pub address: SocketAddress,
    pub binder: Binder,
    /// Who may speak, for `status`.
    pub access: &'static str,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketAddress {
    /// Every address of the machine, IPv6 too where the machine has it.
    Host { port: u16, transport: Transport },
    /// One address.
    Ip { address: IpAddr, port: u16, transport: Transport },
    /// A unix socket for its owner alone.
    Unix { path: PathBuf },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

/// Who binds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binder {
    /// We do, before anything starts.
    Host,
    /// A child process: only looked whether it is free.
    Child,
    /// A device of the kernel.
    Kernel,
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host { port, transport } => write!(f, "*:{port}/{transport}"),
            Self::Ip { address, port, transport } => {
                write!(f, "{}/{transport}", std::net::SocketAddr::new(*address, *port))
            }
            Self::Unix { path } => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}
