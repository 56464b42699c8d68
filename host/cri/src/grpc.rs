//! Owns the one HTTP/2 connection to the runtime's socket and the calls over it: a connection is made when it is first
//! needed and again after it broke, and a call fails at once while nobody listens.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Uri, uri::PathAndQuery};
use hyper::{
    body::Incoming,
    client::conn::http2::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;
use tonic::{Code, Request, Streaming, body::Body, client::Grpc, metadata::MetadataValue};
use tonic_prost::ProstCodec;

use crate::Error;

/// The largest message taken from the runtime: a list of every container of a full node, with annotations.
const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Runs the connection's background work; given by the owner, since this crate spawns nothing by itself.
#[derive(Clone)]
pub struct Spawner(Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>);

impl Spawner {
    pub fn new(spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(spawn))
    }

    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        (self.0)(Box::pin(work));
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Spawner {
    fn execute(&self, work: F) {
        self.spawn(work);
    }
}

/// A namespace of containerd: CRI's own objects live in `k8s.io`.
const NAMESPACE: &str = "k8s.io";

#[derive(Clone)]
pub(crate) struct Channel {
    inner: Arc<Inner>,
}

struct Inner {
    socket: PathBuf,
    spawner: Spawner,
    connection: Mutex<Option<SendRequest<Body>>>,
}

impl Channel {
    pub(crate) fn new(socket: PathBuf, spawner: Spawner) -> Self {
        Self { inner: Arc::new(Inner { socket, spawner, connection: Mutex::new(None) }) }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.inner.socket
    }

    pub(crate) fn spawner(&self) -> &Spawner {
        &self.inner.spawner
    }

    /// One request, one answer.
    pub(crate) async fn unary<Q, A>(&self, method: &'static str, message: Q) -> Result<A, Error>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        self.unary_with(method, message, None).await
    }

    /// As [`Channel::unary`], with what is written kept from the garbage collector by a lease.
    pub(crate) async fn unary_with<Q, A>(
        &self,
        method: &'static str,
        message: Q,
        lease: Option<&str>,
    ) -> Result<A, Error>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let request = prepared(message, lease);
        let codec = ProstCodec::<Q, A>::default();
        let answer = self.grpc().unary(request, PathAndQuery::from_static(method), codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.error(method, status))
    }

    /// One request, a stream of answers.
    pub(crate) async fn stream<Q, A>(&self, method: &'static str, message: Q) -> Result<Streaming<A>, Error>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let request = prepared(message, None);
        let codec = ProstCodec::<Q, A>::default();
        let answer = self.grpc().server_streaming(request, PathAndQuery::from_static(method), codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.error(method, status))
    }

    /// A stream of requests, a stream of answers.
    pub(crate) async fn duplex<Q, A>(
        &self,
        method: &'static str,
        messages: impl futures_util::Stream<Item = Q> + Send + 'static,
        lease: Option<&str>,
    ) -> Result<Streaming<A>, Error>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let request = prepared(messages, lease);
        let codec = ProstCodec::<Q, A>::default();
        let answer = self.grpc().streaming(request, PathAndQuery::from_static(method), codec).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.error(method, status))
    }

    pub(crate) fn error(&self, method: &'static str, status: tonic::Status) -> Error {
        if status.code() == Code::Unavailable || std::error::Error::source(&status).is_some() {
            return Error::Unreachable {
                socket: self.inner.socket.clone(),
                reason: status.message().to_owned(),
            };
        }
        Error::Refused { method, code: status.code().into(), message: status.message().to_owned() }
    }

    fn grpc(&self) -> Grpc<Channel> {
        Grpc::with_origin(self.clone(), Uri::from_static("http://containerd"))
            .max_decoding_message_size(MESSAGE_LIMIT)
            .max_encoding_message_size(MESSAGE_LIMIT)
    }

    async fn connection(&self) -> Result<SendRequest<Body>, BoxError> {
        let mut slot = self.inner.connection.lock().await;
        if let Some(connection) = slot.as_ref().filter(|connection| !connection.is_closed()) {
            return Ok(connection.clone());
        }
        let stream = net::dial::unix(&self.inner.socket).await?;
        let (send, driver) = http2::handshake(self.inner.spawner.clone(), TokioIo::new(stream)).await?;
        self.inner.spawner.spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "the runtime's connection ended");
            }
        });
        *slot = Some(send.clone());
        Ok(send)
    }
}

impl tower_service::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let channel = self.clone();
        Box::pin(async move {
            let unavailable =
                |error: BoxError| -> BoxError { tonic::Status::unavailable(chain(&*error)).into() };
            let mut connection = channel.connection().await.map_err(unavailable)?;
            connection.ready().await.map_err(|error| unavailable(error.into()))?;
            connection.send_request(request).await.map_err(|error| unavailable(error.into()))
        })
    }
}

/// An error and its sources on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

fn prepared<M>(message: M, lease: Option<&str>) -> Request<M> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("containerd-namespace", MetadataValue::from_static(NAMESPACE));
    if let Some(lease) = lease.and_then(|lease| lease.parse().ok()) {
        request.metadata_mut().insert("containerd-lease", lease);
    }
    request
}
