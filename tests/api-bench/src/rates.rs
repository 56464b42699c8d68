//! Requests a second of 16 connections: reads beside a server that only sends bytes, writes beside a datastore.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::Result;

use crate::load::{self, Rate};
use crate::objects::{LISTED, ONE, WRITTEN, config_map};
use crate::servers::{Connection, Server};
use crate::table::{Row, median, number};

const ROUNDS: usize = 3;

#[derive(Default)]
struct Rounds(Vec<Rate>);

impl Rounds {
    fn median(&self, pick: fn(&Rate) -> f64) -> f64 {
        median(self.0.iter().map(pick).collect())
    }

    fn rate(&self) -> f64 {
        self.median(|rate| rate.per_second)
    }

    fn bytes(&self) -> f64 {
        self.median(|rate| rate.bytes_per_second)
    }

    /// `12345 a second, 42.0 us`.
    fn told(&self) -> String {
        let cpu = self.median(|rate| rate.cpu.unwrap_or_default());
        let cpu = if cpu > 0.0 { format!(", {} us", number(cpu)) } else { String::new() };
        format!("{}/s{cpu}", number(self.rate()))
    }

    fn beside(&self, other: &Self, ratio: f64) -> String {
        format!("{:.0} %: {} of {}", ratio * 100.0, self.told(), other.told())
    }
}

pub(crate) async fn measure(measured: &Server, bare: &Server) -> Result<Vec<Row>> {
    let (ours, theirs) = (load::connections(measured)?, load::connections(bare)?);
    let numbers = [(); 3].map(|()| Arc::<AtomicUsize>::default());
    let [made, put, patched] = &numbers;
    let mut rounds = [(); 8].map(|()| Rounds::default());
    for _ in 0..ROUNDS {
        let [get, get_bare, list, list_bare, zipped, create, create_bare, patch] = &mut rounds;
        get.0.push(
            load::rate(measured, &ours, made, |to, _| async move { to.read(ONE, "identity").await }).await?,
        );
        get_bare.0.push(
            load::rate(bare, &theirs, put, |to, _| async move { to.read(ONE, "identity").await }).await?,
        );
        list.0.push(
            load::rate(measured, &ours, made, |to, _| async move { to.read(LISTED, "identity").await })
                .await?,
        );
        list_bare.0.push(
            load::rate(bare, &theirs, put, |to, _| async move { to.read(LISTED, "identity").await }).await?,
        );
        zipped.0.push(
            load::rate(measured, &ours, made, |to, _| async move { to.read(LISTED, "gzip").await }).await?,
        );
        create.0.push(load::rate(measured, &ours, made, create_one).await?);
        create_bare.0.push(load::rate(bare, &theirs, put, create_one).await?);
        patch.0.push(patching(measured, &ours, patched).await?);
    }
    let [get, get_bare, list, list_bare, zipped, create, create_bare, patch] = &rounds;
    let row = |figure, goal, ours: &Rounds, of: &Rounds| Row {
        figure,
        measured: ours.beside(of, ours.rate() / of.rate()),
        goal,
    };
    Ok(vec![
        row("GET of 1 KB, of a bare server", "60 %", get, get_bare),
        Row {
            figure: "LIST of 1,000 of 1 KB, bytes of a bare server",
            measured: list.beside(list_bare, list.bytes() / list_bare.bytes()),
            goal: "70 %",
        },
        Row { figure: "LIST of 1,000 of 1 KB by gzip", measured: zipped.told(), goal: "" },
        row("CREATE of 1 KB, of the datastore", "80 %", create, create_bare),
        row("merge-patch of 1 KB, of CREATE", "50 %", patch, create),
    ])
}

async fn create_one(to: Connection, number: usize) -> Result<usize> {
    to.create(WRITTEN, config_map(&format!("made-{number:08}"))).await
}

/// Changes objects that are there, each connection one of its own at a time.
async fn patching(server: &Server, connections: &[Connection], numbers: &Arc<AtomicUsize>) -> Result<Rate> {
    const PATCHED: usize = 1024;
    if numbers.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        load::each(server, PATCHED, |to, number| async move {
            to.create(WRITTEN, config_map(&format!("patched-{number}"))).await
        })
        .await?;
    }
    load::rate(server, connections, numbers, |to, number| async move {
        let patch = format!(r#"{{"metadata":{{"labels":{{"step":"{number}"}}}}}}"#);
        to.merge(&format!("{WRITTEN}/patched-{}", number % PATCHED), patch.into()).await
    })
    .await
}
