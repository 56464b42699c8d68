//! `mk8s-host run`: what is read and bound before anything starts, and the drain.

use std::io::IsTerminal;
use std::time::{Duration, Instant, SystemTime};

use addons::signature::Trust;
use anyhow::{Context, Result, bail};
use datastore::DirectoryLock;
use observe::LogFormat;
use pki::Pki;
use supervise::{Ended, Scope, Tree};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::certificates::Tls;
use crate::cli;
use crate::configuration::Configuration;
use crate::data_dir::DataDir;
use crate::facts::facts;
use crate::node::{Ground, Node};
use crate::sockets::{self, Role};
use crate::units;

/// From the signal to the end of the process; pods are not waited for.
const DRAIN: Duration = Duration::from_secs(25);

pub(crate) fn run(data_dir: &DataDir, options: &cli::Run) -> Result<()> {
    let began = Instant::now();
    data_dir.prepare()?;
    let _lock = DirectoryLock::acquire(&data_dir.lock())?;
    let format = if std::io::stderr().is_terminal() { LogFormat::Terminal } else { LogFormat::Plain };
    observe::init(&options.log, format)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(serve(data_dir, options, began))
}

async fn serve(data_dir: &DataDir, options: &cli::Run, began: Instant) -> Result<()> {
    let profile = options.profile;
    let configuration = Configuration::load(data_dir, profile.into())?;
    let effective = configuration.effective();
    let facts = facts(data_dir, &effective)?;
    let pki = Pki::new(data_dir.root());
    for made in pki.ensure(&facts, SystemTime::now())? {
        info!("{made}");
    }
    let tls = Tls::load(&pki)?;
    let role = Role::of_this_process();
    if role == Role::Node {
        units::containerd::end_orphan(data_dir)?;
    }
    let sockets = net::bind_all(sockets::table(data_dir, &effective, role))?;

    let scope = Scope::root("node");
    let kubeconfig = data_dir.join("credentials/client.config");
    let interval = Duration::from_secs(u64::from(options.snapshot_hours) * 60 * 60);
    let snapshots = (!interval.is_zero()).then_some((interval, options.snapshot_retention as usize));
    let data_dir = data_dir.clone();
    let trust = if options.require_signature { Trust::Signed } else { Trust::Anybody };
    let ground = Ground { data_dir, profile, trust, role, snapshots, configuration, facts, tls, sockets };
    let node = Node::compose(ground, &scope)?;
    let Node { units, tree: slot } = node;
    let tree = Tree::new(units);
    let handle = tree.handle();
    let _tree = slot.fill(handle.clone());
    let stop = CancellationToken::new();
    scope.spawn("signals", stop_at_signal(stop.clone()));
    let leaving = scope.token();
    scope.spawn("greeting", async move {
        let mut status = handle.status();
        let ready = tokio::select! {
            () = leaving.cancelled() => false,
            ready = status.wait_for(supervise::TreeStatus::is_ready) => ready.is_ok(),
        };
        if ready {
            let after = began.elapsed().as_secs_f64();
            info!("ready after {after:.1} s: kubectl --kubeconfig {} get nodes", kubeconfig.display());
        }
    });
    let ended = tree.run(stop, DRAIN).await;
    scope.close(DRAIN).await;
    match ended {
        Ended::Stopped { left } if left.is_empty() => {
            info!("stopped; pods keep running");
            Ok(())
        }
        Ended::Stopped { left } => {
            warn!("stopped after {DRAIN:?} without the end of {}", left.join(", "));
            Ok(())
        }
        Ended::Failed { unit, why, left } => {
            if !left.is_empty() {
                warn!("stopped after {DRAIN:?} without the end of {}", left.join(", "));
            }
            bail!("{unit} failed, and nothing can go on without it: {why}")
        }
    }
}

async fn stop_at_signal(stop: CancellationToken) {
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        warn!("signals cannot be caught: SIGTERM ends the process without a drain");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: stopping"),
        _ = interrupt.recv() => info!("interrupted: stopping"),
    }
    stop.cancel();
}

impl From<cli::Profile> for args::Profile {
    fn from(profile: cli::Profile) -> Self {
        match profile {
            cli::Profile::Default => Self::Default,
            cli::Profile::Hardened => Self::Hardened,
        }
    }
}
