//! Which requests a FlowSchema is for: upstream's rules of subjects, resources and paths.

use objects::Tree;

use crate::authn::UserInfo;
use crate::authz::{Attributes, Target};

/// Everything of a kind.
const ALL: &str = "*";

/// Subjects, and what they ask for: one rule of a FlowSchema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    subjects: Vec<Subject>,
    resources: Vec<ResourceRule>,
    paths: Vec<PathRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    User(String),
    Group(String),
    ServiceAccount {
        namespace: String,
        name: String,
    },
    /// Of a kind that nobody is.
    Nobody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct ResourceRule {
    verbs: Vec<String>,
    groups: Vec<String>,
    resources: Vec<String>,
    namespaces: Vec<String>,
    cluster_scope: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PathRule {
    verbs: Vec<String>,
    paths: Vec<String>,
}

impl Rule {
    pub(super) fn read(tree: &Tree) -> Self {
        Self {
            subjects: tree.items_at(&["subjects"]).iter().map(Subject::read).collect(),
            resources: tree.items_at(&["resourceRules"]).iter().map(ResourceRule::read).collect(),
            paths: tree.items_at(&["nonResourceRules"]).iter().map(PathRule::read).collect(),
        }
    }

    /// Whatever anybody of these groups asks for.
    pub(super) fn of_groups(groups: &[&str]) -> Self {
        let all = || vec![ALL.to_owned()];
        let resource = ResourceRule {
            verbs: all(),
            groups: all(),
            resources: all(),
            namespaces: all(),
            cluster_scope: true,
        };
        Self {
            subjects: groups.iter().map(|group| Subject::Group((*group).to_owned())).collect(),
            resources: vec![resource],
            paths: vec![PathRule { verbs: all(), paths: all() }],
        }
    }

    pub(super) fn covers(&self, user: &UserInfo, attributes: &Attributes) -> bool {
        if !self.subjects.iter().any(|subject| subject.is(user)) {
            return false;
        }
        let verb = attributes.verb.as_str();
        match &attributes.target {
            Target::Path(path) => self.paths.iter().any(|rule| rule.covers(verb, path)),
            target @ Target::Resource { .. } => self.resources.iter().any(|rule| rule.covers(verb, target)),
        }
    }
}

impl Subject {
    fn read(tree: &Tree) -> Self {
        let text = |path: &[&str]| tree.str_at(path).unwrap_or_default().to_owned();
        match tree.str_at(&["kind"]) {
            Some("User") => Self::User(text(&["user", "name"])),
            Some("Group") => Self::Group(text(&["group", "name"])),
            Some("ServiceAccount") => Self::ServiceAccount {
                namespace: text(&["serviceAccount", "namespace"]),
                name: text(&["serviceAccount", "name"]),
            },
            _ => Self::Nobody,
        }
    }

    fn is(&self, user: &UserInfo) -> bool {
        match self {
            Self::User(name) => name == ALL || *name == user.name,
            Self::Group(name) => name == ALL || user.groups.iter().any(|group| group == name),
            Self::ServiceAccount { namespace, name } => {
                let account = user.name.strip_prefix("system:serviceaccount:");
                let account = account.and_then(|account| account.strip_prefix(namespace.as_str()));
                let account = account.and_then(|account| account.strip_prefix(':'));
                account.is_some_and(|account| name == ALL || account == name)
            }
            Self::Nobody => false,
        }
    }
}

impl ResourceRule {
    fn read(tree: &Tree) -> Self {
        Self {
            verbs: texts(tree, "verbs"),
            groups: texts(tree, "apiGroups"),
            resources: texts(tree, "resources"),
            namespaces: texts(tree, "namespaces"),
            cluster_scope: tree.bool_at(&["clusterScope"]).unwrap_or_default(),
        }
    }

    fn covers(&self, verb: &str, target: &Target) -> bool {
        let Target::Resource { group, resource, subresource, namespace, .. } = target else { return false };
        has(&self.verbs, verb)
            && self.resources.iter().any(|own| own == ALL || names(own, resource, subresource))
            && has(&self.groups, group)
            && if namespace.is_empty() { self.cluster_scope } else { has(&self.namespaces, namespace) }
    }
}

impl PathRule {
    fn read(tree: &Tree) -> Self {
        Self { verbs: texts(tree, "verbs"), paths: texts(tree, "nonResourceURLs") }
    }

    fn covers(&self, verb: &str, path: &str) -> bool {
        let below = |own: &str| {
            let prefix = own.strip_suffix('*').unwrap_or(own);
            path.strip_prefix(prefix).is_some_and(|rest| prefix.ends_with('/') || rest.starts_with('/'))
        };
        has(&self.verbs, verb) && self.paths.iter().any(|own| own == ALL || own == path || below(own))
    }
}

fn texts(tree: &Tree, name: &str) -> Vec<String> {
    tree.items_at(&[name]).iter().filter_map(Tree::as_str).map(str::to_owned).collect()
}

/// Whether a list names the text; validation lets `*` stand alone only.
fn has(list: &[String], text: &str) -> bool {
    list.iter().any(|own| own == ALL || own == text)
}

/// Whether it is `resource` or `resource/subresource`, whichever is asked for.
fn names(own: &str, resource: &str, subresource: &str) -> bool {
    match own.strip_prefix(resource) {
        Some("") => subresource.is_empty(),
        Some(rest) => !subresource.is_empty() && rest.strip_prefix('/') == Some(subresource),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn user(name: &str, group: &str) -> UserInfo {
        UserInfo { name: name.to_owned(), groups: vec![group.to_owned()], ..UserInfo::default() }
    }

    /// `verb path`, or `verb group namespace resource/subresource` with `-` for nothing.
    fn attributes(text: &str) -> Attributes {
        let words: Vec<&str> = text.split(' ').map(|word| if word == "-" { "" } else { word }).collect();
        let target = match *words.as_slice() {
            [_, path] => Target::Path(path.to_owned()),
            [_, group, namespace, resource] => {
                let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                let [group, namespace, resource, subresource] =
                    [group, namespace, resource, subresource].map(str::to_owned);
                let (version, name) = ("v1".to_owned(), String::new());
                Target::Resource { group, version, resource, subresource, namespace, name }
            }
            _ => panic!("{text}"),
        };
        Attributes { verb: words[0].to_owned(), target }
    }

    #[test]
    fn subjects_are_users_groups_and_service_accounts() {
        let jane = user("jane", "dev");
        let robot = user("system:serviceaccount:ns:robot", "system:serviceaccounts");
        for (subject, is_jane, is_robot) in [
            (tree!({ "kind": "User", "user": { "name": "jane" } }), true, false),
            (tree!({ "kind": "User", "user": { "name": "*" } }), true, true),
            (tree!({ "kind": "Group", "group": { "name": "dev" } }), true, false),
            (tree!({ "kind": "Group", "group": { "name": "*" } }), true, true),
            (
                tree!({ "kind": "ServiceAccount", "serviceAccount": { "namespace": "ns", "name": "robot" } }),
                false,
                true,
            ),
            (
                tree!({ "kind": "ServiceAccount", "serviceAccount": { "namespace": "ns", "name": "*" } }),
                false,
                true,
            ),
            (
                tree!({ "kind": "ServiceAccount", "serviceAccount": { "namespace": "n", "name": "*" } }),
                false,
                false,
            ),
            (
                tree!({ "kind": "ServiceAccount", "serviceAccount": { "namespace": "ns", "name": "bot" } }),
                false,
                false,
            ),
            (tree!({ "kind": "Robot" }), false, false),
        ] {
            let read = Subject::read(&subject);
            assert_eq!((read.is(&jane), read.is(&robot)), (is_jane, is_robot), "{subject}");
        }
    }

    #[test]
    fn resources_are_told_by_verb_group_namespace_and_name() {
        let rule = tree!({
            "subjects": [{ "kind": "User", "user": { "name": "*" } }],
            "resourceRules": [
                { "verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "nodes/status"],
                  "namespaces": ["a", "b"], "clusterScope": false },
                { "verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"], "clusterScope": true },
            ],
        });
        let rule = Rule::read(&rule);
        for (text, covered) in [
            ("get - a pods", true),
            ("list - b pods", true),
            ("watch - a pods", false),
            ("get - c pods", false),
            ("list - - pods", false),
            ("get - a pods/status", false),
            ("get - a pod", false),
            ("get - a nodes/status", true),
            ("get - a nodes", false),
            ("get apps a pods", false),
            ("patch apps - deployments/scale", true),
            ("patch apps a deployments", false),
            ("get /healthz", false),
        ] {
            assert_eq!(rule.covers(&user("jane", "dev"), &attributes(text)), covered, "{text}");
        }
    }

    #[test]
    fn a_path_is_itself_and_what_is_below_it() {
        let rule = |path: &str| PathRule { verbs: vec!["get".to_owned()], paths: vec![path.to_owned()] };
        for (own, path, covered) in [
            ("*", "/anything", true),
            ("/healthz", "/healthz", true),
            ("/healthz", "/healthz/etcd", true),
            ("/healthz", "/healthzy", false),
            ("/apis/*", "/apis/apps", true),
            ("/apis/*", "/apis", false),
            ("/apis/", "/apis/apps", true),
        ] {
            assert_eq!(rule(own).covers("get", path), covered, "{own} {path}");
            assert!(!rule(own).covers("post", path));
        }
    }

    #[test]
    fn a_rule_of_groups_covers_everything_of_theirs() {
        let rule = Rule::of_groups(&["system:masters"]);
        let (root, jane) = (user("root", "system:masters"), user("jane", "dev"));
        for text in ["get /healthz", "delete - - nodes", "create apps a deployments/scale"] {
            assert!(rule.covers(&root, &attributes(text)), "{text}");
            assert!(!rule.covers(&jane, &attributes(text)), "{text}");
        }
    }
}
