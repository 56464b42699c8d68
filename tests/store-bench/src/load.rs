//! What clients ask: each on a connection of its own, one request after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use etcd::Channel;
use etcd::wire::etcdserverpb::kv_client::KvClient;
use etcd::wire::etcdserverpb::request_op::Request;
use etcd::wire::etcdserverpb::{PutRequest, RangeRequest, RequestOp, TxnRequest};
use rustix::rand::{GetRandomFlags, getrandom};
use supervise::Scope;

use crate::server::Server;

/// Keys in a store.
pub(crate) const KEYS: u64 = 100_000;
/// Bytes of a value.
pub(crate) const VALUE: usize = 1024;
/// Keys of a range.
pub(crate) const RANGE: u64 = 1000;

/// What values are cut from, so that no two are alike and none can be compressed.
const NOISE: usize = 1 << 20;
/// Keys come in no order that a store could profit from: a prime that divides no number of keys.
const STRIDE: u64 = 7919;
/// Puts of a transaction; etcd takes 128.
const TOGETHER: u64 = 100;
/// No load goes on for longer.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Put,
    Get,
    Range,
}

pub(crate) fn key(index: u64) -> Bytes {
    format!("/bench/{index:08}").into()
}

/// Bytes of a key and its value.
pub(crate) fn pair_len() -> u64 {
    (key(0).len() + VALUE) as u64
}

/// How much is to be done.
pub(crate) struct Work {
    operation: Operation,
    /// Of how many keys.
    keys: u64,
    next: AtomicU64,
    count: u64,
    end: Instant,
}

impl Work {
    pub(crate) fn lasting(operation: Operation, duration: Duration) -> Self {
        Self {
            operation,
            keys: KEYS,
            next: AtomicU64::new(0),
            count: u64::MAX,
            end: Instant::now() + duration,
        }
    }

    pub(crate) fn puts(count: u64, keys: u64) -> Self {
        Self { operation: Operation::Put, keys, count, ..Self::lasting(Operation::Put, LIMIT) }
    }

    /// Takes the next piece: the number of a key.
    fn take(&self) -> Option<u64> {
        let piece = self.next.fetch_add(1, Ordering::Relaxed);
        (piece < self.count && Instant::now() < self.end).then(|| piece * STRIDE % self.keys)
    }
}

/// Clients of one server.
pub(crate) struct Clients {
    kv: Vec<KvClient<Channel>>,
    noise: Bytes,
    scope: Scope,
}

impl Clients {
    pub(crate) fn new(server: &Server, count: usize) -> Result<Self> {
        let kv = (0..count).map(|_| Ok(server.channel()?.kv())).collect::<Result<_>>()?;
        let mut noise = vec![0; NOISE];
        let mut filled = 0;
        while filled < NOISE {
            filled += getrandom(&mut noise[filled..], GetRandomFlags::empty())?;
        }
        Ok(Self { kv, noise: noise.into(), scope: Scope::root("clients") })
    }

    /// Lets the first `count` clients do the work, and tells how many requests were answered.
    pub(crate) async fn run(&self, count: usize, work: Work) -> Result<u64> {
        let work = Arc::new(work);
        let tasks: Vec<_> = self.kv[..count]
            .iter()
            .map(|kv| {
                let client = Client { kv: kv.clone(), noise: self.noise.clone() };
                self.scope.spawn("client", client.run(Arc::clone(&work)))
            })
            .collect();
        let mut answered = 0;
        for task in tasks {
            answered += task.await??;
        }
        Ok(answered)
    }

    /// Writes keys, many at a time.
    pub(crate) async fn fill(&self, keys: std::ops::Range<u64>) -> Result<()> {
        let mut client = Client { kv: self.kv[0].clone(), noise: self.noise.clone() };
        for first in keys.clone().step_by(TOGETHER as usize) {
            let puts = (first..keys.end.min(first + TOGETHER)).map(|index| client.put(index));
            let success = puts.map(|put| RequestOp { request: Some(Request::RequestPut(put)) }).collect();
            client.kv.txn(TxnRequest { success, ..TxnRequest::default() }).await?;
        }
        Ok(())
    }
}

struct Client {
    kv: KvClient<Channel>,
    noise: Bytes,
}

impl Client {
    async fn run(mut self, work: Arc<Work>) -> Result<u64> {
        let mut answered = 0;
        while let Some(index) = work.take() {
            match work.operation {
                Operation::Put => drop(self.kv.put(self.put(index)).await?),
                Operation::Get => self.range(index, 1).await?,
                Operation::Range => self.range(index.min(work.keys - RANGE), RANGE).await?,
            }
            answered += 1;
        }
        Ok(answered)
    }

    fn put(&self, index: u64) -> PutRequest {
        let cut = index as usize * STRIDE as usize % (NOISE - VALUE);
        let value = self.noise.slice(cut..cut + VALUE);
        PutRequest { key: key(index), value, ..PutRequest::default() }
    }

    async fn range(&mut self, first: u64, keys: u64) -> Result<()> {
        let range_end = if keys == 1 { Bytes::new() } else { key(first + keys) };
        let request = RangeRequest { key: key(first), range_end, ..RangeRequest::default() };
        let found = self.kv.range(request).await?.into_inner().kvs.len() as u64;
        ensure!(found == keys, "asked for {keys} keys from {first}, and got {found}");
        Ok(())
    }
}
