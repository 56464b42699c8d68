//! How soon a node answers an ordinary request while an addon misbehaves in others: in those of strangers, which it is
//! asked to know, and in writes, which it is asked to judge. An operator forgives it all the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use admin::operation::EnablePlugin;
use anyhow::{Context, Result};
use client::{Api, Credential, DeleteOptions};
use k8s_openapi::api::core::v1::ConfigMap;
use support::Node;

use crate::{Figure, client, connect};

const WINDOW: Duration = Duration::from_secs(3);
/// An operator who asks a quarantined addon again.
const PARDON: Duration = Duration::from_millis(250);
const MEASURED: &str = "measured";

/// What the guest `hostile` does when it is told so.
struct Attack {
    name: &'static str,
    goal: &'static str,
    word: Option<&'static str>,
}

const ATTACKS: [Attack; 5] = [
    Attack { name: "GET with no guest busy, median / p99", goal: "", word: None },
    Attack { name: "GET beside guests that spin, median / p99", goal: "as alone", word: Some("loop") },
    Attack { name: "GET beside a storm of traps, median / p99", goal: "as alone", word: Some("trap") },
    Attack { name: "GET beside a memory bomb, median / p99", goal: "as alone", word: Some("memory") },
    Attack { name: "GET beside a flood of logs, median / p99", goal: "as alone", word: Some("flood") },
];

pub(crate) fn measure(node: &Node) -> Result<Vec<Figure>> {
    node.write_bytes("hostile.wasm", &support::guest("hostile"));
    let component = node.path("hostile.wasm");
    node.ask(&["plugin", "install", "--yes", &component.to_string_lossy()]).expect_ok();
    let mut figures = Vec::new();
    for attack in ATTACKS {
        let is_over = AtomicBool::new(false);
        let mut times = std::thread::scope(|threads| -> Result<_> {
            let attacking = attack.word.map(|word| threads.spawn(|| attacked(node, word, &is_over)));
            let times = answers(node);
            is_over.store(true, Ordering::Relaxed);
            if let Some(attacking) = attacking {
                attacking.join().map_err(|_| anyhow::anyhow!("the attack panicked"))??;
            }
            times
        })?;
        times.sort();
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let (median, p99) = (millis(times[times.len() / 2]), millis(times[times.len() * 99 / 100]));
        let value = format!("{median:.2} / {p99:.2} ms");
        figures.push(Figure { name: attack.name, value, goal: attack.goal });
    }
    node.ask(&["plugin", "remove", "hostile"]).expect_ok();
    Ok(figures)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn config_map(name: &str) -> Result<ConfigMap> {
    Ok(serde_json::from_value(serde_json::json!({ "metadata": { "name": name } }))?)
}

/// Times of one request after the other.
fn answers(node: &Node) -> Result<Vec<Duration>> {
    runtime()?.block_on(async {
        let maps: Api<ConfigMap> = client(node)?.namespaced("default");
        if maps.find(MEASURED).await?.is_none() {
            maps.create(&config_map(MEASURED)?).await?;
        }
        let (mut times, began) = (Vec::new(), Instant::now());
        while began.elapsed() < WINDOW {
            let began = Instant::now();
            maps.get(MEASURED).await.context("get a config map")?;
            times.push(began.elapsed());
        }
        Ok(times)
    })
}

/// Strangers and writes that make the guest misbehave, until it is over.
fn attacked(node: &Node, word: &'static str, is_over: &AtomicBool) -> Result<()> {
    let goes_on = || !is_over.load(Ordering::Relaxed);
    runtime()?.block_on(async {
        let stranger: Api<ConfigMap> =
            connect(node, Credential::Bearer(word.to_owned()))?.namespaced("default");
        let writer: Api<ConfigMap> = client(node)?.namespaced("default");
        let written = config_map(word)?;
        let operator = admin::Client::new(&node.path("run/mk8s.sock"));
        let strange = async {
            while goes_on() {
                // To be refused is what it is for.
                drop(stranger.get(MEASURED).await);
            }
        };
        let write = async {
            while goes_on() {
                if writer.create(&written).await.is_ok() {
                    drop(writer.delete(word, &DeleteOptions::default()).await);
                }
            }
        };
        let pardon = async {
            while goes_on() {
                drop(operator.ask(&EnablePlugin { name: "hostile".to_owned() }).await);
                tokio::time::sleep(PARDON).await;
            }
        };
        tokio::join!(strange, write, pardon);
        Ok(())
    })
}
