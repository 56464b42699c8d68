//! Follows a resource of the API server: its whole state first, each change after, and the whole again after a gap.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use client::{Api, ApiError, ListOptions, Unread, WatchEvent, WatchOptions};
use k8s_openapi::Metadata;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;
use supervise::Backoff;
use tokio::sync::mpsc;

/// Delays between attempts while the API server does not answer; in process it is back soon.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LAST_DELAY: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) enum Change<K> {
    /// Everything there is: what is not in it is gone.
    All(Vec<Arc<K>>),
    Applied(Arc<K>),
    Deleted(Arc<K>),
}

/// Why following stopped.
enum Broken {
    Api(ApiError),
    /// What is gone cannot be read.
    Unread,
    /// Whoever waits for the changes has gone.
    Closed,
}

impl From<ApiError> for Broken {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

struct Follower<K, E, W> {
    api: Api<K>,
    field_selector: String,
    changes: mpsc::Sender<E>,
    wrap: W,
}

/// Follows until the receiver is gone.
pub(crate) async fn follow<K, E>(
    api: Api<K>,
    field_selector: String,
    changes: mpsc::Sender<E>,
    wrap: impl Fn(Change<K>) -> E,
) where
    K: Serialize + DeserializeOwned + Metadata<Ty = ObjectMeta>,
{
    let follower = Follower { api, field_selector, changes, wrap };
    let mut backoff = Backoff::new(FIRST_DELAY, LAST_DELAY);
    loop {
        match follower.follow(&mut backoff).await {
            Broken::Closed => return,
            Broken::Unread => {}
            Broken::Api(error) => {
                tracing::debug!(%error, path = follower.api.path(), "list and watch anew");
                tokio::time::sleep(backoff.next_delay()).await;
            }
        }
    }
}

impl<K, E, W> Follower<K, E, W>
where
    K: Serialize + DeserializeOwned + Metadata<Ty = ObjectMeta>,
    W: Fn(Change<K>) -> E,
{
    /// One list and the watches after it, to the first error.
    async fn follow(&self, backoff: &mut Backoff) -> Broken {
        match self.follow_on(backoff).await {
            Err(broken) => broken,
            Ok(never) => match never {},
        }
    }

    async fn follow_on(&self, backoff: &mut Backoff) -> Result<Infallible, Broken> {
        let selected = ListOptions::fields(self.field_selector.clone());
        let (list, unread) = self.api.list_readable(&selected).await?;
        unread.iter().for_each(|object| self.leave_out(object));
        let mut version = list.resource_version().to_owned();
        self.send(Change::All(list.items.into_iter().map(Arc::new).collect())).await?;
        backoff.reset();
        loop {
            let options = WatchOptions {
                field_selector: self.field_selector.clone(),
                resource_version: version.clone(),
                ..WatchOptions::default()
            };
            let mut watch = self.api.watch(&options).await?;
            while let Some(event) = watch.next().await {
                let change = match event? {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                        Change::Applied(Arc::new(object))
                    }
                    WatchEvent::Deleted(object) => Change::Deleted(Arc::new(object)),
                    // A list tells what is left without it.
                    WatchEvent::Unread { deleted: true, .. } => return Err(Broken::Unread),
                    WatchEvent::Unread { object, .. } => {
                        self.leave_out(&object);
                        version = object.resource_version;
                        continue;
                    }
                    WatchEvent::Bookmark { resource_version, .. } => {
                        version = resource_version;
                        continue;
                    }
                };
                if let Change::Applied(object) | Change::Deleted(object) = &change {
                    version = object.metadata().resource_version.clone().unwrap_or(version);
                }
                self.send(change).await?;
            }
        }
    }

    fn leave_out(&self, object: &Unread) {
        tracing::warn!(path = self.api.path(), %object, "an object cannot be read; the others are served");
    }

    async fn send(&self, change: Change<K>) -> Result<(), Broken> {
        self.changes.send((self.wrap)(change)).await.map_err(|_| Broken::Closed)
    }
}
