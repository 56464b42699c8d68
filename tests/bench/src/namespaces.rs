//! From the DELETE of a namespace with many objects until it is gone.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use client::{Api, DeleteOptions, WatchEvent, WatchOptions};
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::Node;

use crate::{Figure, client};

const NAME: &str = "crowd";
const OBJECTS: usize = 5000;
/// Objects that are made beside each other.
const CLIENTS: usize = 16;

pub(crate) async fn measure(node: &Node) -> Result<Vec<Figure>> {
    let client = client(node)?;
    let namespaces = client.cluster::<Namespace>();
    namespaces.create(&object(json!({ "metadata": { "name": NAME } }))?).await?;
    fill(&client.namespaced::<ConfigMap>(NAME)).await?;

    let options = WatchOptions { field_selector: format!("metadata.name={NAME}"), ..WatchOptions::default() };
    let mut watch = namespaces.watch(&options).await?;
    let began = Instant::now();
    namespaces.delete(NAME, &DeleteOptions::default()).await?;
    while !matches!(watch.next().await.context("the watch ended")??, WatchEvent::Deleted(_)) {}
    Ok(vec![figure(began.elapsed())])
}

fn figure(time: Duration) -> Figure {
    let value = format!("{:.2} s", time.as_secs_f64());
    Figure { name: "DELETE of a namespace of 5,000 objects", value, goal: "3 s" }
}

async fn fill(api: &Api<ConfigMap>) -> Result<()> {
    let made = (0..OBJECTS).map(|number| async move {
        let map = json!({ "metadata": { "name": format!("map-{number}") }, "data": { "key": "value" } });
        api.create(&object(map)?).await?;
        anyhow::Ok(())
    });
    stream::iter(made).buffer_unordered(CLIENTS).try_collect().await
}

fn object<K: DeserializeOwned>(value: Value) -> Result<K> {
    Ok(serde_json::from_value(value)?)
}
