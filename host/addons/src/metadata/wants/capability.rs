//! Capabilities one by one: each with a name that operators grant and revoke it by, and a line that says what it is.
//! The name says all that the capability comes to, and not why, so that equal names are equal grants.

use std::collections::BTreeSet;
use std::fmt;

use super::folder::Access;
use super::{
    DocumentWant, FileWant, FlagName, FolderWant, KubeWant, ObjectsWant, Origin, PkiWant, Quota, Wants,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Capability {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Wants {
    /// Each of them, in a fixed order.
    pub(crate) fn capabilities(&self) -> Vec<Capability> {
        let plain = [
            ("kv", &self.kv, "keeps data of its own in the datastore"),
            ("metrics", &self.metrics, "tells numbers of its own on /metrics"),
            ("clock", &self.clock, "knows the time"),
        ];
        let plain = plain.iter().filter_map(|(name, want, what)| {
            let why = &want.as_ref()?.why;
            Some(Capability { name: (*name).to_owned(), text: format!("{what}: {why}") })
        });
        let each = |name: String, text: String| Capability { name, text };
        let objects = self.objects.iter().map(|want| each(want.name(), want.to_string()));
        let kube = self.kube.iter().map(|want| each(want.name(), want.to_string()));
        let files = self.files.iter().map(|want| each(want.name(), want.to_string()));
        let documents = self.documents.iter().map(|want| each(want.name(), want.to_string()));
        let folders = self.folders.iter().map(|want| each(want.name(), want.to_string()));
        let pki = self.pki.iter().map(|want| each(want.name(), want.to_string()));
        let quota = self.quota.iter().map(|want| each(want.name(), want.to_string()));
        let pushed = objects.chain(kube).chain(files).chain(documents);
        pushed.chain(folders).chain(pki).chain(plain).chain(quota).collect()
    }

    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.capabilities().into_iter().map(|capability| capability.name).collect()
    }

    /// One line for each.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.capabilities().into_iter().map(|capability| capability.text).collect()
    }

    /// Those of them whose names are among these.
    pub(crate) fn only(&self, names: &BTreeSet<String>) -> Self {
        let mut some = self.clone();
        some.objects.retain(|want| names.contains(&want.name()));
        some.kube.retain(|want| names.contains(&want.name()));
        some.files.retain(|want| names.contains(&want.name()));
        some.documents.retain(|want| names.contains(&want.name()));
        some.folders.retain(|want| names.contains(&want.name()));
        some.pki.retain(|want| names.contains(&want.name()));
        some.quota = some.quota.filter(|want| names.contains(&want.name()));
        for (name, want) in [("kv", &mut some.kv), ("metrics", &mut some.metrics), ("clock", &mut some.clock)]
        {
            *want = want.take().filter(|_| names.contains(name));
        }
        some
    }
}

/// `roles.rbac.authorization.k8s.io`.
fn qualified(resource: &str, group: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

impl ObjectsWant {
    fn name(&self) -> String {
        format!("objects/{}/{}", qualified(&self.resource, &self.group), self.version)
    }
}

impl fmt::Display for ObjectsWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reads every object of {}: {}", qualified(&self.resource, &self.group), self.why)
    }
}

impl KubeWant {
    fn groups(&self) -> Vec<&str> {
        self.groups.iter().map(|group| if group.is_empty() { "core" } else { group.as_str() }).collect()
    }

    fn name(&self) -> String {
        let mut parts = vec![self.verbs.join(","), self.groups().join(","), self.resources.join(",")];
        if !self.names.is_empty() {
            parts.push(self.names.join(","));
        }
        format!("kube/{}", parts.join(":"))
    }
}

impl fmt::Display for KubeWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verbs, resources) = (self.verbs.join(", "), self.resources.join(", "));
        write!(f, "may {verbs} {resources} of {}", self.groups().join(", "))?;
        if !self.names.is_empty() {
            write!(f, " called {}", self.names.join(", "))?;
        }
        write!(f, ": {}", self.why)
    }
}

impl FileWant {
    fn name(&self) -> String {
        match (&self.flag, &self.path) {
            (Some(FlagName { service, flag }), _) => format!("files/{}={service}.{flag}", self.name),
            (None, path) => format!("files/{}={}", self.name, path.as_deref().unwrap_or_default()),
        }
    }
}

impl fmt::Display for FileWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.flag, &self.path) {
            (Some(FlagName { service, flag }), _) => write!(f, "reads the file of {service} --{flag}")?,
            (None, path) => write!(f, "reads the file {}", path.as_deref().unwrap_or_default())?,
        }
        write!(f, ": {}", self.why)
    }
}

impl DocumentWant {
    fn place(&self) -> String {
        match self.origin() {
            Some(Origin::Setting { name, suffix: "" }) => format!("setting {name}"),
            Some(Origin::Setting { name, suffix }) => format!("setting {name} + {suffix}"),
            Some(Origin::Field { document, field }) => format!("{field} of {document}"),
            None => String::new(),
        }
    }

    fn name(&self) -> String {
        format!("documents/{}={}", self.name, self.place())
    }
}

impl fmt::Display for DocumentWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "has the host fetch the document at the URL of {}: {}", self.place(), self.why)
    }
}

impl FolderWant {
    fn verb(&self) -> &'static str {
        match self.access {
            Access::Read => "reads",
            Access::Write => "reads and writes",
        }
    }

    fn name(&self) -> String {
        let access = match self.access {
            Access::Read => "read",
            Access::Write => "write",
        };
        format!("folders/{}={}:{access}", self.name, self.path)
    }
}

impl fmt::Display for FolderWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} the folder {}: {}", self.verb(), self.path, self.why)
    }
}

impl PkiWant {
    fn usages(&self) -> Vec<&'static str> {
        self.usages.iter().map(|usage| usage.as_str()).collect()
    }

    fn name(&self) -> String {
        let (organizations, names, usages) =
            (self.organizations.join(","), self.names.join(","), self.usages().join(","));
        format!("pki/{}:{organizations}:{names}:{usages}:{}", self.common_name, self.max_days)
    }
}

impl fmt::Display for PkiWant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gets certificates of {} as {}", self.common_name, self.usages().join(" and "))?;
        if !self.organizations.is_empty() {
            write!(f, ", in the groups {}", self.organizations.join(", "))?;
        }
        if !self.names.is_empty() {
            write!(f, ", for {}", self.names.join(", "))?;
        }
        write!(f, ", for at most {} days: {}", self.max_days, self.why)
    }
}

impl Quota {
    fn name(&self) -> String {
        let given: Vec<_> = self.given().map(|(name, value)| format!("{name}={value}")).collect();
        format!("quota/{}", given.join(","))
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given: Vec<_> = self.given().map(|(name, value)| format!("{name} {value}")).collect();
        write!(f, "uses up to {}: {}", given.join(", "), self.why)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn wants() -> Wants {
        serde_json::from_str(
            r#"{"objects":[{"group":"","version":"v1","resource":"pods","why":"a"}],
                "kube":[{"verbs":["get"],"groups":["","apps"],"resources":["x"],"names":["n"],"why":"b"}],
                "files":[{"name":"f","path":"a/b","why":"c"}],
                "documents":[{"name":"s","setting":"u","suffix":"/s","why":"i"},
                    {"name":"t","document":"s","field":"at","why":"j"}],
                "folders":[{"name":"d","path":"var/d","access":"write","why":"d"}],
                "pki":[{"commonName":"c","usages":["client"],"maxDays":2,"why":"e"}],
                "kv":{"why":"f"},"clock":{"why":"g"},"quota":{"kvKib":8,"why":"h"}}"#,
        )
        .unwrap()
    }

    #[test]
    fn each_capability_has_a_name_and_a_line() {
        let lines: Vec<_> =
            wants().capabilities().into_iter().map(|one| format!("{}  {}\n", one.name, one.text)).collect();
        expect![[r#"
            objects/pods/v1  reads every object of pods: a
            kube/get:core,apps:x:n  may get x of core, apps called n: b
            files/f=a/b  reads the file a/b: c
            documents/s=setting u + /s  has the host fetch the document at the URL of setting u + /s: i
            documents/t=at of s  has the host fetch the document at the URL of at of s: j
            folders/d=var/d:write  reads and writes the folder var/d: d
            pki/c:::client:2  gets certificates of c as client, for at most 2 days: e
            kv  keeps data of its own in the datastore: f
            clock  knows the time: g
            quota/kvKib=8  uses up to kvKib 8: h
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn those_that_are_named_are_left() {
        assert_eq!(wants().only(&wants().names()), wants());
        assert_eq!(wants().only(&BTreeSet::new()), Wants::default());
        let kept = BTreeSet::from(["kv".to_owned(), "objects/pods/v1".to_owned(), "x".to_owned()]);
        assert_eq!(wants().only(&kept).lines().len(), 2);
    }
}
