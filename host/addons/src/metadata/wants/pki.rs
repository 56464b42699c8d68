//! Certificates that an addon may have issued: which subjects, for which names, for what and how long.

use std::time::Duration;

use engine::{CertificateRequest, Usage};
use serde::{Deserialize, Serialize};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The group that may do everything, whatever anybody decides.
const MASTERS: &str = "system:masters";
/// Users and groups of the cluster's own, which a pattern names in full.
const SYSTEM: &str = "system:";
/// The longest life that can be granted, in days.
const MOST_DAYS: u32 = 3650;

/// In each pattern one `*` stands for anything but names of the cluster's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct PkiWant {
    pub(crate) common_name: String,
    /// Each organization of a subject is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) organizations: Vec<String>,
    /// Each name of a server is one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) names: Vec<String>,
    pub(crate) usages: Vec<UsageName>,
    pub(crate) max_days: u32,
    pub(crate) why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UsageName {
    Client,
    Server,
}

impl UsageName {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    fn is(self, usage: &Usage) -> bool {
        matches!((self, usage), (Self::Client, Usage::Client) | (Self::Server, Usage::Server))
    }
}

impl PkiWant {
    /// What nobody can be granted.
    pub(crate) fn wrong(&self) -> Option<&'static str> {
        let patterns = || self.organizations.iter().chain(&self.names).chain([&self.common_name]);
        match () {
            () if self.common_name.is_empty() => Some("without a common name"),
            () if self.organizations.iter().any(|one| one == MASTERS) => {
                Some("in the group system:masters, which no addon may")
            }
            () if patterns().any(|pattern| pattern.matches('*').count() > 1) => {
                Some("by a pattern with two *")
            }
            () if patterns().any(|pattern| pattern.starts_with(SYSTEM) && pattern.contains('*')) => {
                Some("of system: by a pattern, where each is to be named in full")
            }
            () if self.usages.is_empty() => Some("for no usage"),
            () if self.max_days == 0 || self.max_days > MOST_DAYS => {
                Some("for no time, or for more than 3650 days")
            }
            () => None,
        }
    }

    /// Whether the certificate is one of these.
    pub(crate) fn permits(&self, request: &CertificateRequest) -> bool {
        let all = |wanted: &[String], patterns: &[String]| {
            wanted.iter().all(|one| patterns.iter().any(|pattern| is_like(pattern, one)))
        };
        let usages = &request.usages;
        is_like(&self.common_name, &request.common_name)
            && all(&request.organizations, &self.organizations)
            && !request.organizations.iter().any(|one| one == MASTERS)
            && all(&request.names, &self.names)
            && !usages.is_empty()
            && usages.iter().all(|usage| self.usages.iter().any(|granted| granted.is(usage)))
            && !request.life.is_zero()
            && request.life <= DAY * self.max_days
    }
}

fn is_like(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => {
            let within = text.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
            !text.starts_with(SYSTEM)
                && within.is_some_and(|middle| !middle.is_empty() && !middle.contains('*'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want() -> PkiWant {
        let text = r#"{"commonName":"store-*","organizations":["store","system:nodes"],"names":["*.store.svc"],
            "usages":["client","server"],"maxDays":30,"why":""}"#;
        serde_json::from_str(text).unwrap()
    }

    fn request() -> CertificateRequest {
        CertificateRequest {
            common_name: "store-1".to_owned(),
            organizations: vec!["store".to_owned()],
            names: vec!["a.store.svc".to_owned()],
            usages: vec![Usage::Server],
            life: DAY,
        }
    }

    #[test]
    fn what_is_granted_is_permitted() {
        assert!(want().permits(&request()));
        assert!(want().permits(&CertificateRequest { names: Vec::new(), life: DAY * 30, ..request() }));
    }

    #[test]
    fn every_part_of_a_certificate_is_to_be_granted() {
        let others = [
            CertificateRequest { common_name: "store-".to_owned(), ..request() },
            CertificateRequest { common_name: "other".to_owned(), ..request() },
            CertificateRequest { organizations: vec!["admins".to_owned()], ..request() },
            CertificateRequest { organizations: vec!["store".to_owned(), MASTERS.to_owned()], ..request() },
            CertificateRequest { names: vec!["kubernetes.default.svc".to_owned()], ..request() },
            CertificateRequest { usages: vec![Usage::Server, Usage::Other("sign".to_owned())], ..request() },
            CertificateRequest { usages: Vec::new(), ..request() },
            CertificateRequest { life: DAY * 31, ..request() },
            CertificateRequest { life: Duration::ZERO, ..request() },
        ];
        for other in others {
            assert!(!want().permits(&other), "{other:?}");
        }
    }

    #[test]
    fn a_pattern_never_means_a_name_of_the_clusters_own() {
        assert!(is_like("*", "alice") && !is_like("*", "system:admin") && !is_like("*", MASTERS));
        assert!(is_like("system:nodes", "system:nodes"));
        let wrong = |change: &dyn Fn(&mut PkiWant)| {
            let mut want = want();
            change(&mut want);
            want.wrong()
        };
        assert_eq!(want().wrong(), None);
        assert!(wrong(&|want| want.organizations.push(MASTERS.to_owned())).is_some());
        assert!(wrong(&|want| want.common_name = "system:node:*".to_owned()).is_some());
        assert!(wrong(&|want| want.names.push("*.*".to_owned())).is_some());
        assert!(wrong(&|want| want.max_days = 0).is_some());
    }
}
