//! etcd's service Cluster, of one member that cannot be joined by others.

use tonic::{Request, Response, Status, async_trait};

use super::error;
use super::member::Member;
use crate::wire::etcdserverpb as pb;
use pb::cluster_server::Cluster;

/// How the URL of a member may begin.
const SCHEMES: &[&str] = &["http://", "https://"];

#[async_trait]
impl Cluster for Member {
    /// Refused with what etcd says of a cluster that does not know the operation, after the errors that it would find
    /// first.
    async fn member_add(
        &self,
        request: Request<pb::MemberAddRequest>,
    ) -> Result<Response<pb::MemberAddResponse>, Status> {
        let urls = request.into_inner().peer_ur_ls;
        if urls.is_empty() || !urls.iter().all(|url| is_member_url(url)) {
            return Err(error::MEMBER_BAD_URLS.into());
        }
        if urls.iter().any(|url| self.config.peer_urls.contains(url)) {
            return Err(error::PEER_URL_EXISTS.into());
        }
        Err(error::NOT_CAPABLE.into())
    }

    /// The last member cannot go.
    async fn member_remove(
        &self,
        request: Request<pb::MemberRemoveRequest>,
    ) -> Result<Response<pb::MemberRemoveResponse>, Status> {
        self.check_member(request.into_inner().id)?;
        Err(error::NOT_ENOUGH_STARTED.into())
    }

    /// A member that no other member looks for keeps its URLs.
    async fn member_update(
        &self,
        request: Request<pb::MemberUpdateRequest>,
    ) -> Result<Response<pb::MemberUpdateResponse>, Status> {
        self.check_member(request.into_inner().id)?;
        Err(error::NOT_CAPABLE.into())
    }

    /// As in etcd, the header has no revision.
    async fn member_list(
        &self,
        _: Request<pb::MemberListRequest>,
    ) -> Result<Response<pb::MemberListResponse>, Status> {
        let member = pb::Member {
            id: self.id(),
            name: self.config.name.clone(),
            peer_ur_ls: self.config.peer_urls.clone(),
            client_ur_ls: self.config.client_urls.clone(),
            is_learner: false,
        };
        let header = self.header_at(datastore::Revision::NEVER);
        Ok(Response::new(pb::MemberListResponse { header, members: vec![member] }))
    }

    async fn member_promote(
        &self,
        request: Request<pb::MemberPromoteRequest>,
    ) -> Result<Response<pb::MemberPromoteResponse>, Status> {
        self.check_member(request.into_inner().id)?;
        Err(error::MEMBER_NOT_LEARNER.into())
    }
}

impl Member {
    fn check_member(&self, id: u64) -> Result<(), Status> {
        if id == self.id() { Ok(()) } else { Err(error::MEMBER_NOT_FOUND.into()) }
    }
}

/// A scheme, a host and a port, and no path.
fn is_member_url(url: &str) -> bool {
    let authority = SCHEMES.iter().find_map(|scheme| url.trim().strip_prefix(scheme));
    authority.is_some_and(|authority| {
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}
