//! The figures of a node: how soon it is there, how large it is, what it uses when nothing happens, how soon a pod runs,
//! what its addons cost and how little a hostile one harms. One run, one table; nothing is asserted.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

mod addons;
mod hostile;
mod idle;
mod namespaces;
mod pods;
mod start;

use std::fs;

use anyhow::{Context, Result};
use client::{Client, Credential, HttpsConfig, HttpsTransport};
use net::CertificatePem;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use support::Node;

/// The node's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A measured value beside what it is to be.
struct Figure {
    name: &'static str,
    value: String,
    goal: &'static str,
}

/// `bench addons` measures the addons alone, the first half of which needs no node.
fn main() -> Result<()> {
    let alone = std::env::args_os().nth(1).is_some_and(|argument| argument == "addons");
    let mut figures = addons::measure().context("measure the addons")?;
    let mut node = Node::new();
    // Every socket that this process opens from here on is one of the node's machine.
    let namespace = fs::File::open(format!("/proc/{}/ns/net", node.machine.first()))?;
    move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::Network))?;
    match alone {
        true => {
            node.start();
            node.wait_ready();
        }
        false => figures.extend(whole(&mut node)?),
    }
    figures.extend(hostile::measure(&node).context("measure a node with a hostile addon")?);
    println!("{:<48} {:>18}   goal", "figure", "measured");
    for Figure { name, value, goal } in &figures {
        println!("{name:<48} {value:>18}   {goal}");
    }
    Ok(())
}

fn whole(node: &mut Node) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut figures = vec![Figure {
        name: "binary",
        value: format!("{:.1} MB", megabytes(fs::metadata(support::program())?.len())),
        goal: "60 MB",
    }];
    figures.extend(runtime.block_on(start::measure(node)).context("measure the start")?);
    figures.extend(idle::measure(node).context("measure the idle node")?);
    figures.extend(runtime.block_on(namespaces::measure(node)).context("measure a namespace")?);
    node.import_image();
    figures.extend(runtime.block_on(pods::measure(node)).context("measure pods")?);
    Ok(figures)
}

/// A client of the node's API.
fn connect(node: &Node, credential: Credential) -> Result<Client> {
    let roots = fs::read(node.path("certs/ca.crt")).context("read the CA of the node")?;
    let config = HttpsConfig { server: "https://127.0.0.1:16443".parse()?, roots, credential };
    Ok(Client::new(HttpsTransport::new(&config)?, "bench"))
}

/// Speaks as the administrator.
fn client(node: &Node) -> Result<Client> {
    let read = |name: &str| fs::read(node.path(name)).with_context(|| format!("read {name}"));
    let pem = CertificatePem { chain: read("certs/client.crt")?, key: read("certs/client.key")? };
    connect(node, Credential::Certificate(pem))
}

fn megabytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    let bytes = bytes as f64;
    bytes / 1e6
}

/// The middle one.
fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort();
    values[values.len() / 2]
}
