//! Connections made to others, raw.

use std::io;
use std::path::Path;

use tokio::net::{TcpStream, UnixStream};

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
