//! What changes the store: carries all commands of a turn out in memory, writes them with one flush, and only then answers
//! and tells watchers.

mod batch;

use std::sync::Arc;
use std::time::Duration;

use mvcc::{KeyRange, LeaseId, Retention, Revision, Txn, TxnResult};
use tokio::sync::{mpsc, oneshot, watch};

use crate::answers::{Answers, Reply, ignore_absent};
use crate::file::entry::{self, Entry};
use crate::file::frame::FrameBuffer;
use crate::file::image::Image;
use crate::file::journal::Journal;
use crate::imaging::Order;
use crate::shared::Shared;
use crate::{Alarm, FileError, StoreError};

use batch::Batch;

/// Commits of compacted history that are forgotten between two batches.
const PRUNE: usize = 2000;
/// Logs may be this large before what they hold is drawn together in an image, or as large as what they are about.
const LOGS: u64 = 64 << 20;
/// Leases that end in one batch.
const EXPIRE: usize = 1000;

#[derive(Debug)]
pub(crate) enum Command {
    Txn(Txn, Reply<TxnResult>),
    Grant {
        id: LeaseId,
        ttl: i64,
        reply: Reply<()>,
    },
    Revoke(LeaseId, Reply<Revision>),
    Renew(LeaseId, Reply<i64>),
    Alarm {
        alarm: Alarm,
        active: bool,
        reply: Reply<()>,
    },
    Compact(Revision, Reply<()>),
    /// Draws everything together that can be.
    Defragment(Reply<()>),
    /// An image was made, or could not be.
    Imaged(Result<(Revision, u64), Arc<FileError>>),
    /// Lets history and leases expire; carries the time since the start.
    Tick(Duration),
    /// Has a turn taken.
    Wake,
}

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) durable: watch::Sender<Revision>,
    pub(crate) journal: Journal,
    pub(crate) frame: FrameBuffer,
    pub(crate) retention: Retention,
    pub(crate) history_weight: usize,
    /// What is to be told in the next frame, but is worth none of its own.
    pub(crate) deferred: Vec<Entry>,
    pub(crate) imaging: Imaging,
    /// Writes are refused since the disk is full.
    pub(crate) refusing: bool,
}

/// What is known of images and of the one that is being made.
pub(crate) struct Imaging {
    pub(crate) orders: mpsc::Sender<Order>,
    pub(crate) bytes: u64,
    pub(crate) running: bool,
    /// Who waits for the next one, and who for the one that runs.
    pub(crate) wanted: Vec<Reply<()>>,
    pub(crate) waiting: Vec<Reply<()>>,
    /// The logs must have grown to this until it is tried again.
    pub(crate) not_before: u64,
}

impl Writer {
    /// Carries out what was taken and a part of what is always to be done; tells whether some of that is left.
    ///
    /// # Errors
    /// When the disk failed in a way that does not pass by itself, as a full disk does.
    pub(crate) fn turn(
        &mut self,
        taken: &mut Vec<Command>,
        give: &dyn Fn(Answers),
    ) -> Result<bool, Arc<FileError>> {
        self.execute(taken, give)?;
        let is_unfinished = self.shared.write().prune(PRUNE);
        self.maintain();
        Ok(is_unfinished)
    }

    /// Notes what waits for a frame that does not come.
    ///
    /// # Errors
    /// As [`Writer::turn`].
    pub(crate) fn finish(mut self) -> Result<(), Arc<FileError>> {
        if self.deferred.is_empty() {
            return Ok(());
        }
        self.execute(&mut vec![Command::Wake], &Answers::give)
    }

    /// Carries out what was taken, in as many frames as it needs.
    fn execute(&mut self, taken: &mut Vec<Command>, give: &dyn Fn(Answers)) -> Result<(), Arc<FileError>> {
        let mut rest = taken.drain(..).peekable();
        while rest.peek().is_some() {
            self.deferred.drain(..).for_each(|entry| entry::put(&entry, self.frame.payload()));
            let mut batch = Batch::new(&self.shared, &mut self.frame);
            for command in rest.by_ref() {
                batch.take(command);
                if batch.is_full() {
                    break;
                }
            }
            let done = batch.finish();
            let written = if done.is_durable { Ok(()) } else { self.write(done.revision) };
            self.frame.clear();
            match written {
                Ok(()) => {
                    self.shared.write().settle();
                    let revision = done.revision;
                    // First it can be read, then watchers are told of it.
                    self.durable.send_if_modified(|durable| std::mem::replace(durable, revision) != revision);
                    self.shared.hub.tell(&done.commits, revision);
                    give(Answers { answers: done.answers, written: Ok(()) });
                }
                Err(error) => {
                    self.shared.write().rollback(*self.durable.borrow());
                    if let Some(alarms) = done.alarms_before {
                        *self.shared.alarms() = alarms;
                    }
                    give(Answers { answers: done.answers, written: Err(Arc::clone(&error)) });
                    if !error.is_passing() {
                        return Err(error);
                    }
                }
            }
            for command in done.later {
                self.carry_out(command)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, revision: Revision) -> Result<(), Arc<FileError>> {
        match self.journal.append(&mut self.frame, revision) {
            Ok(()) => {
                if std::mem::take(&mut self.refusing) {
                    tracing::info!(%revision, "the datastore takes writes again");
                }
                self.measure();
                Ok(())
            }
            Err(error) => {
                if !std::mem::replace(&mut self.refusing, true) {
                    tracing::error!(%error, "the datastore refuses writes");
                }
                Err(Arc::new(error))
            }
        }
    }

    /// Does what changes nothing that must be on disk before it is answered.
    fn carry_out(&mut self, command: Command) -> Result<(), Arc<FileError>> {
        match command {
            Command::Compact(revision, reply) => {
                ignore_absent(reply.send(self.compact(revision)));
            }
            Command::Tick(now) if self.shared.check_sound().is_ok() => {
                let expired = self.retention.step(now, *self.durable.borrow());
                self.forget(expired);
                self.expire()?;
            }
            Command::Defragment(reply) => self.imaging.wanted.push(reply),
            Command::Imaged(result) => self.imaged(result),
            _ => {}
        }
        Ok(())
    }

    fn compact(&mut self, revision: Revision) -> Result<(), StoreError> {
        self.shared.check_sound()?;
        self.shared.write().compact(revision)?;
        self.deferred.push(Entry::Compacted(revision));
        Ok(())
    }

    fn forget(&mut self, before: Option<Revision>) {
        let compacted = self.shared.read().compacted();
        if let Some(revision) = before.filter(|revision| *revision > compacted)
            && let Err(error) = self.compact(revision)
        {
            tracing::warn!(%error, "compact the datastore");
        }
    }

    /// Ends the leases whose time is over.
    fn expire(&mut self) -> Result<(), Arc<FileError>> {
        let now = self.shared.now();
        let revoke = |id| Command::Revoke(id, oneshot::channel().0);
        let mut commands = self.shared.read().expired(now).take(EXPIRE).map(revoke).collect();
        self.execute(&mut commands, &Answers::give)
    }

    /// Keeps history and logs within their bounds.
    fn maintain(&mut self) {
        let store = self.shared.read();
        // Forgets some more than it must, so that it is seldom asked to.
        let heavy = (store.history_weight() > self.history_weight)
            .then(|| store.overweight(self.history_weight / 4 * 3))
            .flatten();
        let (compacted, live) = (store.compacted(), store.weight() as u64);
        drop(store);
        self.forget(heavy);

        let logs = self.journal.used();
        let due =
            logs > LOGS.max(live) && logs >= self.imaging.not_before && self.journal.is_droppable(compacted);
        if !self.imaging.running && (due || !self.imaging.wanted.is_empty()) {
            self.order_image();
        }
    }

    fn order_image(&mut self) {
        self.imaging.waiting.append(&mut self.imaging.wanted);
        if !self.imaging.waiting.is_empty()
            && let Err(error) = self.journal.rotate()
        {
            return self.imaged(Err(Arc::new(error)));
        }
        match self.image() {
            Some(image) => self.imaging.running = self.imaging.orders.try_send(Order(image)).is_ok(),
            // Nothing was ever compacted, so the logs have nothing to drop.
            None => self.imaged(Ok((Revision::NEVER, self.imaging.bytes))),
        }
    }

    /// What is to take the place of the oldest logs.
    fn image(&self) -> Option<Image> {
        let store = self.shared.read();
        let revision = store.compacted();
        if revision <= Revision::NEVER {
            return None;
        }
        let kvs = store.as_of(*self.durable.borrow()).scan(&KeyRange::all(), revision);
        let kvs = kvs.expect("what was compacted to can be read");
        Some(Image {
            identity: self.journal.identity(),
            revision,
            kvs: kvs.cloned().collect(),
            leases: store.leases().map(|(id, lease)| (id, lease.ttl)).collect(),
            alarms: self.shared.alarms().iter().copied().collect(),
        })
    }

    fn imaged(&mut self, result: Result<(Revision, u64), Arc<FileError>>) {
        self.imaging.running = false;
        let result = result.and_then(|(revision, bytes)| {
            self.imaging.bytes = bytes;
            Ok(self.journal.drop_before(revision)?)
        });
        if let Err(error) = &result {
            tracing::warn!(%error, "draw the datastore's logs together");
            self.imaging.not_before = self.journal.used() + LOGS / 4;
        }
        self.measure();
        for reply in self.imaging.waiting.drain(..) {
            ignore_absent(reply.send(result.clone().map_err(StoreError::Write)));
        }
    }

    pub(crate) fn measure(&self) {
        self.shared.set_on_disk(self.journal.reserved() + self.imaging.bytes);
    }
}
