//! Answers on their way to those who asked. The writer's thread is none of the runtime, where waking one task costs as much
//! as waking many: it hands over all answers of a frame at once, and a task there gives each to who waits for it.

use std::sync::Arc;

use mvcc::{Revision, TxnResult};
use tokio::sync::oneshot;

use crate::{FileError, StoreError};

/// Frames whose answers may wait to be given; then the writer waits too.
pub(crate) const WAITING: usize = 64;

pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// All answers of a frame, and whether that is on disk.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) answers: Vec<Answer>,
    pub(crate) written: Result<(), Arc<FileError>>,
}

/// What is answered to whom if the frame is on disk.
#[derive(Debug)]
pub(crate) enum Answer {
    Txn(Reply<TxnResult>, Result<TxnResult, StoreError>),
    Revoked(Reply<Revision>, Result<Revision, StoreError>),
    Renewed(Reply<i64>, Result<i64, StoreError>),
    Done(Reply<()>, Result<(), StoreError>),
}

impl Answers {
    pub(crate) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    pub(crate) fn give(self) {
        for answer in self.answers {
            let written = self.written.clone().map_err(StoreError::Write);
            match answer {
                Answer::Txn(reply, result) => ignore_absent(reply.send(written.and(result))),
                Answer::Revoked(reply, result) => ignore_absent(reply.send(written.and(result))),
                Answer::Renewed(reply, result) => ignore_absent(reply.send(written.and(result))),
                Answer::Done(reply, result) => ignore_absent(reply.send(written.and(result))),
            }
        }
    }
}

/// Who asked may have stopped waiting.
pub(crate) fn ignore_absent<T>(sent: Result<(), T>) {
    drop(sent);
}
