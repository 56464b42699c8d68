//! `/portForward`: connections to ports that something in a pod serves on loopback, many over one connection of the
//! client.

mod channels;
mod pairs;

use std::sync::Arc;

use cri::SandboxId;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};

use super::handshake::{Protocols, Upgrade};
use super::websocket;
use crate::server::containers::Containers;
use crate::server::failure::Failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// A pair of streams for each connection.
    Streams,
    /// The same, in the messages of a WebSocket.
    Tunnel,
    /// A pair of channels for each port of the query, which is connected to once.
    Channels,
}

pub(super) const PROTOCOLS: Protocols<Protocol> = &[
    (Upgrade::Spdy, "portforward.k8s.io", Protocol::Streams),
    (Upgrade::WebSocket, "SPDY/3.1+portforward.k8s.io", Protocol::Tunnel),
    (Upgrade::WebSocket, "v4.channel.k8s.io", Protocol::Channels),
];

/// The ports of a query, where the protocol takes them from there.
pub(super) fn ports(protocol: Protocol, listed: &[String]) -> Result<Vec<u16>, Failure> {
    if protocol != Protocol::Channels {
        return Ok(Vec::new());
    }
    let each = listed.iter().flat_map(|listed| listed.split(','));
    let ports = each.map(|text| port(text).ok_or_else(|| Failure::Port(text.to_owned())));
    let ports = ports.collect::<Result<Vec<_>, _>>()?;
    match ports.get(channels::PORTS) {
        _ if ports.is_empty() => Err(Failure::NoPort),
        Some(_) => Err(Failure::TooManyPorts),
        None => Ok(ports),
    }
}

fn port(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0)
}

/// Makes connections to a pod.
pub(super) struct Forwarder<C> {
    pub(super) runtime: Arc<C>,
    pub(super) sandbox: SandboxId,
    pub(super) pod: String,
}

impl<C: Containers> Forwarder<C> {
    /// Forwards for as long as the client is there.
    pub(super) async fn serve<S>(&self, protocol: Protocol, io: S, ports: &[u16])
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        match protocol {
            Protocol::Streams => pairs::serve(self, io).await,
            Protocol::Tunnel => pairs::serve(self, websocket::tunnel(websocket::of(io).await)).await,
            Protocol::Channels => channels::serve(self, websocket::of(io).await, ports).await,
        }
    }

    /// Joins with a connection to a port until both sides have ended. `Err` is what the client is told when there is
    /// none; one that breaks off is an end like another.
    async fn forward(&self, port: u16, mut near: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), String> {
        let connected = self.runtime.connect(&self.sandbox, port).await;
        let mut far = connected
            .map_err(|error| format!("error forwarding port {port} to pod {}: {error}", self.pod))?;
        if let Err(error) = copy_bidirectional(&mut near, &mut far).await {
            tracing::debug!(%error, port, "a forwarded connection broke off");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_for_the_ports_of_the_query() {
        let listed = |query: &[&str]| {
            let query: Vec<_> = query.iter().map(ToString::to_string).collect();
            ports(Protocol::Channels, &query).map_err(|failure| failure.to_string())
        };
        assert_eq!(listed(&["80", "81,82"]), Ok(vec![80, 81, 82]));
        assert_eq!(listed(&[]), Err("query parameter \"port\" is required".to_owned()));
        for wrong in ["0", "65536", "", "http"] {
            assert_eq!(listed(&[wrong]), Err(format!("unable to parse {wrong:?} as a port")));
        }
        assert_eq!(listed(&["80"; 129]), Err("more ports than there are channels".to_owned()));
        assert_eq!(ports(Protocol::Streams, &[]).unwrap(), Vec::<u16>::new());
    }
}
