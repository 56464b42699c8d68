//! The one member of the cluster, which all services speak for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datastore::{Alarm, Embedded, Revision};
use supervise::Scope;
use tonic::Status;

use super::Config;
use super::error;
use super::metrics::Metrics;
use crate::snapshot::TERM;
use crate::wire::etcdserverpb::ResponseHeader;

/// What the services are implemented for.
pub(super) struct Member {
    pub(super) store: Embedded,
    pub(super) config: Config,
    pub(super) metrics: Arc<Metrics>,
    /// Streams end with it.
    pub(super) scope: Scope,
    /// The alarm [`Alarm::Corrupt`] is raised, which only clients do.
    pub(super) corrupt: AtomicBool,
}

/// Makes the headers of answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers {
    pub(super) cluster_id: u64,
    pub(super) member_id: u64,
}

impl Headers {
    pub(super) fn at(self, revision: Revision) -> ResponseHeader {
        ResponseHeader {
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            revision: revision.0,
            raft_term: TERM,
        }
    }
}

impl Member {
    pub(super) fn new(store: Embedded, config: Config, metrics: Arc<Metrics>, scope: Scope) -> Self {
        let corrupt = store.status().alarms.contains(&Alarm::Corrupt).into();
        Self { store, config, metrics, scope, corrupt }
    }

    /// # Errors
    /// Where nothing is to be changed because somebody found the store damaged.
    pub(super) fn check_writable(&self) -> Result<(), Status> {
        if self.corrupt.load(Ordering::Relaxed) { Err(error::CORRUPT.into()) } else { Ok(()) }
    }

    pub(super) fn headers(&self) -> Headers {
        let identity = self.store.identity();
        Headers { cluster_id: identity.cluster, member_id: identity.member }
    }

    pub(super) fn header_at(&self, revision: Revision) -> Option<ResponseHeader> {
        Some(self.headers().at(revision))
    }

    /// A header with the present revision.
    pub(super) fn header(&self) -> Option<ResponseHeader> {
        self.header_at(self.store.revision())
    }

    pub(super) fn id(&self) -> u64 {
        self.store.identity().member
    }
}
