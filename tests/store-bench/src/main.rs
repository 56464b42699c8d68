//! The figures of the datastore behind etcd's API, beside those of Debian's etcd and of a server that does nothing, on one
//! machine, one disk and one client. One run, one table; nothing is asserted.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

mod disk;
mod load;
mod nothing;
mod process;
mod rates;
mod server;
mod start;
mod table;
mod watchers;

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use support::Machine;

use crate::server::Server;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(word), Some(data)) if word == nothing::ARGUMENT => nothing::run(Path::new(&data)),
        _ => measure(),
    }
}

fn measure() -> Result<()> {
    // Beside the programs, which are on a disk where /tmp may be in memory.
    let programs = support::program().parent().context("a program is in a folder")?.to_owned();
    let folder = tempfile::Builder::new().prefix("store-bench-").tempdir_in(programs)?;
    disk::expect_real(folder.path())?;
    let machine = Machine::start();
    // Every socket that this process opens from here on is one of the machine.
    let namespace = fs::File::open(format!("/proc/{}/ns/net", machine.first()))?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
    let mut etcd = Server::etcd(&machine, folder.path())?;
    let mut ours = Server::ours(&machine, folder.path())?;
    let mut nothing = Server::nothing(&machine, folder.path())?;
    // One thread, so that a server has a processor of its own where there are two.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

    runtime.block_on(async {
        for server in [&mut etcd, &mut ours, &mut nothing] {
            server.start()?;
            server.answers().await?;
        }
        let mut rows = disk::written(&etcd, &ours).await.context("measure what is written")?;
        rows.extend(start::measure(&mut etcd, &mut ours).await.context("measure the start")?);
        rows.extend(watchers::measure(&etcd, &ours).await.context("measure watches")?);
        let rates =
            rates::measure([&etcd, &ours, &nothing], folder.path()).await.context("measure requests")?;
        table::print(rates.iter().flat_map(rates::Rates::rows).chain(rows));
        println!();
        table::print_limits(rates.iter().flat_map(rates::Rates::limits));
        Ok(())
    })
}
