//! Watching a real etcd. All of it is watched, whatever range is wanted: since every revision changes some key, its stream
//! tells of every revision, and nobody must trust the progress notifications of old releases.

use std::time::Duration;

use datastore::{Event, KeyRange, Revision, WatchBatch, WatchError, WatchRequest};
use futures_util::{Stream, StreamExt, stream};
use tonic::Streaming;

use super::convert;
use crate::client::Channel;
use crate::wire::etcdserverpb as pb;
use crate::wire::etcdserverpb::watch_request::RequestUnion;

/// Between two attempts to reach a store that does not answer.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Watching {
    channel: Channel,
    range: KeyRange,
    /// The first revision that was not told yet.
    cursor: Revision,
    stream: Option<Streaming<pb::WatchResponse>>,
    /// Events of a revision whose last part may still come.
    pending: Vec<Event>,
}

/// What a response of the stream says.
enum Said {
    Batch(WatchBatch),
    /// A part of one, or nothing of interest.
    Nothing,
    Broken(String),
    Gone(WatchError),
}

impl Watching {
    /// Watches from a revision, or from now on, which is then asked for first.
    pub(super) async fn open(channel: Channel, request: WatchRequest) -> Result<Self, WatchError> {
        let mut watching = Self {
            channel,
            range: request.range,
            cursor: request.from.unwrap_or(Revision::NEVER),
            stream: None,
            pending: Vec::new(),
        };
        // Only with the first answer is it known where it begins, and whether it can.
        watching.connected().await?;
        Ok(watching)
    }

    pub(super) fn batches(self) -> impl Stream<Item = Result<WatchBatch, WatchError>> + Send {
        stream::unfold(Some(self), |watching| async {
            let mut watching = watching?;
            match watching.next().await {
                Ok(batch) => Some((Ok(batch), Some(watching))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<WatchBatch, WatchError> {
        loop {
            let response = self.connected().await?.next().await;
            let said = match response {
                Some(Ok(response)) => self.read(response),
                Some(Err(status)) => Said::Broken(status.message().to_owned()),
                None => Said::Broken("the stream ended".into()),
            };
            match said {
                Said::Batch(batch) => {
                    self.cursor = batch.revision.next();
                    return Ok(batch);
                }
                Said::Nothing => {}
                Said::Gone(error) => return Err(error),
                Said::Broken(reason) => self.disconnect(&reason).await,
            }
        }
    }

    /// The stream, made anew until there is one.
    async fn connected(&mut self) -> Result<&mut Streaming<pb::WatchResponse>, WatchError> {
        while self.stream.is_none() {
            if let Err(reason) = self.connect().await? {
                self.disconnect(&reason).await;
            }
        }
        Ok(self.stream.as_mut().expect("made above"))
    }

    async fn connect(&mut self) -> Result<Result<(), String>, WatchError> {
        let all = KeyRange::all();
        let (key, range_end) = convert::ends(&all);
        let create = pb::WatchCreateRequest {
            key,
            range_end,
            start_revision: self.cursor.0.max(0),
            prev_kv: true,
            fragment: true,
            ..Default::default()
        };
        let request = pb::WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
        // The stream stays open as long as its side of the requests.
        let requests = stream::once(std::future::ready(request)).chain(stream::pending());
        let mut stream = match self.channel.watch().watch(requests).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return Ok(Err(status.message().to_owned())),
        };
        match stream.next().await {
            Some(Ok(created)) => {
                if let Some(error) = self.refusal(&created) {
                    return Err(error);
                }
                if self.cursor == Revision::NEVER {
                    let present = created.header.map_or(0, |header| header.revision);
                    self.cursor = Revision(present).next();
                }
            }
            Some(Err(status)) => return Ok(Err(status.message().to_owned())),
            None => return Ok(Err("the stream ended".into())),
        }
        self.stream = Some(stream);
        Ok(Ok(()))
    }

    async fn disconnect(&mut self, reason: &str) {
        tracing::warn!(
            store = self.channel.endpoint(),
            reason,
            "the watch of the store broke off; it is made anew"
        );
        self.stream = None;
        self.pending.clear();
        tokio::time::sleep(PAUSE).await;
    }

    fn refusal(&self, response: &pb::WatchResponse) -> Option<WatchError> {
        let compacted = Revision(response.compact_revision);
        (response.canceled && compacted > Revision::NEVER)
            .then_some(WatchError::Compacted { requested: self.cursor, compacted })
    }

    fn read(&mut self, response: pb::WatchResponse) -> Said {
        if let Some(error) = self.refusal(&response) {
            return Said::Gone(error);
        }
        if response.canceled {
            return Said::Broken(response.cancel_reason);
        }
        let fresh = response.events.into_iter().filter_map(convert::event);
        self.pending.extend(fresh.filter(|event| event.revision() >= self.cursor));
        let last = self.pending.last().map(Event::revision);
        match last {
            Some(revision) if !response.fragment => {
                let mut events = std::mem::take(&mut self.pending);
                events.retain(|event| self.range.contains(event.key()));
                Said::Batch(WatchBatch { revision, events })
            }
            _ => Said::Nothing,
        }
    }
}
