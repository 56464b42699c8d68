//! Binding: every row at once, before anything starts, with every error.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use socket2::{Domain, Protocol, Type};

use crate::holder::{self, Holder};
use crate::listener::Listener;
use crate::table::{Binder, Socket, SocketAddress, Transport};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why a socket cannot be bound.
#[derive(Debug)]
pub struct BindError {
    pub socket: Socket,
    pub source: io::Error,
    holder: Option<Holder>,
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Socket { service, address, .. } = &self.socket;
        match (&self.holder, self.source.kind()) {
            (Some(Holder { pid, name }), _) => {
                write!(
                    f,
                    "{address} for {service} is in use by {name} (pid {pid}): stop it, or give {service} another port in args/{service}"
                )
            }
            (None, io::ErrorKind::AddrInUse) => {
                write!(
                    f,
                    "{address} for {service} is in use by another process: stop it, or give {service} another port in args/{service}"
                )
            }
            (None, _) => write!(f, "bind {address} for {service}: {}", self.source),
        }
    }
}

impl std::error::Error for BindError {}

/// Everything that is in the way, not only the first.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct BindErrors(pub Vec<BindError>);

/// The bound table.
#[derive(Debug)]
pub struct Sockets {
    rows: Vec<Socket>,
    listeners: BTreeMap<&'static str, Listener>,
}

impl Sockets {
    /// The listener of a row; clones share the socket, so that a restarted service gets it back.
    pub fn listener(&self, name: &str) -> Option<Listener> {
        self.listeners.get(name).cloned()
    }

    /// The rows, as they were asked for.
    pub fn rows(&self) -> &[Socket] {
        &self.rows
    }
}

/// Binds every row that is ours to bind and looks whether those of children are free. Needs a tokio runtime.
pub fn bind_all(rows: Vec<Socket>) -> Result<Sockets, BindErrors> {
    let mut listeners = BTreeMap::new();
    let mut errors = Vec::new();
    for row in &rows {
        match bind(row) {
            Ok(Some(listener)) => {
                listeners.insert(row.name, listener);
            }
            Ok(None) => {}
            Err(source) => {
                errors.push(BindError { socket: row.clone(), holder: holder_of(row, &source), source })
            }
        }
    }
    if errors.is_empty() { Ok(Sockets { rows, listeners }) } else { Err(BindErrors(errors)) }
}

fn bind(row: &Socket) -> io::Result<Option<Listener>> {
    let listener = match (&row.address, row.binder) {
        (_, Binder::Kernel) => return Ok(None),
        (SocketAddress::Unix { path }, Binder::Host) => bind_unix(path)?,
        // A stale socket of a child is the child's to replace.
        (SocketAddress::Unix { .. }, Binder::Child) => return Ok(None),
        (SocketAddress::Host { port, transport: Transport::Tcp }, _) => {
            match bind_tcp(Ipv6Addr::UNSPECIFIED.into(), *port) {
                Err(why) if why.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) => {
                    bind_tcp(Ipv4Addr::UNSPECIFIED.into(), *port)?
                }
                other => other?,
            }
        }
        (SocketAddress::Ip { address, port, transport: Transport::Tcp }, _) => bind_tcp(*address, *port)?,
        (
            SocketAddress::Host { transport: Transport::Udp, .. }
            | SocketAddress::Ip { transport: Transport::Udp, .. },
            _,
        ) => {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "the host binds no UDP socket"));
        }
    };
    Ok((row.binder == Binder::Host).then_some(listener))
}

fn bind_tcp(address: IpAddr, port: u16) -> io::Result<Listener> {
    let address = SocketAddr::new(address, port);
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Listener::tcp(tokio::net::TcpListener::from_std(socket.into())?)
}

/// Takes the place of a socket on which nobody listens any more.
fn bind_unix(path: &Path) -> io::Result<Listener> {
    #[expect(clippy::disallowed_methods, reason = "this module binds")]
    let taken = std::os::unix::net::UnixStream::connect(path).is_ok();
    if taken {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it"));
    }
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    #[expect(clippy::disallowed_methods, reason = "this module binds")]
    let listener = tokio::net::UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(Listener::unix(listener, path))
}

fn holder_of(row: &Socket, why: &io::Error) -> Option<Holder> {
    match (&row.address, why.kind()) {
        (
            SocketAddress::Host { port, transport: Transport::Tcp }
            | SocketAddress::Ip { port, transport: Transport::Tcp, .. },
            io::ErrorKind::AddrInUse,
        ) => holder::of_tcp_port(*port),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(name: &'static str, port: u16, binder: Binder) -> Socket {
        let address =
            SocketAddress::Ip { address: Ipv4Addr::LOCALHOST.into(), port, transport: Transport::Tcp };
        Socket { name, service: "kubelet", address, binder, access: "local" }
    }

    #[tokio::test]
    async fn every_port_in_use_is_reported_with_its_holder() {
        let first = bind_all(vec![loopback("a", 0, Binder::Host), loopback("b", 0, Binder::Host)]).unwrap();
        let ports = ["a", "b"].map(|name| first.listener(name).unwrap().local_port().unwrap());
        let rows = vec![loopback("a", ports[0], Binder::Host), loopback("b", ports[1], Binder::Child)];
        let errors = bind_all(rows).unwrap_err();
        assert_eq!(errors.0.len(), 2);
        let (message, pid) = (errors.to_string(), std::process::id());
        for port in ports {
            assert!(
                message.contains(&format!("127.0.0.1:{port}/tcp for kubelet is in use by ")),
                "{message}"
            );
        }
        assert!(message.contains(&format!("(pid {pid})")), "{message}");
    }

    #[tokio::test]
    async fn a_stale_unix_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let row = || Socket {
            name: "control",
            service: "mk8s-host",
            address: SocketAddress::Unix { path: folder.path().join("s.sock") },
            binder: Binder::Host,
            access: "local",
        };
        let first = bind_all(vec![row()]).unwrap();
        let mode = fs::metadata(folder.path().join("s.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(bind_all(vec![row()]).is_err());
        drop(first);
        bind_all(vec![row()]).unwrap();
    }
}
