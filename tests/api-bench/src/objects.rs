//! What is written and read.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Method, Response};

use crate::load;
use crate::servers::{Connection, Server};

const NAMESPACES: &str = "/api/v1/namespaces";
/// ConfigMaps that are listed, none of which is ever written again.
const READ: &str = "/api/v1/namespaces/bench-read/configmaps";
/// One of them.
pub(crate) const ONE: &str = "/api/v1/namespaces/bench-read/configmaps/read-000500";
/// All of them.
pub(crate) const LISTED: &str = "/api/v1/namespaces/bench-read/configmaps?limit=1000";
/// Where ConfigMaps are made and changed.
pub(crate) const WRITTEN: &str = "/api/v1/namespaces/bench-write/configmaps";
pub(crate) const PODS: &str = "/api/v1/namespaces/bench-pods/pods";

const NAMES: [&str; 2] = ["bench-read", "bench-write"];
const OF_PODS: &str = "bench-pods";
/// What an earlier run left goes with its namespace, which takes a while.
const GOING: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_secs(1);
const READ_COUNT: usize = 1000;

/// Bytes of a ConfigMap's own text, that it be 1 KB with what the server adds.
const TEXT: usize = 600;
/// The same of a Pod of 4 KB.
const POD_TEXT: usize = 2200;

/// Makes the namespaces and what is read; gives the answers that a reader gets.
pub(crate) async fn prepare(server: &Server) -> Result<[Response<Bytes>; 2]> {
    let connection = server.connection()?;
    for name in NAMES {
        make_namespace(&connection, name).await?;
    }
    load::each(server, READ_COUNT, |connection, index| async move {
        connection.create(READ, config_map(&format!("read-{index:06}"))).await
    })
    .await?;
    Ok([connection.get(ONE).await?, connection.get(LISTED).await?])
}

/// Makes the namespace of [`PODS`].
pub(crate) async fn prepare_pods(server: &Server) -> Result<()> {
    let connection = server.connection()?;
    make_namespace(&connection, OF_PODS).await?;
    let accounts = format!("{NAMESPACES}/{OF_PODS}/serviceaccounts");
    // In a whole cluster a controller makes it, and may be quicker.
    if connection.get(&format!("{accounts}/default")).await.is_err() {
        connection.create(&accounts, r#"{"metadata":{"name":"default"}}"#.into()).await.ok();
    }
    Ok(())
}

async fn make_namespace(connection: &Connection, name: &str) -> Result<()> {
    let body = Bytes::from(format!(r#"{{"metadata":{{"name":"{name}"}}}}"#));
    let gives_up = Instant::now() + GOING;
    while let Err(why) = connection.create(NAMESPACES, body.clone()).await {
        ensure!(Instant::now() < gives_up, "make the namespace {name}: {why}");
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Takes everything away again that was made on a server of somebody else's.
pub(crate) async fn remove(server: &Server) -> Result<()> {
    let connection = server.connection()?;
    for name in NAMES.into_iter().chain([OF_PODS]) {
        let path = format!("{NAMESPACES}/{name}");
        if connection.get(&path).await.is_ok() {
            connection.write(Method::DELETE, &path, "", Bytes::new()).await?;
        }
    }
    Ok(())
}

pub(crate) fn config_map(name: &str) -> Bytes {
    let text = filler(name, TEXT);
    format!(
        r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"{name}","labels":{{"app":"bench"}}}},"data":{{"text":"{text}"}}}}"#
    )
    .into()
}

/// Nobody schedules it.
pub(crate) fn pod(name: &str) -> Bytes {
    let text = filler(name, POD_TEXT);
    format!(
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"{name}","labels":{{"app":"bench"}},"annotations":{{"text":"{text}"}}}},"spec":{{"schedulerName":"nobody","automountServiceAccountToken":false,"containers":[{{"name":"main","image":"registry.example/bench/main:1","ports":[{{"containerPort":80}}],"resources":{{"requests":{{"cpu":"10m","memory":"16Mi"}}}}}}]}}}}"#
    )
    .into()
}

/// Text that is not the same of any two names.
fn filler(name: &str, len: usize) -> String {
    let mut number = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut text = String::with_capacity(len + 16);
    while text.len() < len {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{number:016x}"));
    }
    text.truncate(len);
    text
}
