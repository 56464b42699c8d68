//! Documents of other servers that the host fetches for an addon, and pushes as it does files.

use serde::{Deserialize, Serialize};

use super::super::SettingSpec;

/// At a URL that the operator gave, or that another of the documents names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentWant {
    pub(crate) name: String,
    /// The setting with the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) setting: Option<String>,
    /// What follows it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) suffix: String,
    /// A document before this one, which is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<String>,
    /// Its field with the URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// The setting with the file of the CAs that vouch for the server; the system's where it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authorities: Option<String>,
    pub(crate) why: String,
}

/// Where a document is.
pub(crate) enum Origin<'a> {
    Setting { name: &'a str, suffix: &'a str },
    Field { document: &'a str, field: &'a str },
}

impl DocumentWant {
    /// None where the metadata says neither, or both.
    pub(crate) fn origin(&self) -> Option<Origin<'_>> {
        match (&self.setting, &self.document, &self.field) {
            (Some(name), None, None) => Some(Origin::Setting { name, suffix: &self.suffix }),
            (None, Some(document), Some(field)) if self.suffix.is_empty() => {
                Some(Origin::Field { document, field })
            }
            _ => None,
        }
    }

    /// Whether there is what its origin names: a setting, or a document among those before it.
    pub(crate) fn is_placed(&self, settings: &[SettingSpec], before: &[Self]) -> bool {
        let is_setting = |name: &str| settings.iter().any(|setting| setting.name == name);
        let origin = match self.origin() {
            Some(Origin::Setting { name, .. }) => is_setting(name),
            Some(Origin::Field { document, .. }) => before.iter().any(|one| one.name == document),
            None => false,
        };
        origin && self.authorities.as_deref().is_none_or(is_setting)
    }
}
