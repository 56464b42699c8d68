//! The addons: those that the binary carries and those that were installed.

mod happenings;
mod mirror;

use std::sync::Arc;

use addons::signature::Trust;
use addons::{AddonsHandle, Builtin, Config, Deps, Limits};
use anyhow::{Context, Result};
use datastore::Datastore;
use pki::Pki;
use supervise::{BoxError, OnFailure, Unit, UnitContext};

use crate::adapt::clients::Clients;
use crate::adapt::compiler::ChildCompiler;
use crate::adapt::configuration::LiveConfiguration;
use crate::adapt::documents::Https;
use crate::adapt::issuer::PkiIssuer;
use crate::adapt::kube::AddonKube;
use crate::adapt::store::AddonStore;
use crate::builtin::{BUILTINS, Default};
use crate::cli::Profile;
use crate::data_dir::DataDir;
use crate::slot::Slot;
use crate::units::{name, until_ended};

pub(crate) use happenings::Sources;

/// What the addons stand on.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) data_dir: DataDir,
    pub(crate) profile: Profile,
    pub(crate) trust: Trust,
    pub(crate) datastore: Slot<Datastore>,
    pub(crate) clients: Clients,
    pub(crate) configuration: LiveConfiguration,
    /// Name of this node.
    pub(crate) node: String,
    pub(crate) happenings: Sources,
}

pub(crate) fn unit(parts: Parts, slot: Slot<AddonsHandle>) -> Result<Unit> {
    let compiler = ChildCompiler::new(std::env::current_exe().context("find the path of this program")?);
    let engine = engine::Engine::new()?;
    Ok(Unit::new(name::ADDONS, &[name::API_SERVER], OnFailure::Restart, move |context| {
        run(parts.clone(), engine.clone(), compiler.clone(), slot.clone(), context)
    }))
}

async fn run(
    parts: Parts,
    engine: engine::Engine,
    compiler: ChildCompiler,
    slot: Slot<AddonsHandle>,
    context: UnitContext,
) -> Result<(), BoxError> {
    let kube = Arc::new(AddonKube::new(parts.clients.clone()));
    let deps = Deps {
        engine,
        compiler: Arc::new(compiler),
        store: Arc::new(AddonStore::new(parts.datastore)),
        kube: kube.clone(),
        issuer: Arc::new(PkiIssuer::new(Pki::new(parts.data_dir.root()))),
        objects: kube,
        documents: Arc::new(Https),
        configuration: Arc::new(parts.configuration),
        scope: context.scope.clone(),
    };
    let (handle, task) = config(&parts.data_dir, parts.profile, parts.trust).build(deps)?;
    let _filled = slot.fill(handle.clone());
    let leaving = context.scope.token();
    let beside = {
        let telling = happenings::tell(parts.happenings, handle.clone());
        let mirroring = mirror::keep(parts.clients.host(), handle.clone(), parts.node);
        async move { tokio::join!(telling, mirroring) }
    };
    context.scope.spawn("beside the addons", async move {
        leaving.run_until_cancelled(beside).await;
    });
    let stop = context.stop();
    until_ended(context, async move { handle.ready().await }, async move {
        task.run(stop).await;
        Ok(())
    })
    .await
}

fn config(data_dir: &DataDir, profile: Profile, trust: Trust) -> Config {
    let enabled = |default: Default| match default {
        Default::Enabled => true,
        Default::Hardened => profile == Profile::Hardened,
        Default::Disabled => false,
    };
    let builtin = |addon: &crate::builtin::Builtin| Builtin {
        name: addon.name,
        component: addon.component,
        enabled_by_default: enabled(addon.default),
    };
    Config {
        data_dir: data_dir.root().to_owned(),
        builtins: BUILTINS.iter().map(builtin).collect(),
        request_limits: Limits::HOT,
        trust,
    }
}
