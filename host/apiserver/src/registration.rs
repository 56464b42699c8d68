//! APIServices of the group versions that are served here: those of built-in ones are made at each start, those of
//! custom resources come and go with them.

use objects::resource::GroupVersion;
use objects::{Tree, meta, tree};

use crate::discovery::{CUSTOM, Priority};

const AUTOMANAGED: &str = "kube-aggregator.kubernetes.io/automanaged";

/// Until when an APIService is seen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Made when it is missing at a start, then its administrators'.
    OnStart,
    /// In step with what is served, for ever.
    Kept,
}

impl Standing {
    fn label(self) -> &'static str {
        match self {
            Self::OnStart => "onstart",
            Self::Kept => "true",
        }
    }
}

/// What makes the APIServices of custom resources right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Create(Tree),
    Update(Tree),
    Delete(String),
}

/// The APIService of a group version that is served here.
pub(crate) fn local(of: &GroupVersion, priority: Priority, standing: Standing) -> Tree {
    let mut service = tree!({
        "metadata": { "name": (name(of)), "labels": {} },
        "spec": {
            "group": (&*of.group), "version": (&*of.version),
            "groupPriorityMinimum": (priority.group), "versionPriority": (priority.version)
        }
    });
    service.set_at(&["metadata", "labels", AUTOMANAGED], standing.label());
    service
}

/// From the APIServices that there are to those of these custom group versions. What others made is theirs.
pub(crate) fn plan(custom: &[GroupVersion], services: &[Tree]) -> Vec<Change> {
    let mut changes = Vec::new();
    for of in custom {
        let wanted = local(of, CUSTOM, Standing::Kept);
        match services.iter().find(|service| meta::name(service) == name(of)) {
            None => changes.push(Change::Create(wanted)),
            Some(known) if is_kept(known) && known.get("spec") != wanted.get("spec") => {
                let mut new = known.clone();
                new.insert("spec", wanted.get("spec").cloned());
                changes.push(Change::Update(new));
            }
            Some(_) => {}
        }
    }
    let is_wanted = |service: &Tree| custom.iter().any(|of| name(of) == meta::name(service));
    let gone = services.iter().filter(|service| is_kept(service) && !is_wanted(service));
    changes.extend(gone.map(|service| Change::Delete(meta::name(service).to_owned())));
    changes
}

fn name(of: &GroupVersion) -> String {
    format!("{}.{}", of.version, of.group)
}

fn is_kept(service: &Tree) -> bool {
    service.str_at(&["metadata", "labels", AUTOMANAGED]) == Some(Standing::Kept.label())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn of(version: &'static str) -> GroupVersion {
        GroupVersion::new("example.org", version)
    }

    fn check(custom: &[GroupVersion], services: &[Tree], expected: Expect) {
        let told = plan(custom, services).into_iter().map(|change| match change {
            Change::Create(tree) => format!("create {tree}\n"),
            Change::Update(tree) => format!("update {tree}\n"),
            Change::Delete(name) => format!("delete {name}\n"),
        });
        expected.assert_eq(&told.collect::<String>());
    }

    #[test]
    fn services_come_and_go_with_what_is_served() {
        let kept = local(&of("v1"), CUSTOM, Standing::Kept);
        check(
            &[of("v1")],
            &[],
            expect![[r#"
                create {"metadata":{"name":"v1.example.org","labels":{"kube-aggregator.kubernetes.io/automanaged":"true"}},"spec":{"group":"example.org","version":"v1","groupPriorityMinimum":1000,"versionPriority":100}}
            "#]],
        );
        check(&[of("v1")], std::slice::from_ref(&kept), expect![""]);
        check(
            &[],
            std::slice::from_ref(&kept),
            expect![[r#"
                delete v1.example.org
            "#]],
        );
        let mut bent = kept;
        bent.set_at(&["spec", "versionPriority"], 1);
        check(
            &[of("v1")],
            &[bent],
            expect![[r#"
                update {"metadata":{"name":"v1.example.org","labels":{"kube-aggregator.kubernetes.io/automanaged":"true"}},"spec":{"group":"example.org","version":"v1","groupPriorityMinimum":1000,"versionPriority":100}}
            "#]],
        );
    }

    #[test]
    fn what_others_made_is_left_alone() {
        let theirs = tree!({ "metadata": { "name": "v1.example.org" }, "spec": { "versionPriority": 1 } });
        let started = local(&of("v2"), CUSTOM, Standing::OnStart);
        check(&[of("v1")], &[theirs, started], expect![""]);
    }
}
