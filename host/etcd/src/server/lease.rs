//! etcd's service Lease.

use std::pin::Pin;
use std::sync::Arc;

use datastore::{Embedded, LeaseError, LeaseId, StoreError};
use futures_util::stream::{self, Stream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::error::{self, of_stream, refused};
use super::member::{Headers, Member};
use super::metrics::Metrics;
use crate::wire::etcdserverpb as pb;
use pb::lease_server::Lease;

/// Seconds that a lease lives at most.
const LONGEST: i64 = 9_000_000_000;
/// The seconds of a lease that does not exist, where its time is asked for.
const NO_LEASE: i64 = -1;

#[async_trait]
impl Lease for Member {
    type LeaseKeepAliveStream =
        Pin<Box<dyn Stream<Item = Result<pb::LeaseKeepAliveResponse, Status>> + Send + 'static>>;

    async fn lease_grant(
        &self,
        request: Request<pb::LeaseGrantRequest>,
    ) -> Result<Response<pb::LeaseGrantResponse>, Status> {
        let request = request.into_inner();
        if request.ttl > LONGEST {
            return Err(error::LEASE_TTL_TOO_LARGE.into());
        }
        let (id, ttl) = self.store.grant(LeaseId(request.id), request.ttl).await.map_err(refused)?;
        self.metrics.leases_granted.inc();
        let header = self.header();
        Ok(Response::new(pb::LeaseGrantResponse { header, id: id.0, ttl, error: String::new() }))
    }

    async fn lease_revoke(
        &self,
        request: Request<pb::LeaseRevokeRequest>,
    ) -> Result<Response<pb::LeaseRevokeResponse>, Status> {
        let revision = self.store.revoke(LeaseId(request.into_inner().id)).await.map_err(refused)?;
        self.metrics.leases_revoked.inc();
        Ok(Response::new(pb::LeaseRevokeResponse { header: self.header_at(revision) }))
    }

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<pb::LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let renewals = Renewals {
            requests: request.into_inner(),
            store: self.store.clone(),
            headers: self.headers(),
            metrics: Arc::clone(&self.metrics),
            stop: self.scope.token(),
        };
        let answers = stream::unfold(renewals, async |mut renewals| {
            let answer = renewals.next().await?;
            Some((answer, renewals))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<pb::LeaseTimeToLiveRequest>,
    ) -> Result<Response<pb::LeaseTimeToLiveResponse>, Status> {
        let pb::LeaseTimeToLiveRequest { id, keys } = request.into_inner();
        let none =
            pb::LeaseTimeToLiveResponse { header: self.header(), id, ttl: NO_LEASE, ..Default::default() };
        let Some(lease) = self.store.lease(LeaseId(id)) else { return Ok(Response::new(none)) };
        Ok(Response::new(pb::LeaseTimeToLiveResponse {
            ttl: i64::try_from(lease.remaining.as_secs()).unwrap_or(i64::MAX),
            granted_ttl: lease.granted,
            keys: if keys { lease.keys } else { Vec::new() },
            ..none
        }))
    }

    /// The one that ends first comes first.
    async fn lease_leases(
        &self,
        _: Request<pb::LeaseLeasesRequest>,
    ) -> Result<Response<pb::LeaseLeasesResponse>, Status> {
        let remaining = |id| Some((self.store.lease(id)?.remaining, id));
        let mut leases: Vec<_> = self.store.leases().into_iter().filter_map(remaining).collect();
        leases.sort_unstable();
        let leases = leases.into_iter().map(|(_, id)| pb::LeaseStatus { id: id.0 }).collect();
        Ok(Response::new(pb::LeaseLeasesResponse { header: self.header(), leases }))
    }
}

/// A stream of requests to keep leases alive, answered one after the other.
struct Renewals {
    requests: Streaming<pb::LeaseKeepAliveRequest>,
    store: Embedded,
    headers: Headers,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
}

impl Renewals {
    async fn next(&mut self) -> Option<Result<pb::LeaseKeepAliveResponse, Status>> {
        let request = tokio::select! {
            request = self.requests.message() => request,
            () = self.stop.cancelled() => return Some(Err(error::STOPPED.into())),
        };
        match request {
            Ok(request) => Some(self.renew(request?.id).await),
            Err(status) => Some(Err(of_stream(status))),
        }
    }

    /// The revision is that of before: the lease still lived then.
    async fn renew(&self, id: i64) -> Result<pb::LeaseKeepAliveResponse, Status> {
        let header = Some(self.headers.at(self.store.revision()));
        let ttl = match self.store.renew(LeaseId(id)).await {
            Ok(ttl) => ttl,
            Err(StoreError::Lease(LeaseError::NotFound(_))) => 0,
            Err(error) => return Err(refused(error)),
        };
        self.metrics.leases_renewed.inc();
        Ok(pb::LeaseKeepAliveResponse { header, id, ttl })
    }
}
