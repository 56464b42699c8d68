//! The one thread that changes the store: takes all waiting transactions, applies them in memory, writes them with one
//! flush, and only then answers and tells watchers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mvcc::{CompactError, Retention, Revision, Store, Txn, TxnError, TxnResult};
use tokio::sync::{mpsc, oneshot, watch};

use crate::StoreError;
use crate::shared::Shared;
use crate::store_file::{Changes, FileError, Volume, collect};

/// Transactions in one commit.
const BATCH: usize = 1024;
/// After a failed write others are refused for this long before the file is tried again.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) enum Command {
    Txn(Txn, oneshot::Sender<Result<TxnResult, StoreError>>),
    Compact(Revision, oneshot::Sender<Result<(), CompactError>>),
    /// Lets history expire; carries the time since the start.
    Tick(Duration),
    /// Makes the writer look at its stop flag.
    Wake,
}

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) durable: watch::Sender<Revision>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) volume: Volume,
    pub(crate) retention: Retention,
    pub(crate) history_weight: usize,
    pub(crate) stop: Arc<AtomicBool>,
    /// Keys whose state on disk is unknown since a write failed.
    pub(crate) doubtful: Changes,
    pub(crate) refusal: Option<(Instant, Arc<FileError>)>,
}

type Answer = (oneshot::Sender<Result<TxnResult, StoreError>>, Result<TxnResult, TxnError>);

impl Writer {
    /// Returns when stopped, or when nobody can send any more.
    ///
    /// # Errors
    /// When the disk failed in a way that does not pass by itself, as a full disk does.
    pub(crate) fn run(mut self) -> Result<(), Arc<FileError>> {
        let mut batch = Vec::new();
        while self.commands.blocking_recv_many(&mut batch, BATCH) > 0 && !self.stop.load(Ordering::Acquire) {
            self.execute(&mut batch);
            if let Some((_, error)) = self.refusal.take_if(|(_, error)| !error.is_passing()) {
                return Err(error);
            }
        }
        Ok(())
    }

    fn execute(&mut self, batch: &mut Vec<Command>) {
        let mut changes = Changes::new();
        let mut answers: Vec<Answer> = Vec::new();
        let mut others = Vec::new();
        let mut store = self.shared.write();
        for command in batch.drain(..) {
            match command {
                Command::Txn(txn, reply) => answers.push((reply, apply(&mut store, &txn, &mut changes))),
                other => others.push(other),
            }
        }
        let revision = store.revision();
        drop(store);
        let written = if changes.is_empty() { Ok(()) } else { self.write(revision, changes) };
        if written.is_ok() {
            self.durable.send_if_modified(|durable| std::mem::replace(durable, revision) != revision);
        }
        for (reply, result) in answers {
            let answer = match &written {
                Ok(()) => result.map_err(StoreError::from),
                Err(error) => Err(StoreError::Write(Arc::clone(error))),
            };
            ignore_absent(reply.send(answer));
        }
        for command in others {
            self.maintain(command);
        }
        self.lose_weight();
    }

    /// Brings the changes to disk, or takes them back in memory.
    fn write(&mut self, revision: Revision, changes: Changes) -> Result<(), Arc<FileError>> {
        let refusal = self.refusal.take_if(|(since, _)| since.elapsed() >= RETRY);
        if let Some((_, error)) = &self.refusal {
            let error = Arc::clone(error);
            self.rollback(&Changes::new());
            return Err(error);
        }
        let mut all = std::mem::take(&mut self.doubtful);
        all.extend(changes);
        match self.volume.commit(revision, &all) {
            Ok(()) => {
                if refusal.is_some() {
                    tracing::info!(%revision, "the datastore takes writes again");
                }
                Ok(())
            }
            Err(error) => {
                let error = Arc::new(error);
                if refusal.is_none() {
                    tracing::error!(error = %error, "the datastore refuses writes");
                }
                self.refusal = Some((Instant::now(), Arc::clone(&error)));
                self.rollback(&all);
                Err(error)
            }
        }
    }

    fn rollback(&mut self, failed: &Changes) {
        let mut store = self.shared.write();
        store.rollback(*self.durable.borrow());
        for key in failed.keys() {
            self.doubtful.insert(key.clone(), store.present().get(key).cloned());
        }
    }

    fn maintain(&mut self, command: Command) {
        match command {
            Command::Compact(revision, reply) => {
                ignore_absent(reply.send(self.shared.write().compact(revision)))
            }
            Command::Tick(now) => {
                let expired = self.retention.step(now, *self.durable.borrow());
                self.forget(expired);
            }
            Command::Txn(..) | Command::Wake => {}
        }
    }

    /// Forgets some more than it must, so that it is seldom asked to.
    fn lose_weight(&mut self) {
        let store = self.shared.read();
        if store.history_weight() > self.history_weight {
            let heavy = store.overweight(self.history_weight / 4 * 3);
            drop(store);
            self.forget(heavy);
        }
    }

    fn forget(&mut self, before: Option<Revision>) {
        let mut store = self.shared.write();
        if let Some(revision) = before.filter(|revision| *revision > store.compacted())
            && let Err(error) = store.compact(revision)
        {
            tracing::warn!(%error, "compact the datastore");
        }
    }
}

fn apply(store: &mut Store, txn: &Txn, changes: &mut Changes) -> Result<TxnResult, TxnError> {
    let applied = store.apply(txn)?;
    if let Some(commit) = applied.commit {
        collect(changes, &commit);
    }
    Ok(applied.result)
}

/// Who asked may have stopped waiting.
fn ignore_absent<T>(sent: Result<(), T>) {
    drop(sent);
}
