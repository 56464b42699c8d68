//! The options of a request, read from its query and refused in upstream's words.

use datastore::Revision;
use objects::decode::FieldValidation;
use objects::resource::{GroupKind, Resource};
use objects::selector::field::FieldSelector;
use objects::selector::label::LabelSelector;
use objects::status::Status;
use objects::validate::{FieldError, Path, to_status};

use super::Rest;
use crate::call::Call;

const NOT_OLDER_THAN: &str = "NotOlderThan";
const EXACT: &str = "Exact";

/// `dryRun` and `fieldValidation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WriteOptions {
    pub(crate) execution: Execution,
    pub(crate) validation: FieldValidation,
}

/// Whether a write is done or only answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Execution {
    #[default]
    Real,
    Dry,
}

/// How new a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// As new as the store.
    Latest,
    /// Whatever is there.
    Any,
    NotOlderThan(Revision),
    Exact(Revision),
}

#[derive(Clone, Debug)]
pub(crate) struct ListOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    pub(crate) freshness: Freshness,
    pub(crate) limit: Option<usize>,
    /// Empty for the first page.
    pub(crate) continued: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bookmarks {
    Wanted,
    Unwanted,
}

/// What a watch begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Every object as it is now.
    State,
    /// Every object as it is now, then a bookmark that says so.
    StateWithBookmark,
    After(Revision),
}

#[derive(Clone, Debug)]
pub(crate) struct WatchOptions {
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
    pub(crate) freshness: Freshness,
    pub(crate) begin: Begin,
    pub(crate) bookmarks: Bookmarks,
    pub(crate) timeout_seconds: Option<u64>,
}

impl Call {
    /// The first value of a name; empty counts as absent.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let value = self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }

    /// A boolean as upstream reads it: present and neither `false` nor `0`.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        let (_, value) = self.query.iter().find(|(key, _)| key == name)?;
        Some(!["false", "0"].contains(&value.to_ascii_lowercase().as_str()))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        self.query(name).map(integer).transpose()
    }

    pub(crate) fn write_options(&self, kind: &str) -> Result<WriteOptions, Status> {
        let mut errors = Vec::new();
        let mut execution = Execution::Real;
        for (_, value) in self.query.iter().filter(|(key, _)| key == "dryRun") {
            match value.as_str() {
                "All" => execution = Execution::Dry,
                "" => {}
                other => errors.push(FieldError::not_supported(&Path::new("dryRun"), other, &["All"])),
            }
        }
        let text = self.query("fieldValidation").unwrap_or_default();
        let validation = FieldValidation::parse(text).unwrap_or_else(|| {
            let supported = ["Ignore", "Strict", "Warn", ""];
            errors.push(FieldError::not_supported(&Path::new("fieldValidation"), text, &supported));
            FieldValidation::default()
        });
        if let Some(why) = self.query("fieldManager").and_then(Rest::check_manager) {
            let name = self.query("fieldManager").unwrap_or_default();
            errors.push(FieldError::invalid(&Path::new("fieldManager"), name, why));
        }
        refuse(kind, &errors)?;
        Ok(WriteOptions { execution, validation })
    }

    pub(crate) fn get_freshness(&self) -> Result<Freshness, Status> {
        Ok(match self.revision()? {
            None => Freshness::Latest,
            Some(Revision(0)) => Freshness::Any,
            Some(revision) => Freshness::NotOlderThan(revision),
        })
    }

    pub(crate) fn list_options(&self) -> Result<ListOptions, Status> {
        let rule = self.query("resourceVersionMatch");
        let continued = self.query("continue").unwrap_or_default();
        let mut errors = Vec::new();
        let path = Path::new("resourceVersionMatch");
        if let Some(rule) = rule {
            let version = self.query("resourceVersion");
            let mut forbid = |why: &str| errors.push(FieldError::forbidden(&path, why));
            if version.is_none() {
                forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if !continued.is_empty() {
                forbid("resourceVersionMatch is forbidden when continue is provided");
            }
            if rule == EXACT && version == Some("0") {
                forbid("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\"");
            }
            if rule != EXACT && rule != NOT_OLDER_THAN {
                errors.push(FieldError::not_supported(&path, rule, &[EXACT, NOT_OLDER_THAN, ""]));
            }
        }
        if self.flag("sendInitialEvents").is_some() {
            let why = "sendInitialEvents is forbidden for list";
            errors.push(FieldError::forbidden(&Path::new("sendInitialEvents"), why));
        }
        refuse("ListOptions", &errors)?;
        let limit = self.limit()?;
        let freshness = match (self.revision()?, rule) {
            (None, _) => Freshness::Latest,
            (Some(Revision(0)), _) => Freshness::Any,
            (Some(revision), Some(EXACT)) => Freshness::Exact(revision),
            // Before there was a match rule, a limit asked for exactly that revision.
            (Some(revision), None) if limit.is_some() => Freshness::Exact(revision),
            (Some(revision), _) => Freshness::NotOlderThan(revision),
        };
        if !continued.is_empty() && !matches!(freshness, Freshness::Latest | Freshness::Any) {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        Ok(ListOptions {
            labels: self.label_selector()?,
            fields: self.field_selector()?,
            freshness,
            limit,
            continued: continued.to_owned(),
        })
    }

    pub(crate) fn watch_options(&self) -> Result<WatchOptions, Status> {
        let rule = self.query("resourceVersionMatch");
        let initial = self.flag("sendInitialEvents");
        let path = Path::new("resourceVersionMatch");
        let mut errors = Vec::new();
        if initial.is_some() && rule != Some(NOT_OLDER_THAN) {
            let why = format!("sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER_THAN}");
            errors.push(FieldError::forbidden(&path, why));
        }
        if let Some(rule) = rule {
            if initial.is_none() {
                let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
                errors.push(FieldError::forbidden(&path, why));
            }
            if rule != NOT_OLDER_THAN {
                errors.push(FieldError::not_supported(&path, rule, &[NOT_OLDER_THAN]));
            }
        }
        refuse("ListOptions", &errors)?;
        let bookmarks = match self.flag("allowWatchBookmarks") {
            Some(true) => Bookmarks::Wanted,
            _ => Bookmarks::Unwanted,
        };
        let freshness = self.get_freshness()?;
        let begin = match (initial, freshness) {
            (Some(true), _) if bookmarks == Bookmarks::Wanted => Begin::StateWithBookmark,
            (Some(true), _) => Begin::State,
            (_, Freshness::NotOlderThan(revision)) => Begin::After(revision),
            _ => Begin::State,
        };
        Ok(WatchOptions {
            labels: self.label_selector()?,
            fields: self.field_selector()?,
            freshness,
            begin,
            bookmarks,
            timeout_seconds: self
                .number("timeoutSeconds")?
                .and_then(|seconds| u64::try_from(seconds).ok())
                .filter(|seconds| *seconds > 0),
        })
    }

    fn limit(&self) -> Result<Option<usize>, Status> {
        let limit = self.number("limit")?;
        Ok(limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0))
    }

    fn revision(&self) -> Result<Option<Revision>, Status> {
        let Some(text) = self.query("resourceVersion") else { return Ok(None) };
        let parsed = text.parse::<u64>().ok().and_then(|number| i64::try_from(number).ok());
        let Some(number) = parsed else { return Err(invalid_version(&self.resource, &self.name, text)) };
        Ok(Some(Revision(number)))
    }

    pub(crate) fn label_selector(&self) -> Result<LabelSelector, Status> {
        let text = self.query("labelSelector").unwrap_or_default();
        LabelSelector::parse(text).map_err(|error| Status::bad_request(error.to_string()))
    }

    pub(crate) fn field_selector(&self) -> Result<FieldSelector, Status> {
        let text = self.query("fieldSelector").unwrap_or_default();
        let selector = FieldSelector::parse(text).and_then(|selector| {
            selector.check(&self.resource)?;
            Ok(selector)
        });
        selector.map_err(|error| Status::bad_request(error.to_string()))
    }
}

/// A whole number as Go reads it.
pub(crate) fn integer(text: &str) -> Result<i64, Status> {
    text.parse::<i64>().map_err(|_| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let why = if is_number { "value out of range" } else { "invalid syntax" };
        Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
    })
}

/// A resourceVersion that is no number.
pub(crate) fn invalid_version(resource: &Resource, name: &str, text: &str) -> Status {
    let error = FieldError::invalid(
        &Path::new("resourceVersion"),
        text,
        format!("strconv.ParseUint: parsing {text:?}: invalid syntax"),
    );
    let kind = GroupKind::new(resource.group.clone(), resource.kind.clone());
    to_status(&kind, name, &[error]).unwrap_or_else(|| Status::bad_request("invalid resourceVersion"))
}

/// The refusal of options of a kind, where something is wrong with them.
pub(crate) fn refuse(kind: &str, errors: &[FieldError]) -> Result<(), Status> {
    let kind = GroupKind::new("meta.k8s.io", kind.to_owned());
    to_status(&kind, "", errors).map_or(Ok(()), Err)
}
