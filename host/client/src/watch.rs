//! A watch: the events of a resource as they come.

use std::marker::PhantomData;

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::Tree;
use objects::status::Status;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::transport::{Body, TransportError};
use crate::unread::Unread;

/// What marks the bookmark that ends the initial events.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

#[derive(Clone, Debug, PartialEq)]
pub enum WatchEvent<K> {
    Added(K),
    Modified(K),
    /// The object as it was last.
    Deleted(K),
    /// What is now, or was last, cannot be read.
    Unread {
        object: Unread,
        deleted: bool,
    },
    /// Everything up to this version was sent.
    Bookmark {
        resource_version: String,
        initial_events_end: bool,
    },
}

/// The stream of one watch; dropping it ends the watch.
pub struct Watch<K> {
    path: String,
    body: Body,
    received: BytesMut,
    /// How much of `received` is known to hold no line end.
    searched: usize,
    kind: PhantomData<fn() -> K>,
}

#[derive(Deserialize)]
struct Line<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct BookmarkObject {
    metadata: ObjectMeta,
}

impl<K: DeserializeOwned> Watch<K> {
    pub(crate) fn new(path: String, body: Body) -> Self {
        Self { path, body, received: BytesMut::new(), searched: 0, kind: PhantomData }
    }

    /// The next event; `None` when the server has ended the watch. An ERROR event is the server's
    /// [`ApiError::Status`], after which nothing follows. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<WatchEvent<K>, ApiError>> {
        loop {
            if let Some(line) = self.take_line() {
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some(self.decode(&line));
            }
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        self.received.extend_from_slice(&data);
                    }
                }
                Err(error) => return Some(Err(TransportError::Read(error).into())),
            }
        }
    }

    fn take_line(&mut self) -> Option<BytesMut> {
        let Some(found) = self.received[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.received.len();
            return None;
        };
        let line = self.received.split_to(self.searched + found);
        self.received.advance(1);
        self.searched = 0;
        Some(line)
    }

    fn decode(&self, line: &[u8]) -> Result<WatchEvent<K>, ApiError> {
        let wrong = |source| ApiError::Decode { request: format!("GET {}", self.path), source };
        let line: Line<'_> = serde_json::from_slice(line).map_err(wrong)?;
        let of_object = |event: fn(K) -> WatchEvent<K>, deleted| {
            let read = Unread::or(line.object).map_err(wrong)?;
            Ok(read.map_or_else(|object| WatchEvent::Unread { object, deleted }, event))
        };
        let object = line.object.get();
        match line.r#type {
            "ADDED" => of_object(WatchEvent::Added, false),
            "MODIFIED" => of_object(WatchEvent::Modified, false),
            "DELETED" => of_object(WatchEvent::Deleted, true),
            "BOOKMARK" => {
                let BookmarkObject { metadata } = serde_json::from_str(object).map_err(wrong)?;
                let marks = metadata.annotations.unwrap_or_default();
                Ok(WatchEvent::Bookmark {
                    resource_version: metadata.resource_version.unwrap_or_default(),
                    initial_events_end: marks.get(INITIAL_EVENTS_END).is_some_and(|value| value == "true"),
                })
            }
            "ERROR" => {
                let tree: Tree = serde_json::from_str(object).map_err(wrong)?;
                let status = Status::from_tree(&tree)
                    .unwrap_or_else(|| Status::internal(format_args!("the watch ended with {object}")));
                Err(ApiError::from_status(status))
            }
            other => Err(wrong(serde::de::Error::unknown_variant(
                other,
                &["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"],
            ))),
        }
    }
}
