//! Faults between the components and the API server, drawn from a seed that a failing test prints.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use client::{Body, BoxFuture, Transport, TransportError};
use futures_util::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyStream, StreamBody};
use objects::status::{Reason, Status};

/// How often what goes wrong, in thousandths of the requests.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// A write is refused with a conflict.
    pub conflicts: u32,
    /// A request is not answered; a write was carried out or not.
    pub losses: u32,
    /// A watch ends after some of its events.
    pub closed_watches: u32,
}

/// A handle; clones share the dice.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

struct Inner {
    rates: Rates,
    dice: Mutex<fastrand::Rng>,
    gone: AtomicBool,
}

impl Faults {
    pub fn new(rates: Rates, seed: u64) -> Self {
        let dice = Mutex::new(fastrand::Rng::with_seed(seed));
        Self(Arc::new(Inner { rates, dice, gone: AtomicBool::new(false) }))
    }

    /// While it is gone, the API server answers no component.
    pub fn set_gone(&self, gone: bool) {
        self.0.gone.store(gone, Ordering::Relaxed);
    }

    fn falls(&self, thousandths: u32) -> bool {
        self.dice(|dice| dice.u32(0..1000)) < thousandths
    }

    fn dice<T>(&self, throw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        throw(&mut self.0.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A transport on which things go wrong.
pub(crate) struct Faulty<T> {
    pub(crate) inner: T,
    pub(crate) faults: Faults,
}

fn lost() -> TransportError {
    TransportError::Read("lost on purpose".into())
}

impl<T: Transport> Transport for Faulty<T> {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<Result<Response<Body>, TransportError>> {
        let (faults, rates) = (self.faults.clone(), self.faults.0.rates);
        if faults.0.gone.load(Ordering::Relaxed) {
            return Box::pin(async { Err(TransportError::Stopped) });
        }
        if matches!(*request.method(), Method::PUT | Method::PATCH) && faults.falls(rates.conflicts) {
            let status = Status::failure(Reason::Conflict, "conflict on purpose");
            let mut response = Response::new(net::body::full(status.to_tree().to_json()));
            *response.status_mut() = StatusCode::CONFLICT;
            return Box::pin(async move { Ok(response) });
        }
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
        if !is_watch && faults.falls(rates.losses) && faults.dice(|dice| dice.bool()) {
            return Box::pin(async { Err(lost()) });
        }
        let answer = self.inner.send(request);
        Box::pin(async move {
            let response = answer.await?;
            if is_watch && faults.falls(rates.closed_watches) {
                let events = faults.dice(|dice| dice.usize(0..20));
                let cut = |body| net::body::boxed(StreamBody::new(BodyStream::new(body).take(events)));
                return Ok(response.map(cut));
            }
            if !is_watch && faults.falls(rates.losses) {
                return Err(lost());
            }
            Ok(response)
        })
    }
}
