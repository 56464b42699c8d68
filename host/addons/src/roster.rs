//! The addons there are, each with where it is in its life: what requests and operators see, swapped as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Role;

use crate::active::Active;
use crate::metadata::{AdmissionSpec, SchedulingSpec, Wants};
use crate::record::{Record, Records};
use crate::report::{Report, State};

#[derive(Clone, Default)]
pub(crate) struct Roster {
    pub(crate) addons: BTreeMap<String, Arc<Entry>>,
    /// One that comes or goes: its grants hold, and no request asks it.
    pub(crate) aside: Option<Arc<Active>>,
}

pub(crate) struct Entry {
    pub(crate) version: String,
    pub(crate) roles: Vec<String>,
    /// Empty where it is not known.
    pub(crate) digest: String,
    pub(crate) builtin: bool,
    /// Which writes it is shown, also where it does not run.
    pub(crate) admission: Option<AdmissionSpec>,
    /// Of which pods it is asked, also where it does not run.
    pub(crate) scheduling: Option<SchedulingSpec>,
    /// None for a built-in that nobody touched.
    pub(crate) record: Option<Record>,
    pub(crate) stage: Stage,
}

#[derive(Clone)]
pub(crate) enum Stage {
    Disabled,
    /// Enabled, and why it does not run.
    Broken(String),
    Active(Arc<Active>),
}

impl Entry {
    pub(crate) fn active(&self) -> Option<&Arc<Active>> {
        match &self.stage {
            Stage::Active(active) => Some(active),
            Stage::Disabled | Stage::Broken(_) => None,
        }
    }

    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.iter().any(|name| name == role.name())
    }
}

impl Roster {
    pub(crate) fn active(&self) -> impl Iterator<Item = &Arc<Active>> {
        self.addons.values().filter_map(|entry| entry.active())
    }

    /// The grants of an addon; two of them while it is replaced.
    pub(crate) fn grants(&self, name: &str) -> impl Iterator<Item = &Wants> {
        let aside = self.aside.as_ref().filter(|aside| aside.loaded.name() == name);
        let entered = self.addons.get(name).and_then(|entry| entry.active());
        entered.into_iter().chain(aside).map(|active| active.loaded.grants())
    }

    pub(crate) fn records(&self) -> Records {
        let record = |(name, entry): (&String, &Arc<Entry>)| Some((name.clone(), entry.record.clone()?));
        self.addons.iter().filter_map(record).collect()
    }

    /// The same with another entry, or without.
    pub(crate) fn with(&self, name: &str, entry: Option<Arc<Entry>>) -> Self {
        let mut addons = self.addons.clone();
        match entry {
            Some(entry) => addons.insert(name.to_owned(), entry),
            None => addons.remove(name),
        };
        Self { addons, aside: None }
    }

    pub(crate) fn aside(&self, aside: Arc<Active>) -> Self {
        Self { addons: self.addons.clone(), aside: Some(aside) }
    }

    pub(crate) fn report(&self, name: &str) -> Option<Report> {
        let entry = self.addons.get(name)?;
        let (state, message) = match &entry.stage {
            Stage::Disabled => (State::Disabled, None),
            Stage::Broken(why) => (State::Broken, Some(why.clone())),
            Stage::Active(active) => {
                let state = match () {
                    () if active.is_quarantined() => State::Quarantined,
                    () if !active.is_complete() => State::Starting,
                    () => State::Enabled,
                };
                (state, active.trouble())
            }
        };
        Some(Report {
            name: name.to_owned(),
            version: entry.version.clone(),
            roles: entry.roles.clone(),
            state,
            digest: entry.digest.clone(),
            message,
            builtin: entry.builtin,
            denied: entry.active().map_or(0, |active| active.loaded.services.ledger.denied_in_all()),
        })
    }
}
