//! A bound socket that accepts; clones share it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::peer::PeerAddress;

/// A bound socket. It stays open while any clone of it lives.
#[derive(Clone, Debug)]
pub struct Listener(Arc<Kind>);

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

/// An accepted connection.
pub(crate) enum Accepted {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Listener {
    pub(crate) fn tcp(listener: TcpListener) -> io::Result<Self> {
        Ok(Self(Arc::new(Kind::Tcp(listener))))
    }

    pub(crate) fn unix(listener: UnixListener, path: &Path) -> Self {
        Self(Arc::new(Kind::Unix(listener, path.to_owned())))
    }

    /// The TCP port, which the kernel chose where 0 was asked for.
    pub fn local_port(&self) -> Option<u16> {
        match &*self.0 {
            Kind::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
            Kind::Unix(..) => None,
        }
    }

    /// The path of a unix socket.
    pub fn path(&self) -> Option<&Path> {
        match &*self.0 {
            Kind::Tcp(_) => None,
            Kind::Unix(_, path) => Some(path),
        }
    }

    /// The next connection. Cancel-safe.
    pub(crate) async fn accept(&self) -> io::Result<(Accepted, PeerAddress)> {
        match &*self.0 {
            Kind::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Accepted::Tcp(stream), PeerAddress::Tcp(address)))
            }
            Kind::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Accepted::Unix(stream), PeerAddress::Unix))
            }
        }
    }
}
