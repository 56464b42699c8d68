//! etcd's service Maintenance.

mod snapshot;

use std::pin::Pin;

use datastore::{Alarm, Revision};
use futures_util::stream::Stream;
use tonic::{Request, Response, Status, async_trait};

use super::VERSION;
use super::error::{self, refused};
use super::member::Member;
use crate::records;
use crate::snapshot::{STORAGE_VERSION, TERM};
use crate::wire::etcdserverpb as pb;
use pb::AlarmType;
use pb::alarm_request::AlarmAction;
use pb::maintenance_server::Maintenance;

#[async_trait]
impl Maintenance for Member {
    type SnapshotStream = Pin<Box<dyn Stream<Item = Result<pb::SnapshotResponse, Status>> + Send + 'static>>;

    /// There is one member: alarms of others cannot be raised, and no member stands for this one.
    async fn alarm(&self, request: Request<pb::AlarmRequest>) -> Result<Response<pb::AlarmResponse>, Status> {
        let request = request.into_inner();
        let named = Alarm::of_number(request.alarm.into());
        let ours = request.member_id == 0 || request.member_id == self.id();
        let is_raised = |alarm: &Alarm| self.store.status().alarms.contains(alarm);
        let told = match (AlarmAction::try_from(request.action), named.filter(|_| ours)) {
            (Ok(AlarmAction::Get), _) => {
                let mut alarms = self.store.status().alarms;
                alarms.retain(|alarm| request.alarm == AlarmType::None as i32 || named == Some(*alarm));
                alarms
            }
            (Ok(AlarmAction::Activate), Some(alarm)) => {
                self.set_alarm(alarm, true).await?;
                vec![alarm]
            }
            (Ok(AlarmAction::Deactivate), Some(alarm)) if is_raised(&alarm) => {
                self.set_alarm(alarm, false).await?;
                vec![alarm]
            }
            _ => Vec::new(),
        };
        let alarms = told.into_iter().map(|alarm| self.alarm_member(alarm)).collect();
        Ok(Response::new(pb::AlarmResponse { header: self.header(), alarms }))
    }

    /// There is no raft: the only member leads since ever, and each revision stands for the entry that made it.
    async fn status(&self, _: Request<pb::StatusRequest>) -> Result<Response<pb::StatusResponse>, Status> {
        let status = self.store.status();
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let index = u64::try_from(status.revision.0).unwrap_or_default();
        Ok(Response::new(pb::StatusResponse {
            header: self.header_at(status.revision),
            version: VERSION.to_owned(),
            db_size: bytes(status.bytes_on_disk),
            leader: self.id(),
            raft_index: index,
            raft_term: TERM,
            raft_applied_index: index,
            errors: status.alarms.into_iter().map(|alarm| self.describe(alarm)).collect(),
            // Zero is not told, and an empty store is no store that does not know.
            db_size_in_use: bytes(status.bytes_in_use).max(1),
            is_learner: false,
            storage_version: STORAGE_VERSION.to_owned(),
            db_size_quota: bytes(status.quota),
        }))
    }

    /// As in etcd, the answer has no header.
    async fn defragment(
        &self,
        _: Request<pb::DefragmentRequest>,
    ) -> Result<Response<pb::DefragmentResponse>, Status> {
        self.store.defragment().await.map_err(refused)?;
        Ok(Response::new(pb::DefragmentResponse { header: None }))
    }

    /// Of the keys' records alone: what else etcd hashes is not here.
    async fn hash(&self, _: Request<pb::HashRequest>) -> Result<Response<pb::HashResponse>, Status> {
        let (hash, revision) =
            self.compute("hash", |export| (records::hash(export), export.revision)).await?;
        Ok(Response::new(pb::HashResponse { header: self.header_at(revision), hash }))
    }

    async fn hash_kv(
        &self,
        request: Request<pb::HashKvRequest>,
    ) -> Result<Response<pb::HashKvResponse>, Status> {
        let asked = Revision(request.into_inner().revision);
        let header = self.header();
        self.compute("hash", move |export| {
            if asked > Revision::NEVER && asked < export.compacted {
                return Err(error::COMPACTED.into());
            }
            if asked > export.revision {
                return Err(error::FUTURE_REVISION.into());
            }
            let revision = if asked == Revision::NEVER { export.revision } else { asked };
            let header = header.map(|header| pb::ResponseHeader { revision: export.revision.0, ..header });
            Ok(Response::new(pb::HashKvResponse {
                header,
                hash: records::hash_as_of(export, revision),
                compact_revision: export.compacted.0,
                hash_revision: revision.0,
            }))
        })
        .await?
    }

    async fn snapshot(
        &self,
        _: Request<pb::SnapshotRequest>,
    ) -> Result<Response<Self::SnapshotStream>, Status> {
        Ok(Response::new(Box::pin(self.stream_snapshot().await?)))
    }

    /// As in etcd, the answer has no header.
    async fn move_leader(
        &self,
        request: Request<pb::MoveLeaderRequest>,
    ) -> Result<Response<pb::MoveLeaderResponse>, Status> {
        if request.into_inner().target_id != self.id() {
            return Err(error::BAD_LEADER_TRANSFEREE.into());
        }
        Ok(Response::new(pb::MoveLeaderResponse { header: None }))
    }
}

impl Member {
    fn alarm_member(&self, alarm: Alarm) -> pb::AlarmMember {
        let alarm = match alarm {
            Alarm::NoSpace => AlarmType::Nospace,
            Alarm::Corrupt => AlarmType::Corrupt,
        };
        pb::AlarmMember { member_id: self.id(), alarm: alarm.into() }
    }

    async fn set_alarm(&self, alarm: Alarm, active: bool) -> Result<(), Status> {
        self.store.set_alarm(alarm, active).await.map_err(refused)
    }

    /// As protobuf's text format has it, which etcd answers.
    fn describe(&self, alarm: Alarm) -> String {
        let alarm = self.alarm_member(alarm);
        format!("memberID:{} alarm:{} ", alarm.member_id, alarm.alarm().as_str_name())
    }

    /// Computes from everything that can be read, on a thread of its own.
    async fn compute<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce(&datastore::Export) -> T + Send + 'static,
    ) -> Result<T, Status> {
        let store = self.store.clone();
        let computing = self.scope.spawn_blocking(name, move || work(&store.export()));
        computing.await.map_err(|why| Status::internal(format!("{name}: {why}")))
    }
}
