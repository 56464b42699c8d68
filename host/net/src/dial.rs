//! Connections made to others, raw.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Type};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

/// Connects to a unix socket.
#[expect(clippy::disallowed_methods, reason = "this module dials")]
pub async fn unix(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

/// Connects to `host:port`, with small writes sent at once.
#[expect(clippy::disallowed_methods, reason = "this module dials")]
pub async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Connects to a port of loopback as it is seen inside a network namespace, `None` being this process's own: over IPv4,
/// or else over IPv6.
pub async fn loopback(namespace: Option<&Path>, port: u16) -> io::Result<TcpStream> {
    let connect = async |address: IpAddr| {
        let address = SocketAddr::new(address, port);
        let socket = match namespace {
            Some(namespace) => socket_in(namespace, Domain::for_address(address))?,
            None => socket(Domain::for_address(address))?,
        };
        let stream = TcpSocket::from_std_stream(socket.into()).connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    match connect(Ipv4Addr::LOCALHOST.into()).await {
        Ok(stream) => Ok(stream),
        Err(error) => connect(Ipv6Addr::LOCALHOST.into()).await.map_err(|_: io::Error| error),
    }
}

fn socket(domain: Domain) -> io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(domain, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A socket belongs to the namespace that it was made in, wherever it is used: a thread goes there to make it, and ends.
fn socket_in(namespace: &Path, domain: Domain) -> io::Result<socket2::Socket> {
    let namespace = File::open(namespace)?;
    let make = || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        socket(domain)
    };
    std::thread::scope(|scope| scope.spawn(make).join().expect("making a socket does not panic"))
}
