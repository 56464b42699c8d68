//! Changes of an addon that stays: its settings, its grants, and what is known of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::{OperationError, SettingEdit};
use crate::library::Package;
use crate::metadata::{Metadata, SettingType, SettingValue, Wants};
use crate::record::{Record, Source};
use crate::report::{CapabilityReport, Details, Report, SettingReport};
use crate::roster::{Entry, Stage};
use crate::task::{Node, Reach};
use crate::transaction::{Next, Settling, Target};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Regrant {
    Grant,
    Revoke,
}

impl Node {
    pub(super) async fn details(&self, name: &str) -> Result<Details, OperationError> {
        let entry = self.entry(name)?;
        let package = self.package(name, &entry).await;
        let metadata = package.as_ref().ok().map(|package| &package.metadata);
        let granted = entry.granted(metadata);
        let capability = |one: crate::metadata::Capability| CapabilityReport {
            granted: granted.names().contains(&one.name),
            name: one.name,
            text: one.text,
        };
        let given = entry.record.as_ref().map(|record| record.settings.clone()).unwrap_or_default();
        let ledger = self.ledgers.get(name);
        Ok(Details {
            addon: self.report(name)?,
            description: metadata.map(|metadata| metadata.description.clone()).unwrap_or_default(),
            settings: metadata.map(|metadata| settings(metadata, &given)).unwrap_or_default(),
            capabilities: metadata
                .map_or(granted.clone(), |metadata| metadata.wants.clone())
                .capabilities()
                .into_iter()
                .map(capability)
                .collect(),
            denied: ledger.iter().flat_map(|ledger| ledger.denials()).collect(),
            calls: ledger.iter().flat_map(|ledger| ledger.calls()).collect(),
            memory: ledger.map_or(0, |ledger| ledger.largest_memory()),
            faults: entry.active().map_or(0, |active| active.faults()),
        })
    }

    pub(super) async fn diff(
        &self,
        name: &str,
        component: Option<Bytes>,
    ) -> Result<Vec<String>, OperationError> {
        let target = match self.roster().addons.get(name) {
            Some(entry) if component.is_none() => {
                let enabled = matches!(entry.stage, Stage::Disabled);
                let record = self.touched(name, entry, enabled);
                self.target(name, record).await?
            }
            _ => self.enabled(&self.candidate(name, component.into())?).await?,
        };
        let plan = self.plan(&target).await?;
        let changes = self.configuration.effective().changes(&plan.effective);
        Ok(changes.iter().map(ToString::to_string).collect())
    }

    pub(super) async fn set(&self, name: &str, edits: &[SettingEdit]) -> Result<Report, OperationError> {
        let entry = self.entry(name)?;
        let metadata = self.package(name, &entry).await?.metadata.clone();
        let mut record = self.touched(name, &entry, !matches!(entry.stage, Stage::Disabled));
        for edit in edits {
            let spec = metadata.settings.iter().find(|spec| spec.name == edit.name);
            let spec = spec.ok_or_else(|| OperationError::NoSetting {
                addon: name.to_owned(),
                name: edit.name.clone(),
                known: metadata.settings.iter().map(|spec| spec.name.clone()).collect(),
            })?;
            let Some(text) = &edit.value else {
                record.settings.remove(&edit.name);
                continue;
            };
            let value =
                SettingValue::read(spec.r#type, text).ok_or_else(|| OperationError::SettingValue {
                    addon: name.to_owned(),
                    name: edit.name.clone(),
                    wanted: spec.r#type.described(),
                    value: text.clone(),
                })?;
            record.settings.insert(edit.name.clone(), value);
        }
        self.commit(self.target(name, record).await?).await?;
        self.report(name)
    }

    pub(super) async fn regrant(
        &self,
        name: &str,
        capability: &str,
        regrant: Regrant,
    ) -> Result<Report, OperationError> {
        let entry = self.entry(name)?;
        let mut record = entry.record.clone().unwrap_or_else(|| self.touched(name, &entry, false));
        let Source::Component { grants, .. } = &mut record.source else {
            return Err(OperationError::BuiltInGrants(name.to_owned()));
        };
        let wants = self.package(name, &entry).await?.metadata.wants.clone();
        if !wants.names().contains(capability) {
            let known = wants.names().into_iter().collect();
            let (addon, capability) = (name.to_owned(), capability.to_owned());
            return Err(OperationError::NoCapability { addon, capability, known });
        }
        let mut names = grants.names();
        match regrant {
            Regrant::Grant => names.insert(capability.to_owned()),
            Regrant::Revoke => names.remove(capability),
        };
        **grants = wants.only(&names);
        let settling = match regrant {
            Regrant::Grant => Settling::Required,
            Regrant::Revoke => Settling::Tried,
        };
        self.commit(Target { settling, ..self.target(name, record).await? }).await?;
        self.report(name)
    }

    /// The addon with another record, as enabled as that says.
    pub(super) async fn target(&self, name: &str, record: Record) -> Result<Target, OperationError> {
        let next = match record.enabled {
            true => self.next(name, Some(&record), Reach::Cluster).await,
            false => Ok(Next::Disabled),
        };
        let next = next.map_err(|why| OperationError::Component { addon: name.to_owned(), why })?;
        Ok(Target::said(name, Some(record), next))
    }

    /// The component of an addon.
    pub(super) async fn package(&self, name: &str, entry: &Entry) -> Result<Arc<Package>, OperationError> {
        let of = |why| OperationError::Component { addon: name.to_owned(), why };
        match (entry.record.as_ref().and_then(Record::digest), self.builtins.get(name)) {
            (Some(digest), _) => self.component(digest, Reach::Cluster).await.map(Arc::new).map_err(of),
            (None, Some(builtin)) => Ok(builtin.package.clone()),
            (None, None) => Err(OperationError::Unknown(name.to_owned())),
        }
    }
}

impl Entry {
    /// What it was granted; a built-in has what it wants.
    fn granted(&self, metadata: Option<&Metadata>) -> Wants {
        match self.record.as_ref().map(|record| &record.source) {
            Some(Source::Component { grants, .. }) => Wants::clone(grants),
            Some(Source::BuiltIn) | None => {
                metadata.map(|metadata| metadata.wants.clone()).unwrap_or_default()
            }
        }
    }
}

fn settings(metadata: &Metadata, given: &BTreeMap<String, SettingValue>) -> Vec<SettingReport> {
    let values = metadata.settings(given);
    let report = |(spec, setting): (&crate::metadata::SettingSpec, engine::Setting)| SettingReport {
        name: spec.name.clone(),
        value: setting.value,
        is_default: !given.contains_key(&spec.name),
        description: spec.description.clone(),
    };
    metadata.settings.iter().zip(values).map(report).collect()
}

impl SettingType {
    fn described(self) -> &'static str {
        match self {
            Self::String => "a text",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::StringList => "a list of texts with commas between them",
        }
    }
}

impl SettingValue {
    /// A value in the operator's words.
    fn read(of: SettingType, text: &str) -> Option<Self> {
        match of {
            SettingType::String => Some(Self::String(text.to_owned())),
            SettingType::Bool => text.parse().ok().map(Self::Bool),
            SettingType::Integer => text.parse().ok().map(Self::Integer),
            SettingType::StringList => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Some(Self::StringList(items.map(str::to_owned).collect()))
            }
        }
    }
}
