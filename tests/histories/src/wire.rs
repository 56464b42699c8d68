//! A stream of etcd's API with many watches, read as it comes over the wire: what [`crate::watcher`] does with the store of
//! this process, and the progress that clients ask for.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use etcd::Channel;
use etcd::wire::etcdserverpb as pb;
use etcd::wire::mvccpb;
use fastrand::Rng;
use futures_util::stream;
use pb::watch_client::WatchClient;
use pb::watch_request::RequestUnion;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::operation::{Change, Span, Tag, Version};
use crate::telling::{Batch, End, Start, Telling};
use crate::watcher::{Audience, Beginning, is_last};
use crate::workload::span;

/// What is of all watches of a stream.
const ALL: i64 = -1;

struct Stream {
    audience: Audience,
    requests: mpsc::Sender<pb::WatchRequest>,
    rng: Rng,
    watching: HashMap<i64, Watching>,
    next: i64,
    done: Vec<Telling>,
}

struct Watching {
    telling: Telling,
    /// As long as it is not known where it begins.
    door: Option<OwnedSemaphorePermit>,
}

impl Audience {
    /// Many watches of one stream, some of which are cancelled and replaced on the way, until all that remain were told of
    /// the last write.
    ///
    /// # Errors
    /// When the stream or a watch ends for another reason than compaction.
    pub async fn watch_wire(&self, channel: &Channel, members: usize, rng: Rng) -> Result<Vec<Telling>> {
        let (requests, sent) = mpsc::channel(4 * members);
        let sent = stream::unfold(sent, async |mut sent| Some((sent.recv().await?, sent)));
        let mut responses = WatchClient::new(channel.clone()).watch(sent).await?.into_inner();
        let mut stream = Stream {
            audience: self.clone(),
            requests,
            rng,
            watching: HashMap::new(),
            next: 1,
            done: Vec::new(),
        };
        loop {
            while stream.watching.len() < members
                && let Ok(door) = Arc::clone(&self.doors).try_acquire_owned()
            {
                stream.create(door).await?;
            }
            if stream.watching.is_empty() {
                // Until one of the doors is free, or all are closed.
                match Arc::clone(&self.doors).acquire_owned().await {
                    Ok(door) => stream.create(door).await?,
                    Err(_) => return Ok(stream.done),
                }
            }
            let response = responses.message().await?.context("the stream ended")?;
            stream.take(response).await?;
        }
    }
}

impl Stream {
    async fn ask(&self, request: RequestUnion) -> Result<()> {
        Ok(self.requests.send(pb::WatchRequest { request_union: Some(request) }).await?)
    }

    async fn create(&mut self, door: OwnedSemaphorePermit) -> Result<()> {
        let (span, beginning) = (span(&mut self.rng), Beginning::some(&mut self.rng));
        let from = beginning.from(self.audience.present().await?);
        let (key, range_end) = ends(&span);
        let request = pb::WatchCreateRequest {
            key: key.into(),
            range_end: range_end.into(),
            start_revision: from.unwrap_or_default(),
            prev_kv: true,
            watch_id: self.next,
            ..Default::default()
        };
        let start = Start::At(from.unwrap_or_default());
        let telling = Telling { span, start, batches: Vec::new(), end: End::Left };
        self.watching.insert(self.next, Watching { telling, door: Some(door) });
        self.next += 1;
        self.ask(RequestUnion::CreateRequest(request)).await
    }

    async fn take(&mut self, response: pb::WatchResponse) -> Result<()> {
        let present = response.header.context("a response has a header")?.revision;
        if response.watch_id == ALL {
            return self.progressed(present).await;
        }
        // What a watch told before it heard that it was cancelled is of no interest.
        let Some(mut watching) = self.watching.remove(&response.watch_id) else { return Ok(()) };
        if response.created {
            watching.door = None;
            if let Start::At(0) = watching.telling.start {
                watching.telling.start = Start::At(present + 1);
            }
        }
        if response.canceled {
            let (oldest, asked) = (response.compact_revision, self.audience.compacted());
            if oldest == 0 {
                bail!("a watch ended: {}", response.cancel_reason);
            }
            watching.telling.end = End::Compacted { wanted: None, oldest, asked };
            self.done.push(watching.telling);
            return Ok(());
        }
        let changes: Vec<_> = response.events.into_iter().map(change).collect::<Result<_>>()?;
        if let Some(revision) = changes.last().map(|change| change.revision) {
            let batch = self.audience.received(revision, changes).await?;
            let last = is_last(&batch.changes);
            watching.telling.batches.push(batch);
            if last || self.rng.u8(..) < 8 {
                let cancel = pb::WatchCancelRequest { watch_id: response.watch_id };
                self.done.push(watching.telling);
                return self.ask(RequestUnion::CancelRequest(cancel)).await;
            }
            if self.rng.u8(..) < 16 {
                self.ask(RequestUnion::ProgressRequest(pb::WatchProgressRequest {})).await?;
            }
        }
        self.watching.insert(response.watch_id, watching);
        Ok(())
    }

    /// Every watch was told everything up to a revision.
    async fn progressed(&mut self, revision: i64) -> Result<()> {
        let progress: Batch = self.audience.received(revision, Vec::new()).await?;
        for Watching { telling, door } in self.watching.values_mut() {
            let Start::At(start) = telling.start else { continue };
            let told = telling.batches.last().map_or(start - 1, |batch| batch.revision);
            if door.is_none() && told < revision {
                telling.batches.push(progress.clone());
            }
        }
        Ok(())
    }
}

fn ends(span: &Span) -> (String, String) {
    match span.clone() {
        Span::Key(key) => (key, String::new()),
        Span::Prefix(prefix) => {
            let mut end = prefix.clone();
            let last = end.pop().map_or('\0', |last| (last as u8 + 1) as char);
            end.push(last);
            (prefix, end)
        }
        Span::Between(start, end) => (start, end),
        Span::From(start) => (start, "\0".into()),
        Span::All => ("\0".into(), "\0".into()),
    }
}

fn change(event: mvccpb::Event) -> Result<Change> {
    let kv = event.kv.context("an event has a key")?;
    let (revision, key) = (kv.mod_revision, String::from_utf8(kv.key.to_vec())?);
    let is_put = event.r#type == i32::from(mvccpb::event::EventType::Put);
    let to = is_put.then(|| version(kv)).transpose()?;
    Ok(Change { revision, key, to, from: event.prev_kv.map(version).transpose()? })
}

fn version(kv: mvccpb::KeyValue) -> Result<Version> {
    Ok(Version {
        key: String::from_utf8(kv.key.to_vec())?,
        tag: Tag::of(&kv.value).context("the value was never written")?,
        create: kv.create_revision,
        modified: kv.mod_revision,
        version: kv.version,
    })
}
