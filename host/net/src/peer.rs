//! Who is on the other side of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;

/// The other side of a connection, an extension of each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: PeerAddress,
    /// The chain that the peer sent and proved to hold the key of, when a CA that we know signed it.
    pub certificates: Option<Arc<PeerCertificates>>,
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAddress {
    Tcp(SocketAddr),
    Unix,
}

/// A verified chain, the leaf first.
#[derive(Debug)]
pub struct PeerCertificates {
    pub chain: Vec<CertificateDer<'static>>,
    /// The CA that verified it: what the certificate may be used for.
    pub anchor: TrustAnchor,
}

/// A CA by its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrustAnchor {
    /// Users and components of the cluster.
    ClientCa,
    /// Proxies that vouch for users by header.
    FrontProxyCa,
    /// Clients and peers of the datastore.
    EtcdCa,
}
