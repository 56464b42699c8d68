//! The kubelet's ports: 10250 behind the gate, 10255 that only reads, 10248 that says whether it is well. What is
//! answered comes from the kubelet's handle and the container runtime; sockets come bound from outside.

mod containers;
mod endpoint;
mod failure;
mod figures;
mod guard;
mod logs;
mod pods;
mod query;
mod reply;
mod streams;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use client::delegated::Gate;
use http::request::Parts;
use http::{Request, Response};
use net::{Body, Listener, TlsServer};
use observe::Metrics;
use supervise::Scope;
use tokio_util::sync::CancellationToken;

use containers::Containers;
use endpoint::{Endpoint, Port, Target};
use failure::Failure;
use streams::Streams;

use crate::handle::KubeletHandle;

/// Streams get this long to end after the stop.
const GRACE: Duration = Duration::from_secs(2);

/// The three ports of one kubelet; clones share it. Each method answers on its listener until `stop`, ends its streams
/// and lets what is under way finish.
#[derive(Clone)]
pub struct Servers(Arc<Server<cri::Runtime>>);

impl Servers {
    /// `gate` says who may use 10250. `pipes` is an existing folder, for the named pipes of processes.
    pub fn new(handle: KubeletHandle, gate: Gate, metrics: Metrics, pipes: PathBuf) -> Self {
        let runtime = Arc::new(handle.runtime().clone());
        Self(Arc::new(Server { handle, runtime, gate, metrics, pipes }))
    }

    /// 10250
    pub async fn secure(&self, listener: &Listener, tls: &TlsServer, stop: CancellationToken) {
        self.0.clone().serve(Port::Secure, listener, Some(tls), stop).await;
    }

    /// 10255
    pub async fn read_only(&self, listener: &Listener, stop: CancellationToken) {
        self.0.clone().serve(Port::ReadOnly, listener, None, stop).await;
    }

    /// 10248
    pub async fn health(&self, listener: &Listener, stop: CancellationToken) {
        self.0.clone().serve(Port::Health, listener, None, stop).await;
    }
}

/// What every port answers from.
struct Server<C> {
    handle: KubeletHandle,
    runtime: Arc<C>,
    gate: Gate,
    metrics: Metrics,
    pipes: PathBuf,
}

impl<C: Containers> Server<C> {
    /// Answers on one port until `stop`.
    async fn serve(
        self: Arc<Self>,
        port: Port,
        listener: &Listener,
        tls: Option<&TlsServer>,
        stop: CancellationToken,
    ) {
        let scope = Scope::root("kubelet streams");
        // The connection of a stream ends with its stream, so streams are told to end first.
        let streams = scope.clone();
        let ending = async {
            stop.cancelled().await;
            streams.close(GRACE).await
        };
        let answering = {
            let (server, scope) = (self, scope.clone());
            let answer = move |request| {
                let (server, scope) = (server.clone(), scope.clone());
                async move { server.answer(port, &scope, request).await }
            };
            net::serve(listener, tls, answer, stop.clone())
        };
        let (left, ()) = tokio::join!(ending, answering);
        if !left.is_empty() {
            tracing::debug!(?left, "streams did not end in time");
        }
    }

    async fn answer<B>(&self, port: Port, scope: &Scope, request: Request<B>) -> Response<Body> {
        let (mut head, _) = request.into_parts();
        if port == Port::Secure
            && let Err(refused) = guard::admit(&self.gate, self.handle.node_name(), &head).await
        {
            return refused;
        }
        let path = head.uri.path().to_owned();
        let answered = match endpoint::find(port, &head.method, &path) {
            Ok((endpoint, target)) => self.reach(endpoint, target, scope, &mut head).await,
            Err(failure) => Err(failure),
        };
        answered.unwrap_or_else(|failure| failure.response())
    }

    async fn reach(
        &self,
        endpoint: Endpoint,
        target: Target<'_>,
        scope: &Scope,
        head: &mut Parts,
    ) -> Result<Response<Body>, Failure> {
        let (handle, runtime) = (&self.handle, &*self.runtime);
        match endpoint {
            Endpoint::Healthz => handle.health().map(|()| reply::text("ok")).map_err(Failure::Unhealthy),
            Endpoint::Pods => Ok(pods::bound(handle)),
            Endpoint::RunningPods => Ok(pods::running(runtime.list().await?)),
            Endpoint::Metrics => Ok(reply::of(observe::CONTENT_TYPE, self.metrics.text())),
            Endpoint::ContainerMetrics => figures::cadvisor(runtime).await,
            Endpoint::ResourceMetrics => figures::resource(runtime).await,
            Endpoint::Summary => figures::summary(handle, runtime).await,
            Endpoint::Spec => Ok(figures::machine(handle.machine())),
            Endpoint::Logs => logs::answer(handle, target, head, scope).await,
            Endpoint::Run => streams::run(handle, runtime, target, head).await,
            Endpoint::Exec => self.streams(scope).exec(target, head),
            Endpoint::Attach => self.streams(scope).attach(target, head),
            Endpoint::PortForward => self.streams(scope).port_forward(target, head),
        }
    }

    fn streams<'a>(&'a self, scope: &'a Scope) -> Streams<'a, C> {
        Streams { handle: &self.handle, runtime: &self.runtime, pipes: &self.pipes, scope }
    }
}
