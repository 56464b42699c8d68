//! Brings the default objects into the API, as kube-apiserver does at its start: those that are missing are created,
//! and what is missing in those that are there is added. Nothing is ever taken away, and an object whose `autoupdate`
//! annotation says `false` stays as it is.

use sdk::{Error, log};
use serde_json::{Value, json};

use crate::defaults::{self, AUTOUPDATE};
use crate::model::{AggregationRule, Binding, Kind, Metadata, Object, Role, Rule};

/// The API, as far as it is needed here.
pub(crate) trait Api {
    fn list(&mut self, kind: Kind) -> Result<Vec<Value>, Error>;

    /// None where there is no such object.
    fn get(&mut self, kind: Kind, name: &str) -> Result<Option<Value>, Error>;

    fn put(&mut self, kind: Kind, metadata: &Metadata, object: &Value) -> Result<(), Error>;

    fn delete(&mut self, kind: Kind, metadata: &Metadata) -> Result<(), Error>;
}

/// What is to be done about a default object.
#[derive(Debug, PartialEq)]
enum Step {
    Keep,
    Put(Value),
    /// What a binding refers to cannot be changed: it is deleted first.
    Recreate(Value),
}

/// Ensures every default object; one that fails is told in the log and does not hold up the others. Gives the first
/// error.
pub(crate) fn ensure(api: &mut impl Api) -> Result<(), Error> {
    let defaults = defaults::objects();
    let mut outcome = Ok(());
    for kind in Kind::ALL {
        let existing = api.list(kind)?;
        for (_, object) in defaults.iter().filter(|(of, _)| *of == kind) {
            let metadata = object.metadata();
            let existing = existing.iter().find(|value| is_named(value, metadata));
            let done = plan(kind, object, existing).and_then(|step| carry_out(api, kind, metadata, step));
            if let Err(error) = &done {
                log::error(format!("ensure the {} {}: {}", kind.name(), metadata.name, error.text()));
            }
            outcome = outcome.and(done);
        }
    }
    outcome
}

/// Writes the rules of an aggregated ClusterRole into its object.
pub(crate) fn write_rules(api: &mut impl Api, name: &str, rules: &[Rule]) -> Result<(), Error> {
    let Some(mut object) = api.get(Kind::ClusterRole, name)? else { return Ok(()) };
    let rules = json!(rules);
    if object["rules"] == rules {
        return Ok(());
    }
    object["rules"] = rules;
    let metadata = Metadata { name: name.to_owned(), ..Metadata::default() };
    api.put(Kind::ClusterRole, &metadata, &object)
}

fn carry_out(api: &mut impl Api, kind: Kind, metadata: &Metadata, step: Step) -> Result<(), Error> {
    match step {
        Step::Keep => Ok(()),
        Step::Put(object) => api.put(kind, metadata, &object),
        Step::Recreate(object) => {
            api.delete(kind, metadata)?;
            api.put(kind, metadata, &object)
        }
    }
}

fn is_named(value: &Value, metadata: &Metadata) -> bool {
    let found = &value["metadata"];
    found["name"] == *metadata.name && found["namespace"].as_str().unwrap_or_default() == metadata.namespace
}

fn plan(kind: Kind, wanted: &Object, existing: Option<&Value>) -> Result<Step, Error> {
    let Some(existing) = existing else { return Ok(Step::Put(json!(wanted))) };
    let unreadable =
        |error| Error::Other(format!("read the {} {}: {error}", kind.name(), wanted.metadata().name));
    let found = Object::read(kind, existing.to_string().as_bytes()).map_err(unreadable)?;
    if found.metadata().annotations.get(AUTOUPDATE).is_some_and(|update| update == "false") {
        return Ok(Step::Keep);
    }
    let mut changed = existing.clone();
    add_metadata(&mut changed, wanted.metadata());
    match (wanted, &found) {
        (Object::Role(wanted), Object::Role(found)) => add_rules(&mut changed, wanted, found),
        (Object::Binding(wanted), Object::Binding(found)) if wanted.role_ref == found.role_ref => {
            add_subjects(&mut changed, wanted, found);
        }
        _ => return Ok(Step::Recreate(json!(wanted))),
    }
    Ok(if changed == *existing { Step::Keep } else { Step::Put(changed) })
}

fn add_metadata(object: &mut Value, wanted: &Metadata) {
    for (field, wanted) in [("labels", &wanted.labels), ("annotations", &wanted.annotations)] {
        let existing = &mut object["metadata"][field];
        for (key, value) in wanted {
            if existing.get(key).is_none() {
                existing[key] = json!(value);
            }
        }
    }
}

fn add_rules(object: &mut Value, wanted: &Role, found: &Role) {
    if let Some(AggregationRule { cluster_role_selectors: wanted }) = &wanted.aggregation_rule {
        let found = found.aggregation_rule.iter().flat_map(|rule| &rule.cluster_role_selectors);
        let found: Vec<_> = found.collect();
        let missing = wanted.iter().filter(|selector| !found.contains(selector));
        return extend(&mut object["aggregationRule"]["clusterRoleSelectors"], missing);
    }
    let missing = wanted.rules.iter().filter(|rule| !found.rules.iter().any(|found| found.includes(rule)));
    extend(&mut object["rules"], missing);
}

fn add_subjects(object: &mut Value, wanted: &Binding, found: &Binding) {
    let missing = wanted.subjects.iter().filter(|subject| !found.subjects.contains(subject));
    extend(&mut object["subjects"], missing);
}

/// Appends to a list, which may not be there yet.
fn extend(list: &mut Value, missing: impl Iterator<Item = impl serde::Serialize>) {
    for item in missing {
        if list.is_null() {
            *list = json!([]);
        }
        list.as_array_mut().expect("an object was read from this").push(json!(item));
    }
}

#[cfg(test)]
mod tests;
