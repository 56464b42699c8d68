//! `metadata.managedFields`: who owns which fields.

use jiff::Timestamp;

use super::fields::FieldSet;
use super::{fields_v1, value};
use crate::meta;
use crate::tree::{Object, Tree};

/// How many managers of updates an object keeps apart; upstream's default.
const MAX_UPDATERS: usize = 10;
/// The manager that the oldest of more become.
const ANCIENT: &str = "ancient-changes";

const PATH: [&str; 2] = ["metadata", "managedFields"];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// What tells managers apart. Appliers are the same in every version of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ManagerId {
    pub(super) name: String,
    pub(super) operation: Operation,
    /// Empty for appliers.
    pub(super) api_version: String,
    pub(super) subresource: String,
}

impl ManagerId {
    pub(super) fn new(name: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let api_version = match operation {
            Operation::Apply => String::new(),
            Operation::Update => api_version.to_owned(),
        };
        Self { name: name.to_owned(), operation, api_version, subresource: subresource.to_owned() }
    }

    /// Upstream's text of it, by which managers are sorted.
    pub(super) fn key(&self) -> String {
        let pairs = [
            ("manager", self.name.as_str()),
            ("operation", self.operation.as_str()),
            ("apiVersion", &self.api_version),
            ("subresource", &self.subresource),
        ];
        let pairs = pairs.iter().filter(|(_, text)| !text.is_empty());
        let pairs = pairs.map(|(key, text)| format!("{key:?}:{}", value::go_json(&Tree::from(*text))));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
    }
}

/// One manager and what it owns.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: ManagerId,
    /// The version that its paths are of.
    pub(super) api_version: String,
    pub(super) time: Option<Box<str>>,
    pub(super) fields: FieldSet,
}

impl Entry {
    fn seconds(&self) -> i64 {
        self.time.as_deref().and_then(meta::parse_rfc3339).map_or(0, Timestamp::as_second)
    }
}

/// Why `managedFields` cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManagersError {
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    #[error("apiVersion must not be empty")]
    ApiVersion,
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    #[error("invalid fieldsType {0:?} in managed fields entry {1}")]
    FieldsType(String, usize),
    #[error("error decoding versioned set of {0:?}: error decoding set: {1}")]
    Fields(String, super::element::ElementError),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Managers(Vec<Entry>);

/// The list of an object, as it is.
pub(super) fn encoded(object: &Tree) -> &[Tree] {
    object.items_at(&PATH)
}

/// Takes the list out of an object.
pub(super) fn take(object: &mut Tree) -> Option<Tree> {
    object.remove_at(&PATH)
}

/// Puts a list into an object; none and an empty one remove it.
pub(super) fn put(object: &mut Tree, list: Option<Tree>) {
    match list {
        Some(list) if !list.items().is_empty() => object.set_at(&PATH, list),
        _ => drop(object.remove_at(&PATH)),
    }
}

/// Whether a list says that nobody is to own anything: it is empty, or has one empty entry.
pub(super) fn is_reset(list: &Tree) -> bool {
    match list {
        Tree::Array(entries) => match entries.as_slice() {
            [] => true,
            [Tree::Object(entry)] => entry.values().all(Tree::is_empty_value),
            _ => false,
        },
        _ => false,
    }
}

impl Managers {
    pub(super) fn decode(list: &[Tree]) -> Result<Self, ManagersError> {
        let mut managers = Self::default();
        for (index, entry) in list.iter().enumerate() {
            let text = |key: &str| entry.str_at(&[key]).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err(ManagersError::Operation),
            };
            if text("apiVersion").is_empty() {
                return Err(ManagersError::ApiVersion);
            }
            match text("fieldsType") {
                "FieldsV1" => {}
                "" => return Err(ManagersError::NoFieldsType(index)),
                other => return Err(ManagersError::FieldsType(other.to_owned(), index)),
            }
            let fields = entry.get("fieldsV1").map(fields_v1::read).transpose();
            managers.put(Entry {
                id: ManagerId::new(text("manager"), operation, text("apiVersion"), text("subresource")),
                api_version: text("apiVersion").to_owned(),
                time: entry.str_at(&["time"]).map(Box::from),
                fields: fields
                    .map_err(|error| ManagersError::Fields(text("manager").to_owned(), error))?
                    .unwrap_or_default(),
            });
        }
        Ok(managers)
    }

    /// The list, appliers before updaters, the oldest first.
    pub(super) fn encode(mut self) -> Option<Tree> {
        let order = |entry: &Entry| {
            let id = &entry.id;
            (
                id.operation,
                entry.seconds(),
                id.name.clone(),
                entry.api_version.clone(),
                id.subresource.clone(),
            )
        };
        self.0.sort_by_cached_key(order);
        (!self.0.is_empty()).then(|| Tree::Array(self.0.iter().map(encode_entry).collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Changes each entry by a function that says whether it stays.
    pub(super) fn retain(&mut self, keep: impl FnMut(&mut Entry) -> bool) {
        self.0.retain_mut(keep);
    }

    /// Puts an entry in the place of that of the same manager.
    pub(super) fn put(&mut self, entry: Entry) {
        match self.0.iter_mut().find(|old| old.id == entry.id) {
            Some(old) => *old = entry,
            None => self.0.push(entry),
        }
    }

    pub(super) fn remove(&mut self, id: &ManagerId) -> Option<Entry> {
        let at = self.0.iter().position(|entry| entry.id == *id)?;
        Some(self.0.remove(at))
    }

    /// Merges the oldest updaters, each version for itself, until there are few enough.
    pub(super) fn cap_updaters(&mut self) {
        let updaters = || self.0.iter().filter(|entry| entry.id.operation == Operation::Update);
        let mut excess = updaters().count().saturating_sub(MAX_UPDATERS);
        if excess == 0 {
            return;
        }
        let mut updaters: Vec<_> =
            updaters().map(|entry| (entry.seconds(), entry.id.key(), entry.id.clone())).collect();
        updaters.sort_by(|one, two| (one.0, &one.1).cmp(&(two.0, &two.1)));
        // The first of each version stays until there is a second to merge it with.
        let mut firsts: Vec<ManagerId> = Vec::new();
        for (.., id) in updaters {
            if excess == 0 {
                break;
            }
            let bucket = ManagerId::new(ANCIENT, Operation::Update, &id.api_version, "");
            match firsts.iter().find(|first| first.api_version == id.api_version).cloned() {
                Some(first) if id != bucket => {
                    let parts = [self.remove(&bucket), self.remove(&first), self.remove(&id)];
                    let parts = parts.into_iter().flatten();
                    let whole = parts
                        .reduce(|older, newer| Entry { fields: older.fields.union(newer.fields), ..newer });
                    if let Some(whole) = whole {
                        self.put(Entry { id: bucket, ..whole });
                    }
                    excess -= 1;
                }
                _ => firsts.push(id),
            }
        }
    }
}

fn encode_entry(entry: &Entry) -> Tree {
    let mut fields = Object::with_capacity(7);
    let mut text = |key: &str, text: &str| {
        if !text.is_empty() {
            fields.insert(key, text);
        }
    };
    text("manager", &entry.id.name);
    text("operation", entry.id.operation.as_str());
    text("apiVersion", &entry.api_version);
    text("time", entry.time.as_deref().unwrap_or_default());
    text("fieldsType", "FieldsV1");
    fields.insert("fieldsV1", fields_v1::write(&entry.fields));
    if !entry.id.subresource.is_empty() {
        fields.insert("subresource", entry.id.subresource.as_str());
    }
    Tree::Object(fields)
}
