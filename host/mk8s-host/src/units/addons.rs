//! The addons: those that the binary carries and those that were installed.

use std::sync::Arc;

use addons::signature::Trust;
use addons::{AddonsHandle, Builtin, Config, Deps, Limits};
use anyhow::{Context, Result};
use datastore::Datastore;
use supervise::{BoxError, OnFailure, Unit, UnitContext};

use crate::adapt::clients::Clients;
use crate::adapt::compiler::ChildCompiler;
use crate::adapt::configuration::LiveConfiguration;
use crate::adapt::kube::AddonKube;
use crate::adapt::store::AddonStore;
use crate::builtin::{BUILTINS, Default};
use crate::cli::Profile;
use crate::data_dir::DataDir;
use crate::slot::Slot;
use crate::units::{name, until_ended};

/// What the addons stand on.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) data_dir: DataDir,
    pub(crate) profile: Profile,
    pub(crate) trust: Trust,
    pub(crate) datastore: Slot<Datastore>,
    pub(crate) clients: Clients,
    pub(crate) configuration: LiveConfiguration,
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
    let kube = Arc::new(AddonKube::new(parts.clients));
    let deps = Deps {
        engine,
        compiler: Arc::new(compiler),
        store: Arc::new(AddonStore::new(parts.datastore)),
        kube: kube.clone(),
        objects: kube,
        configuration: Arc::new(parts.configuration),
        scope: context.scope.clone(),
    };
    let (handle, task) = config(&parts.data_dir, parts.profile, parts.trust).build(deps)?;
    let _filled = slot.fill(handle.clone());
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
