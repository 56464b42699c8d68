//! What goes wrong, in the codes and words that etcd's clients know it by: both are facts of the protocol.

use datastore::{CompactError, LeaseError, RangeError, StoreError, TxnError};
use tonic::{Code, Status};

use crate::codec::UNREADABLE;

/// A refusal of etcd's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: Code,
    message: &'static str,
}

const fn refusal(code: Code, message: &'static str) -> Refusal {
    Refusal { code, message }
}

pub(super) const EMPTY_KEY: Refusal = refusal(Code::InvalidArgument, "etcdserver: key is not provided");
pub(super) const KEY_NOT_FOUND: Refusal = refusal(Code::InvalidArgument, "etcdserver: key not found");
pub(super) const VALUE_PROVIDED: Refusal = refusal(Code::InvalidArgument, "etcdserver: value is provided");
pub(super) const LEASE_PROVIDED: Refusal = refusal(Code::InvalidArgument, "etcdserver: lease is provided");
pub(super) const TOO_MANY_OPS: Refusal =
    refusal(Code::InvalidArgument, "etcdserver: too many operations in txn request");
pub(super) const DUPLICATE_KEY: Refusal =
    refusal(Code::InvalidArgument, "etcdserver: duplicate key given in txn request");
pub(super) const INVALID_SORT_OPTION: Refusal =
    refusal(Code::InvalidArgument, "etcdserver: invalid sort option");
pub(super) const REQUEST_TOO_LARGE: Refusal =
    refusal(Code::InvalidArgument, "etcdserver: request is too large");
pub(super) const COMPACTED: Refusal =
    refusal(Code::OutOfRange, "etcdserver: mvcc: required revision has been compacted");
pub(super) const FUTURE_REVISION: Refusal =
    refusal(Code::OutOfRange, "etcdserver: mvcc: required revision is a future revision");
pub(super) const NO_SPACE: Refusal =
    refusal(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded");
pub(super) const CORRUPT: Refusal = refusal(Code::DataLoss, "etcdserver: corrupt cluster");
pub(super) const LEASE_NOT_FOUND: Refusal = refusal(Code::NotFound, "etcdserver: requested lease not found");
pub(super) const LEASE_EXISTS: Refusal =
    refusal(Code::FailedPrecondition, "etcdserver: lease already exists");
pub(super) const LEASE_TTL_TOO_LARGE: Refusal = refusal(Code::OutOfRange, "etcdserver: too large lease TTL");
pub(super) const MEMBER_NOT_FOUND: Refusal = refusal(Code::NotFound, "etcdserver: member not found");
pub(super) const MEMBER_BAD_URLS: Refusal =
    refusal(Code::InvalidArgument, "etcdserver: given member URLs are invalid");
pub(super) const PEER_URL_EXISTS: Refusal =
    refusal(Code::FailedPrecondition, "etcdserver: Peer URLs already exists");
pub(super) const MEMBER_NOT_LEARNER: Refusal =
    refusal(Code::FailedPrecondition, "etcdserver: can only promote a learner member");
/// etcd answers this one without its own code.
pub(super) const NOT_ENOUGH_STARTED: Refusal =
    refusal(Code::Unknown, "etcdserver: re-configuration failed due to not enough started members");
pub(super) const NOT_CAPABLE: Refusal = refusal(Code::FailedPrecondition, "etcdserver: not capable");
pub(super) const BAD_LEADER_TRANSFEREE: Refusal =
    refusal(Code::FailedPrecondition, "etcdserver: bad leader transferee");
/// The request may have been executed or not.
pub(super) const TIMED_OUT: Refusal = refusal(Code::Unavailable, "etcdserver: request timed out");
pub(super) const STOPPED: Refusal = refusal(Code::Unavailable, "etcdserver: server stopped");

impl Refusal {
    pub(super) const fn message(self) -> &'static str {
        self.message
    }
}

impl From<Refusal> for Status {
    fn from(Refusal { code, message }: Refusal) -> Self {
        Status::new(code, message)
    }
}

/// What the store's error is to a client.
pub(super) fn of_store(error: &StoreError) -> Refusal {
    match error {
        StoreError::Range(error) | StoreError::Txn(TxnError::Range(error)) => match error {
            RangeError::Compacted { .. } => COMPACTED,
            RangeError::Future { .. } => FUTURE_REVISION,
        },
        StoreError::Txn(TxnError::DuplicateKey { .. }) => DUPLICATE_KEY,
        StoreError::Txn(TxnError::KeyNotFound { .. }) => KEY_NOT_FOUND,
        StoreError::Txn(TxnError::LeaseNotFound { .. }) | StoreError::Lease(LeaseError::NotFound(_)) => {
            LEASE_NOT_FOUND
        }
        StoreError::Lease(LeaseError::Exists(_)) => LEASE_EXISTS,
        StoreError::Compact(CompactError::Compacted { .. }) => COMPACTED,
        StoreError::Compact(CompactError::Future { .. }) => FUTURE_REVISION,
        StoreError::NoSpace => NO_SPACE,
        StoreError::Corrupt => CORRUPT,
        StoreError::Write(_) | StoreError::Remote { .. } => TIMED_OUT,
        StoreError::Stopped => STOPPED,
    }
}

/// As [`of_store`], for `map_err`.
pub(super) fn refused(error: StoreError) -> Status {
    of_store(&error).into()
}

/// tonic's words for a message beyond the limit in grpc-go's, which clients look for.
pub(super) fn of_receiving(status: Status) -> Status {
    let sizes = (status.code() == Code::OutOfRange)
        .then(|| status.message().strip_prefix("Error, decoded message length too large: found "))
        .flatten()
        .and_then(|rest| rest.strip_suffix(" bytes"))
        .and_then(|rest| rest.split_once(" bytes, the limit is: "));
    match sizes {
        Some((found, limit)) => Status::resource_exhausted(format!(
            "grpc: received message larger than max ({found} vs. {limit})"
        )),
        None => status,
    }
}

/// As [`of_receiving`], of a message of a stream, for which grpc-go has words of its own.
pub(super) fn of_stream(status: Status) -> Status {
    let unreadable = (status.code() == Code::Internal).then(|| status.message().strip_prefix(UNREADABLE));
    match unreadable.flatten() {
        Some(why) => Status::internal(format!("grpc: failed to unmarshal the received message: {why}")),
        None => of_receiving(status),
    }
}
