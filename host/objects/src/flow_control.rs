//! The priority levels and flow schemas that every cluster has, from `data/flowcontrol.txt`.
//!
//! A level is `level mandatory|suggested NAME TYPE shares lendable [queues hand length]`, a schema `schema
//! mandatory|suggested NAME LEVEL precedence DISTINGUISHER|- subject …`, a subject `KIND/[namespace/]name`. The
//! indented lines below a schema are its rules: `verbs groups resources namespaces cluster|-` for resources, where
//! the group `-` is that of the core, and `verbs urls` for anything else.

use std::sync::LazyLock;

use crate::tree;
use crate::tree::Tree;

const TEXT: &str = include_str!("../data/flowcontrol.txt");
const API_VERSION: &str = "flowcontrol.apiserver.k8s.io/v1";

/// As long as it is `true`, the server may update the object to what it suggests.
pub const AUTO_UPDATE: &str = "apf.kubernetes.io/autoupdate-spec";

/// Whether an object may be changed, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there and is always as it is here, but for how much of the `exempt` level is lent.
    Mandatory,
    /// It is made when a cluster is, and kept up to date while [`AUTO_UPDATE`] says so.
    Suggested,
}

/// An object that a cluster starts with, with its kind and name and all defaults.
#[derive(Debug)]
pub struct Bootstrap {
    pub standing: Standing,
    pub tree: Tree,
}

/// Every object that a cluster starts with: levels before the schemas that name them.
pub fn bootstrap() -> &'static [Bootstrap] {
    static ROWS: LazyLock<Vec<Bootstrap>> = LazyLock::new(read);
    &ROWS
}

/// The specification that an object must have, where it is mandatory.
pub(crate) fn fixed_spec(kind: &str, name: &str) -> Option<&'static Tree> {
    bootstrap()
        .iter()
        .filter(|row| row.standing == Standing::Mandatory)
        .find(|row| {
            row.tree.str_at(&["kind"]) == Some(kind) && row.tree.str_at(&["metadata", "name"]) == Some(name)
        })?
        .tree
        .get("spec")
}

fn read() -> Vec<Bootstrap> {
    let mut rows: Vec<Bootstrap> = Vec::new();
    for line in TEXT.lines() {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let found = match words.as_slice() {
            ["level", standing, name, kind, rest @ ..] => {
                Some((*standing, object("PriorityLevelConfiguration", name, level(kind, rest))))
            }
            ["schema", standing, name, level, precedence, distinguisher, subjects @ ..] => {
                let spec = schema(level, precedence, distinguisher, subjects);
                Some((*standing, object("FlowSchema", name, spec)))
            }
            rule => {
                if let Some(schema) = rows.last_mut() {
                    add_rule(&mut schema.tree, rule);
                }
                None
            }
        };
        let standing = |word| if word == "mandatory" { Standing::Mandatory } else { Standing::Suggested };
        rows.extend(found.map(|(word, tree)| Bootstrap { standing: standing(word), tree }));
    }
    rows
}

fn object(kind: &str, name: &str, spec: Tree) -> Tree {
    tree!({
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": { "name": name, "annotations": { "apf.kubernetes.io/autoupdate-spec": "true" } },
        "spec": spec,
    })
}

fn number(word: &str) -> Tree {
    word.parse::<i64>().map_or(Tree::Null, Tree::Int)
}

fn level(kind: &str, numbers: &[&str]) -> Tree {
    let number = |index: usize| numbers.get(index).copied().map_or(Tree::Null, self::number);
    let mut share = tree!({ "nominalConcurrencyShares": (number(0)), "lendablePercent": (number(1)) });
    if kind == "Exempt" {
        return tree!({ "type": kind, "exempt": share });
    }
    let response = if numbers.len() > 2 {
        let queuing =
            tree!({ "queues": (number(2)), "handSize": (number(3)), "queueLengthLimit": (number(4)) });
        tree!({ "type": "Queue", "queuing": queuing })
    } else {
        tree!({ "type": "Reject" })
    };
    share.insert("limitResponse", response);
    tree!({ "type": kind, "limited": share })
}

fn schema(level: &str, precedence: &str, distinguisher: &str, subjects: &[&str]) -> Tree {
    let mut spec = tree!({
        "priorityLevelConfiguration": { "name": level },
        "matchingPrecedence": (number(precedence)),
    });
    if distinguisher != "-" {
        spec.set_at(&["distinguisherMethod", "type"], distinguisher);
    }
    let subjects: Vec<Tree> = subjects.iter().map(|subject| self::subject(subject)).collect();
    spec.insert("rules", Tree::Array(vec![tree!({ "subjects": subjects })]));
    spec
}

fn subject(word: &str) -> Tree {
    let (kind, name) = word.split_once('/').unwrap_or((word, ""));
    let (field, who) = match kind {
        "ServiceAccount" => {
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            ("serviceAccount", tree!({ "namespace": namespace, "name": name }))
        }
        "User" => ("user", tree!({ "name": name })),
        _ => ("group", tree!({ "name": name })),
    };
    let mut subject = tree!({ "kind": kind });
    subject.insert(field, who);
    subject
}

fn add_rule(schema: &mut Tree, words: &[&str]) {
    fn items(word: &str) -> Vec<&str> {
        word.split(',').map(|item| if item == "-" { "" } else { item }).collect()
    }
    let (field, rule) = match words {
        [verbs, groups, resources, namespaces, scope] => {
            let mut rule = tree!({
                "verbs": (items(verbs)),
                "apiGroups": (items(groups)),
                "resources": (items(resources)),
            });
            if *scope == "cluster" {
                rule.insert("clusterScope", true);
            }
            rule.insert("namespaces", items(namespaces));
            ("resourceRules", rule)
        }
        [verbs, urls] => {
            ("nonResourceRules", tree!({ "verbs": (items(verbs)), "nonResourceURLs": (items(urls)) }))
        }
        _ => return,
    };
    if let Some(rules) = schema.at_mut(&["spec", "rules", "0"]) {
        match rules.make(&[field]) {
            Tree::Array(rules) => rules.push(rule),
            empty => *empty = Tree::Array(vec![rule]),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::resource::by_kind;
    use crate::{kind, meta};

    #[test]
    fn every_line_of_the_table_is_an_object_that_is_valid_and_whole() {
        assert_eq!(bootstrap().len(), TEXT.lines().filter(|line| !line.starts_with(' ')).count());
        for row in bootstrap() {
            let gvk = meta::gvk(&row.tree).unwrap();
            let resource = by_kind(&gvk.group, &gvk.version, &gvk.kind).unwrap();
            let mut tree = row.tree.clone();
            kind::of(resource).prepare_create(resource, &mut tree);
            assert_eq!(tree.get("spec"), row.tree.get("spec"), "{}", meta::name(&tree));
            assert_eq!(kind::of(resource).validate(resource, &tree), [], "{}", meta::name(&tree));
        }
    }

    #[test]
    fn the_table_reads_as_upstreams_objects() {
        let show = |name: &str| {
            let rows = bootstrap().iter().filter(|row| meta::name(&row.tree) == name);
            rows.map(|row| format!("{:?} {}\n", row.standing, row.tree.to_json_string())).collect::<String>()
        };
        expect![[r#"
            Mandatory {"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"PriorityLevelConfiguration","metadata":{"name":"exempt","annotations":{"apf.kubernetes.io/autoupdate-spec":"true"}},"spec":{"type":"Exempt","exempt":{"nominalConcurrencyShares":0,"lendablePercent":0}}}
            Mandatory {"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"FlowSchema","metadata":{"name":"exempt","annotations":{"apf.kubernetes.io/autoupdate-spec":"true"}},"spec":{"priorityLevelConfiguration":{"name":"exempt"},"matchingPrecedence":1,"rules":[{"subjects":[{"kind":"Group","group":{"name":"system:masters"}}],"resourceRules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"],"clusterScope":true,"namespaces":["*"]}],"nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["*"]}]}]}}
        "#]].assert_eq(&show("exempt"));
        expect![[r#"
            Suggested {"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"FlowSchema","metadata":{"name":"system-leader-election","annotations":{"apf.kubernetes.io/autoupdate-spec":"true"}},"spec":{"priorityLevelConfiguration":{"name":"leader-election"},"matchingPrecedence":100,"distinguisherMethod":{"type":"ByUser"},"rules":[{"subjects":[{"kind":"User","user":{"name":"system:kube-controller-manager"}},{"kind":"User","user":{"name":"system:kube-scheduler"}},{"kind":"ServiceAccount","serviceAccount":{"namespace":"kube-system","name":"*"}}],"resourceRules":[{"verbs":["get","create","update"],"apiGroups":["coordination.k8s.io"],"resources":["leases"],"namespaces":["*"]}]}]}}
        "#]].assert_eq(&show("system-leader-election"));
        expect![[r#"
            Suggested {"apiVersion":"flowcontrol.apiserver.k8s.io/v1","kind":"PriorityLevelConfiguration","metadata":{"name":"workload-high","annotations":{"apf.kubernetes.io/autoupdate-spec":"true"}},"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":40,"lendablePercent":50,"limitResponse":{"type":"Queue","queuing":{"queues":128,"handSize":6,"queueLengthLimit":50}}}}}
        "#]].assert_eq(&show("workload-high"));
    }
}
