//! What rules permit, taken apart, and which of it others do not cover. Upstream's semantics: a rule is covered by rules
//! that cover each of its parts.

use std::collections::{BTreeMap, BTreeSet};

use objects::Tree;

use crate::authz::Rules;

/// One verb of one resource, or of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    Resource {
        group: String,
        resource: String,
        verb: String,
        /// None for every object.
        name: Option<String>,
    },
    Path {
        path: String,
        verb: String,
    },
}

/// A rule that somebody holds, as it is.
pub(super) struct Held<'a> {
    verbs: &'a [String],
    what: HeldWhat<'a>,
}

enum HeldWhat<'a> {
    Resources { groups: &'a [String], resources: &'a [String], names: &'a [String] },
    Paths(&'a [String]),
}

impl Permission {
    /// Everything, of resources and of paths.
    pub(super) fn everything() -> [Self; 2] {
        let all = || "*".to_owned();
        [
            Self::Resource { group: all(), resource: all(), verb: all(), name: None },
            Self::Path { path: all(), verb: all() },
        ]
    }
}

pub(super) fn held(rules: &Rules) -> Vec<Held<'_>> {
    let resources = rules.resource.iter().map(|rule| Held {
        verbs: &rule.verbs,
        what: HeldWhat::Resources {
            groups: &rule.api_groups,
            resources: &rule.resources,
            names: &rule.resource_names,
        },
    });
    let paths =
        rules.non_resource.iter().map(|rule| Held { verbs: &rule.verbs, what: HeldWhat::Paths(&rule.paths) });
    resources.chain(paths).collect()
}

/// The parts of the rules of a Role or ClusterRole.
pub(super) fn permissions(role: &Tree) -> Vec<Permission> {
    let mut all = Vec::new();
    for rule in role.items_at(&["rules"]) {
        let list = |field| rule.items_at(&[field]).iter().filter_map(Tree::as_str).map(str::to_owned);
        let names: Vec<_> = list("resourceNames").map(Some).collect();
        let names = if names.is_empty() { vec![None] } else { names };
        for group in list("apiGroups") {
            for resource in list("resources") {
                for verb in list("verbs") {
                    all.extend(names.iter().map(|name| Permission::Resource {
                        group: group.clone(),
                        resource: resource.clone(),
                        verb: verb.clone(),
                        name: name.clone(),
                    }));
                }
            }
        }
        for path in list("nonResourceURLs") {
            all.extend(list("verbs").map(|verb| Permission::Path { path: path.clone(), verb }));
        }
    }
    all
}

/// What of the wanted is not held, in upstream's words and order; the verbs of a resource are told together.
pub(super) fn missing(held: &[Held<'_>], wanted: &[Permission]) -> Vec<String> {
    let mut together: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    let mut told = BTreeSet::new();
    for one in wanted.iter().filter(|one| !held.iter().any(|held| held.covers(one))) {
        match one {
            Permission::Resource { group, resource, verb, name: None } => {
                together.entry((group, resource)).or_default().push(verb);
            }
            Permission::Resource { group, resource, verb, name: Some(name) } => {
                let names = format!("ResourceNames:[{name:?}], ");
                told.insert(described(group, resource, &names, &[verb]));
            }
            Permission::Path { path, verb } => {
                told.insert(format!("{{NonResourceURLs:[{path:?}], Verbs:[{verb:?}]}}"));
            }
        }
    }
    told.extend(together.iter().map(|((group, resource), verbs)| described(group, resource, "", verbs)));
    told.into_iter().collect()
}

fn described(group: &str, resource: &str, names: &str, verbs: &[&str]) -> String {
    let verbs: Vec<_> = verbs.iter().map(|verb| format!("{verb:?}")).collect();
    format!("{{APIGroups:[{group:?}], Resources:[{resource:?}], {names}Verbs:[{}]}}", verbs.join(" "))
}

impl Held<'_> {
    fn covers(&self, wanted: &Permission) -> bool {
        let has = |list: &[String], one: &str| list.iter().any(|held| held == "*" || held == one);
        match (&self.what, wanted) {
            (
                HeldWhat::Resources { groups, resources, names },
                Permission::Resource { group, resource, verb, name },
            ) => {
                has(self.verbs, verb)
                    && has(groups, group)
                    && covers_resource(resources, resource)
                    && (names.is_empty() || name.as_ref().is_some_and(|name| names.contains(name)))
            }
            (HeldWhat::Paths(paths), Permission::Path { path, verb }) => {
                has(self.verbs, verb) && paths.iter().any(|held| covers_path(held, path))
            }
            _ => false,
        }
    }
}

/// `*/scale` covers the sub-resource of every resource.
fn covers_resource(held: &[String], wanted: &str) -> bool {
    let of_all = wanted.split_once('/').map(|(_, subresource)| format!("*/{subresource}"));
    held.iter().any(|held| held == "*" || held == wanted || Some(held) == of_all.as_ref())
}

fn covers_path(held: &str, wanted: &str) -> bool {
    held == wanted || held.strip_suffix('*').is_some_and(|prefix| wanted.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::authz::{NonResourceRule, ResourceRule};

    /// `verbs groups resources names`, or `verbs paths`; lists with commas.
    fn rules(lines: &[&str]) -> Rules {
        let list = |text: &str| text.split(',').map(|one| one.replace("core", "")).collect::<Vec<_>>();
        let mut rules = Rules::default();
        for line in lines {
            let words: Vec<_> = line.split(' ').collect();
            match words[..] {
                [verbs, paths] => {
                    rules.non_resource.push(NonResourceRule { verbs: list(verbs), paths: list(paths) })
                }
                [verbs, groups, resources, ref names @ ..] => rules.resource.push(ResourceRule {
                    verbs: list(verbs),
                    api_groups: list(groups),
                    resources: list(resources),
                    resource_names: names.iter().flat_map(|names| list(names)).collect(),
                }),
                _ => panic!("{line}"),
            }
        }
        rules
    }

    fn check(own: &[&str], wanted: &[&str], expected: &Expect) {
        let role = Tree::Object(Default::default());
        let mut role = role;
        let array = |list: &[String]| Tree::Array(list.iter().map(|one| one.as_str().into()).collect());
        let wanted = rules(wanted);
        let mut list = Vec::new();
        for rule in &wanted.resource {
            let mut tree = Tree::Object(Default::default());
            tree.insert("verbs", array(&rule.verbs));
            tree.insert("apiGroups", array(&rule.api_groups));
            tree.insert("resources", array(&rule.resources));
            tree.insert("resourceNames", array(&rule.resource_names));
            list.push(tree);
        }
        for rule in &wanted.non_resource {
            let mut tree = Tree::Object(Default::default());
            tree.insert("verbs", array(&rule.verbs));
            tree.insert("nonResourceURLs", array(&rule.paths));
            list.push(tree);
        }
        role.insert("rules", Tree::Array(list));
        expected.assert_eq(&missing(&held(&rules(own)), &permissions(&role)).join("\n"));
    }

    #[test]
    fn parts_may_be_covered_by_different_rules() {
        let own = ["get,list core pods", "* apps *", "get core configmaps a", "get /healthz,/api/*"];
        check(
            &own,
            &["get,list core pods", "create,delete apps deployments,statefulsets/scale"],
            &expect![""],
        );
        check(&own, &["get core configmaps a", "get /healthz,/api/v1"], &expect![""]);
        check(
            &["update core *,pods/log", "* * */scale"],
            &["update core nodes", "get x y/scale"],
            &expect![""],
        );
    }

    #[test]
    fn what_is_not_held_is_told_by_resource() {
        let own = ["get core pods", "get core configmaps a", "get /healthz"];
        check(
            &own,
            &[
                "get,list,watch core pods",
                "get,put /healthz,/livez",
                "get core configmaps a,b",
                "get core configmaps",
            ],
            &expect![[r#"
                {APIGroups:[""], Resources:["configmaps"], ResourceNames:["b"], Verbs:["get"]}
                {APIGroups:[""], Resources:["configmaps"], Verbs:["get"]}
                {APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}
                {NonResourceURLs:["/healthz"], Verbs:["put"]}
                {NonResourceURLs:["/livez"], Verbs:["get"]}
                {NonResourceURLs:["/livez"], Verbs:["put"]}"#]],
        );
    }

    #[test]
    fn what_is_held_of_everything_alone_covers_everything() {
        let all = Permission::everything();
        assert_eq!(missing(&held(&rules(&["* * *", "* *"])), &all), [""; 0]);
        assert_eq!(missing(&held(&rules(&["* * *"])), &all).len(), 1);
        assert_eq!(missing(&held(&rules(&["get,list * *"])), &all).len(), 2);
    }
}
