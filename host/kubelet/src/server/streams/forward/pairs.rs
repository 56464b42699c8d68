//! Forwarding over SPDY: the client opens a stream of data and one for an error for each connection, which name the port
//! and each other.

use std::collections::HashMap;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use net::spdy::{self, Opening, Stream};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::{Forwarder, port};
use crate::server::containers::Containers;

/// Streams that wait for the other of their pair at most.
const HALVES: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Error,
}

/// What the headers of a stream say.
struct Named {
    port: u16,
    kind: Kind,
    request: Option<String>,
}

impl Named {
    fn of(opening: &Opening) -> Option<Self> {
        let header = |name| opening.headers().get(name);
        let kind = match header("streamtype")? {
            "data" => Kind::Data,
            "error" => Kind::Error,
            _ => return None,
        };
        Some(Self { port: port(header("port")?)?, kind, request: header("requestid").map(str::to_owned) })
    }
}

pub(super) async fn serve<C, S>(forwarder: &Forwarder<C>, io: S)
where
    C: Containers,
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let (mut incoming, driving) = spdy::accept(io);
    let mut halves = HashMap::new();
    let mut forwarding = FuturesUnordered::new();
    tokio::pin!(driving);
    loop {
        let opening = tokio::select! {
            ended = &mut driving => {
                return tracing::debug!(?ended, "a client has ended its forwarding");
            }
            Some(()) = forwarding.next() => continue,
            Some(opening) = incoming.next() => opening,
        };
        let named = Named::of(&opening).filter(|_| halves.len() < HALVES);
        let accepting = async {
            match named {
                Some(named) => Ok(Some((named, opening.accept().await?))),
                None => opening.refuse().await.map(|()| None),
            }
        };
        // The connection has to go on for the answer to be sent.
        let accepted = tokio::select! {
            _ = &mut driving => return,
            accepted = accepting => accepted,
        };
        if let Ok(Some((Named { port, kind, request }, stream))) = accepted {
            // Old clients name no request: their error stream comes first, and the data stream next.
            let first = if kind == Kind::Data { stream.id.saturating_sub(2) } else { stream.id };
            let request = request.unwrap_or_else(|| format!("stream {first}"));
            match (halves.remove(&request), kind) {
                (Some((Kind::Error, error)), Kind::Data) => {
                    forwarding.push(pair(forwarder, port, stream, error));
                }
                (Some((Kind::Data, data)), Kind::Error) => {
                    forwarding.push(pair(forwarder, port, data, stream));
                }
                (_, kind) => {
                    halves.insert(request, (kind, stream));
                }
            }
        }
    }
}

async fn pair<C: Containers>(forwarder: &Forwarder<C>, port: u16, data: Stream, mut error: Stream) {
    let gone = data.sender.gone();
    let mut near = tokio::io::join(data.receiver, data.sender);
    let failed = tokio::select! {
        forwarded = forwarder.forward(port, &mut near) => forwarded.err(),
        () = gone => None,
    };
    let ending = async {
        if let Some(failed) = &failed {
            error.sender.write_all(failed.as_bytes()).await?;
            near.shutdown().await?;
        }
        // Clients wait for this end, and take silence for success.
        error.sender.shutdown().await
    };
    if let Err(error) = ending.await {
        tracing::debug!(%error, port, "a client does not take the end of a forwarded connection");
    }
}
