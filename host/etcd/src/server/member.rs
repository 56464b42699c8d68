//! The one member of the cluster, which all services speak for.

use std::sync::Arc;

use datastore::{Embedded, Revision};
use supervise::Scope;

use super::Config;
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
        Self { store, config, metrics, scope }
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
