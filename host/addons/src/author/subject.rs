//! A component that is ready to be called, compiled as a node compiles it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use engine::{CallError, Component, Instance, Limits, Role};

use crate::author::Workshop;
use crate::author::stand_in::StandIn;
use crate::library::{ComponentError, Package};
use crate::metadata::{Allowance, Metadata, SettingValue};

/// A component under test, granted all that it wants.
pub struct Subject {
    pub(super) metadata: Metadata,
    component: Component,
}

impl Subject {
    pub async fn load(workshop: &Workshop, component: Bytes) -> Result<Self, ComponentError> {
        let package = Package::read(component)?;
        let component = workshop.load(&package).await?;
        Ok(Self { metadata: package.metadata, component })
    }

    pub fn roles(&self) -> impl Iterator<Item = Role> {
        self.metadata.roles.iter().filter_map(|name| Role::named(name))
    }

    pub(super) fn stand_in(&self) -> Arc<StandIn> {
        StandIn::new(&self.metadata, &BTreeMap::new())
    }

    pub(super) fn stand_in_with(&self, settings: &BTreeMap<String, SettingValue>) -> Arc<StandIn> {
        StandIn::new(&self.metadata, settings)
    }

    pub(super) fn instance(&self, services: &Arc<StandIn>, limits: Limits) -> Result<Instance, CallError> {
        let allowance = Allowance::of(self.metadata.wants.quota.as_ref());
        self.component.instantiate(services.clone(), allowance.within(limits))
    }
}
