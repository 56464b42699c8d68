//! The only owner of sockets and TLS: the typed table of what is bound, listeners that outlive their services, HTTP
//! served and asked with certificates that are swapped live, and who is on the other side.

mod bind;
pub mod body;
mod client;
pub mod dial;
mod holder;
mod interfaces;
mod listener;
mod peer;
mod serve;
pub mod spdy;
mod table;
mod tls;

pub use bind::{BindError, BindErrors, Sockets, bind_all};
pub use client::{ClientError, HttpClient};
pub use interfaces::machine_addresses;
pub use listener::Listener;
pub use peer::{Peer, PeerAddress, PeerCertificates, TrustAnchor};
pub use serve::{Http2, serve, serve_with};
pub use table::{Binder, Socket, SocketAddress, Transport};
pub use tls::{CertificatePem, Roots, TlsClient, TlsError, TlsServer};

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The one streaming body of the house.
pub type Body = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, BoxError>;
