//! The roles and bindings that every cluster starts with: the reader of the table in `defaults.txt`.

use std::collections::BTreeMap;

use crate::model::{
    AggregationRule, Binding, GROUP, Kind, Metadata, Object, Role, RoleRef, Rule, Selector, Subject,
};

const TABLE: &str = include_str!("defaults.txt");

/// What marks a default object, as upstream marks it.
pub(crate) const LABEL: (&str, &str) = ("kubernetes.io/bootstrapping", "rbac-defaults");
/// Where an operator says `false` to keep a default object as it is.
pub(crate) const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];
const ALL: &[&str] = &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The default objects, roles before the bindings that refer to them.
pub(crate) fn objects() -> Vec<(Kind, Object)> {
    read(TABLE).expect("the tests read this table")
}

/// Gives the objects of a table, or the line that is wrong.
fn read(table: &str) -> Result<Vec<(Kind, Object)>, &str> {
    let mut roles: Vec<(Kind, Role)> = Vec::new();
    let mut bindings = Vec::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<_> = line.split_whitespace().collect();
        match (line.starts_with(' '), words.as_slice()) {
            (true, words) => {
                let (_, role) = roles.last_mut().ok_or(line)?;
                role.rules.push(rule(words).ok_or(line)?);
            }
            (false, ["clusterrole", name, labels @ ..]) => {
                roles.push((Kind::ClusterRole, cluster_role(name, labels).ok_or(line)?));
            }
            (false, ["role", name]) => {
                roles.push((Kind::Role, Role { metadata: metadata(name), ..Role::default() }));
            }
            (false, ["controller", name]) => {
                let role = format!("system:controller:{name}");
                roles.push((Kind::ClusterRole, cluster_role(&role, &[]).ok_or(line)?));
                bindings.push(binding(&role, &role, &[&format!("sa:kube-system/{name}")]).ok_or(line)?);
            }
            (false, ["bind", name, role, subjects @ ..]) => {
                bindings.push(binding(name, role, subjects).ok_or(line)?);
            }
            _ => return Err(line),
        }
    }
    let roles = roles.into_iter().map(|(kind, role)| (kind, Object::Role(role)));
    Ok(roles.chain(bindings).collect())
}

/// `NAME` or `NAMESPACE/NAME`.
fn metadata(name: &str) -> Metadata {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    Metadata {
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        labels: map(LABEL.0, LABEL.1),
        annotations: map(AUTOUPDATE, "true"),
    }
}

fn cluster_role(name: &str, labels: &[&str]) -> Option<Role> {
    let mut role = Role { metadata: metadata(name), ..Role::default() };
    for label in labels {
        let (relation, label) = label.split_once('=')?;
        let label = (format!("{GROUP}/{label}"), "true".to_owned());
        match relation {
            "in" => role.metadata.labels.extend([label]),
            "of" => {
                let selector = Selector { match_labels: BTreeMap::from([label]), ..Selector::default() };
                role.aggregation_rule = Some(AggregationRule { cluster_role_selectors: vec![selector] });
            }
            _ => return None,
        }
    }
    Some(role)
}

fn rule(words: &[&str]) -> Option<Rule> {
    let list = |word: &str| word.split(',').map(str::to_owned).collect::<Vec<_>>();
    let owned = |verbs: &[&str]| verbs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (verbs, rest) = words.split_first()?;
    let verbs = match *verbs {
        "read" => owned(READ),
        "write" => owned(WRITE),
        "all" => owned(ALL),
        verbs => list(verbs),
    };
    let rule = match *rest {
        ["url", paths] => Rule { verbs, paths: list(paths), ..Rule::default() },
        [groups, resources, ref names @ ..] if names.len() <= 1 => Rule {
            verbs,
            api_groups: list(groups)
                .into_iter()
                .map(|group| if group == "core" { String::new() } else { group })
                .collect(),
            resources: list(resources),
            resource_names: names.iter().flat_map(|names| list(names)).collect(),
            ..Rule::default()
        },
        _ => return None,
    };
    Some(rule)
}

fn binding(name: &str, role: &str, subjects: &[&str]) -> Option<(Kind, Object)> {
    let metadata = metadata(name);
    let (kind, role_kind) = match metadata.namespace.is_empty() {
        true => (Kind::ClusterRoleBinding, Kind::ClusterRole),
        false => (Kind::RoleBinding, Kind::Role),
    };
    let role_ref =
        RoleRef { api_group: GROUP.to_owned(), kind: role_kind.name().to_owned(), name: role.to_owned() };
    let subjects = subjects.iter().map(|text| subject(text)).collect::<Option<Vec<_>>>()?;
    Some((kind, Object::Binding(Binding { metadata, role_ref, subjects })))
}

fn subject(text: &str) -> Option<Subject> {
    let (kind, name) = text.split_once(':')?;
    let (api_group, kind, namespace, name) = match kind {
        "user" => (GROUP, "User", "", name),
        "group" => (GROUP, "Group", "", name),
        "sa" => {
            let (namespace, name) = name.split_once('/')?;
            ("", "ServiceAccount", namespace, name)
        }
        _ => return None,
    };
    Some(Subject {
        api_group: api_group.to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
        namespace: namespace.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_reads_and_names_each_object_once() {
        let objects = read(TABLE).unwrap();
        let mut seen = BTreeSet::new();
        for (kind, object) in &objects {
            let metadata = object.metadata();
            let key = (kind.name(), metadata.namespace.clone(), metadata.name.clone());
            assert!(seen.insert(key.clone()), "{key:?} is there twice");
        }
        for (_, object) in &objects {
            let Object::Binding(Binding { metadata, role_ref, .. }) = object else { continue };
            let role = (role_ref.kind.as_str(), metadata.namespace.clone(), role_ref.name.clone());
            assert!(
                seen.iter()
                    .any(|(kind, namespace, name)| (*kind, namespace, name) == (role.0, &role.1, &role.2))
            );
        }
    }

    #[test]
    fn a_rule_names_verbs_groups_resources_and_names() {
        let (_, object) = read("role kube-system/r\n  read core,apps pods,pods/log a,b\n").unwrap().remove(0);
        let Object::Role(role) = object else { panic!("a role") };
        assert_eq!((role.metadata.namespace.as_str(), role.metadata.name.as_str()), ("kube-system", "r"));
        let rule = &role.rules[0];
        assert_eq!(rule.verbs, READ);
        assert_eq!(rule.api_groups, ["", "apps"]);
        assert_eq!(
            (rule.resources.join(" "), rule.resource_names.join(" ")),
            ("pods pods/log".into(), "a b".into())
        );
    }

    #[test]
    fn a_wrong_line_is_named() {
        for line in ["rule x", "  get core pods", "bind a b nobody", "clusterrole a on=b"] {
            assert_eq!(read(line), Err(line));
        }
        assert_eq!(read("role a/b\n  get core"), Err("  get core"));
    }
}
