//! The addons' state in the datastore, below `/mk8s.io/`.

use std::time::Duration;

use addons::ports::{PortError, Store};
use bytes::Bytes;
use datastore::{Datastore, KeyRange, Op, RangeRequest, StoreError, Txn, Watch, WatchRequest};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt, unfold};
use supervise::Backoff;
use tracing::warn;

use crate::slot::Slot;

/// Keys of the datastore that belong to the host.
const PREFIX: &str = "/mk8s.io/";
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(10);

pub(crate) struct AddonStore {
    datastore: Slot<Datastore>,
}

impl AddonStore {
    pub(crate) fn new(datastore: Slot<Datastore>) -> Self {
        Self { datastore }
    }

    async fn txn(&self, op: Op) -> Result<(), PortError> {
        let txn = Txn { success: vec![op], ..Txn::default() };
        self.datastore.wait().await.txn(txn).await.map(drop).map_err(failed)
    }
}

fn failed(why: StoreError) -> PortError {
    PortError(why.to_string())
}

/// The addons ask for nothing else; a key of the cluster's own must never be reached this way.
fn checked(key: &str) -> Result<Bytes, PortError> {
    if key.starts_with(PREFIX) {
        Ok(Bytes::copy_from_slice(key.as_bytes()))
    } else {
        Err(PortError(format!("the key {key:?} is not below {PREFIX}")))
    }
}

impl Store for AddonStore {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Bytes>, PortError>> {
        Box::pin(async move {
            let request = RangeRequest::new(KeyRange::key(checked(key)?));
            let found = self.datastore.wait().await.range(request).await.map_err(failed)?;
            Ok(found.kvs.first().map(|kv| kv.value.clone()))
        })
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async move { self.txn(Op::put(checked(key)?, value)).await })
    }

    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async move { self.txn(Op::delete(checked(key)?)).await })
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<(String, Bytes)>, PortError>> {
        Box::pin(async move {
            let request = RangeRequest::new(KeyRange::prefix(checked(prefix)?));
            let found = self.datastore.wait().await.range(request).await.map_err(failed)?;
            let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
            Ok(found.kvs.iter().map(|kv| (text(&kv.key), kv.value.clone())).collect())
        })
    }

    fn changes(&self, prefix: &'static str) -> BoxStream<'static, ()> {
        let following = Following { datastore: self.datastore.clone(), prefix, watch: None };
        unfold(following, |mut following| async move {
            following.told().await;
            Some(((), following))
        })
        .boxed()
    }
}

/// A watch of keys, opened anew whenever it ends.
struct Following {
    datastore: Slot<Datastore>,
    prefix: &'static str,
    watch: Option<Watch>,
}

impl Following {
    /// Returns when there is something to read: what was written before the watch was open, it does not tell.
    async fn told(&mut self) {
        if let Some(watch) = &mut self.watch {
            loop {
                match watch.next().await {
                    Ok(batch) if batch.events.is_empty() => {}
                    Ok(_) => return,
                    Err(why) => break warn!(%why, "follow what is enabled"),
                }
            }
            tokio::time::sleep(FIRST_RETRY).await;
        }
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        self.watch = loop {
            let range = KeyRange::prefix(self.prefix);
            match self.datastore.wait().await.watch(WatchRequest::new(range)).await {
                Ok(watch) => break Some(watch),
                Err(why) => warn!(%why, "follow what is enabled"),
            }
            tokio::time::sleep(backoff.next_delay()).await;
        };
    }
}
