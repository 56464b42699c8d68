//! SPDY/3.1 as the streams of Kubernetes speak it on an upgraded connection. Windows are not kept: the one library
//! that every peer is made with neither counts nor grants them, so that the connection's own back-pressure is all.

mod connection;
mod frame;
mod headers;
mod stream;

pub use connection::{Incoming, Opener, Opening, accept, open};
pub use headers::Headers;
pub use stream::{Receiver, Sender, Stream};

use std::io;

/// Why a connection has ended, or a stream is not there.
#[derive(Debug, thiserror::Error)]
pub enum SpdyError {
    #[error("read or write a SPDY connection")]
    Io(#[from] io::Error),
    #[error("read a frame of SPDY version {0}, which is not 3")]
    Version(u16),
    #[error("read a control frame of type {kind} in {length} bytes")]
    Length { kind: u16, length: usize },
    #[error("read a data frame of no stream")]
    NoStream,
    #[error("read the headers of a stream: {0}")]
    Headers(&'static str),
    #[error("open a stream: the peer refused it")]
    Refused,
    #[error("open a stream: the connection has ended")]
    Ended,
}
