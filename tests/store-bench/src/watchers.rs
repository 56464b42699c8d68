//! A put that a thousand watches are told of.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use etcd::Channel;
use etcd::wire::etcdserverpb::kv_client::KvClient;
use etcd::wire::etcdserverpb::watch_request::RequestUnion;
use etcd::wire::etcdserverpb::{PutRequest, WatchCreateRequest, WatchRequest, WatchResponse};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt};
use tonic::Streaming;

use crate::load::VALUE;
use crate::server::Server;
use crate::table::{Row, median};

/// Connections, each with one stream.
const STREAMS: usize = 10;
/// Watches on each.
const WATCHES: usize = 100;
const ROUNDS: usize = 3;
const PUTS: u32 = 50;
/// None of the keys of other loads.
const KEY: &[u8] = b"/watched";

/// What a put costs.
struct Told {
    /// Microseconds of the server.
    cpu: f64,
    /// Milliseconds until the last watch is told.
    all: f64,
}

pub(crate) async fn measure(etcd: &Server, ours: &Server) -> Result<Vec<Row>> {
    let mut watched = [Watched::new(etcd).await?, Watched::new(ours).await?];
    let mut rounds = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (watched, rounds) in watched.iter_mut().zip(&mut rounds) {
            rounds.push(watched.round().await?);
        }
    }
    let row = |figure: &str, goal, pick: fn(&Told) -> f64| {
        let [etcd, ours] = rounds.each_ref().map(|rounds| median(rounds.iter().map(pick).collect()));
        Row { figure: figure.to_owned(), etcd, ours, nothing: None, goal }
    };
    Ok(vec![
        row("put to 1,000 watchers, server CPU in us", "0.33x", |told| told.cpu),
        row("put to 1,000 watchers, all are told after ms", "", |told| told.all),
    ])
}

/// A server with watches.
struct Watched<'a> {
    server: &'a Server,
    kv: KvClient<Channel>,
    streams: Vec<Streaming<WatchResponse>>,
}

impl<'a> Watched<'a> {
    async fn new(server: &'a Server) -> Result<Self> {
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            streams.push(watch(server.channel()?).await?);
        }
        let mut watched = Self { server, kv: server.channel()?.kv(), streams };
        watched.put().await?;
        Ok(watched)
    }

    async fn round(&mut self) -> Result<Told> {
        let (began, before) = (Instant::now(), self.server.process()?.cpu()?);
        for _ in 0..PUTS {
            self.put().await?;
        }
        let (all, cpu) = (began.elapsed() / PUTS, (self.server.process()?.cpu()? - before) / PUTS);
        Ok(Told { cpu: cpu.as_secs_f64() * 1e6, all: all.as_secs_f64() * 1e3 })
    }

    /// Puts, and waits until every watch is told.
    async fn put(&mut self) -> Result<()> {
        let value = Bytes::from_static(&[b'x'; VALUE]);
        self.kv.put(PutRequest { key: Bytes::from_static(KEY), value, ..PutRequest::default() }).await?;
        try_join_all(self.streams.iter_mut().map(told)).await?;
        Ok(())
    }
}

/// Opens the watches of one stream.
async fn watch(channel: Channel) -> Result<Streaming<WatchResponse>> {
    let create = WatchCreateRequest { key: Bytes::from_static(KEY), ..WatchCreateRequest::default() };
    let request = WatchRequest { request_union: Some(RequestUnion::CreateRequest(create)) };
    // The stream stays open when the last watch was asked for.
    let requests = stream::repeat(request).take(WATCHES).chain(stream::pending());
    let mut stream = channel.watch().watch(requests).await?.into_inner();
    for _ in 0..WATCHES {
        ensure!(next(&mut stream).await?.created, "a watch was not created");
    }
    Ok(stream)
}

/// Waits until each watch of a stream has its event.
async fn told(stream: &mut Streaming<WatchResponse>) -> Result<()> {
    let mut told = 0;
    while told < WATCHES {
        told += next(stream).await?.events.len();
    }
    ensure!(told == WATCHES, "{WATCHES} watches were told of {told} events");
    Ok(())
}

async fn next(stream: &mut Streaming<WatchResponse>) -> Result<WatchResponse> {
    stream.message().await?.context("the stream of watches ended")
}
