//! The HTTP/2 connection to the server under test: messages go and come as bytes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes};
use futures_util::future::BoxFuture;
use http::Uri;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tonic::Status;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// Where a server answers, without TLS.
#[derive(Clone, Debug)]
pub enum Endpoint {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

/// To be called from inside a tokio runtime, which drives it.
#[derive(Clone)]
pub(crate) struct Connection(SendRequest<Body>);

impl Connection {
    #[expect(clippy::disallowed_methods, reason = "the client of a test dials by itself")]
    pub(crate) async fn open(endpoint: &Endpoint) -> anyhow::Result<Self> {
        match endpoint {
            Endpoint::Unix(path) => Self::over(UnixStream::connect(path).await?).await,
            Endpoint::Tcp(address) => Self::over(TcpStream::connect(address).await?).await,
        }
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> anyhow::Result<Self> {
        let (send, driver) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        // How it ended is told to the calls that it carried.
        hyper::rt::Executor::execute(&TokioExecutor::new(), async { driver.await.ok() });
        Ok(Self(send))
    }

    pub(crate) fn grpc(&self) -> Grpc<Self> {
        // The server's limits are the ones to be tried.
        Grpc::with_origin(self.clone(), Uri::from_static("http://etcd"))
            .max_decoding_message_size(usize::MAX)
            .max_encoding_message_size(usize::MAX)
    }
}

impl tower_service::Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// Messages as they are on the wire.
#[derive(Clone, Copy)]
pub(crate) struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
