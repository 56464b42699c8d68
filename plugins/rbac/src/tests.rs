//! The addon as the host sees it: objects go in, decisions come out.

use sdk::ObjectKey;
use serde_json::{Value, json};

use super::*;

fn kind(kind: Kind) -> sdk::GroupVersionResource {
    sdk::GroupVersionResource {
        group: model::GROUP.into(),
        version: "v1".into(),
        resource: kind.resource().into(),
    }
}

fn object(json: Value) -> sdk::Object {
    let text = |field: &str| json["metadata"][field].as_str().unwrap_or_default().to_owned();
    let key = ObjectKey { namespace: text("namespace"), name: text("name") };
    sdk::Object { key, json: json.to_string().into_bytes() }
}

/// An object of a cluster that was bootstrapped.
fn default_object(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}})
}

fn role(namespace: &str, name: &str, rules: Value) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "rules": rules})
}

fn binding(namespace: &str, name: &str, role: (&str, &str), subjects: Value) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": name},
        "roleRef": {"apiGroup": model::GROUP, "kind": role.0, "name": role.1},
        "subjects": subjects,
    })
}

/// A bootstrapped cluster with these objects and no defaults.
fn rbac(objects: &[(Kind, Value)]) -> Rbac {
    let mut rbac = Rbac::default();
    for of in Kind::ALL {
        let mut marker = default_object("marker");
        marker["roleRef"] = json!({"kind": "ClusterRole", "name": "marker"});
        let objects = objects.iter().filter(|(kind, _)| *kind == of).map(|(_, value)| value.clone());
        rbac.snapshot(kind(of), objects.chain([marker]).map(object).collect()).unwrap();
    }
    rbac
}

fn user(name: &str, groups: &[&str]) -> User {
    let groups = groups.iter().map(ToString::to_string).collect();
    User { name: name.into(), uid: String::new(), groups, extra: Vec::new() }
}

fn asks(verb: &str, namespace: &str, resource: &str) -> Attributes {
    Attributes {
        verb: verb.into(),
        namespace: namespace.into(),
        group: String::new(),
        version: "v1".into(),
        resource: resource.into(),
        subresource: String::new(),
        name: String::new(),
        path: String::new(),
        extra: Vec::new(),
    }
}

fn decide(rbac: &Rbac, user: &User, attributes: &Attributes) -> Decision {
    rbac.authorize(user, attributes).unwrap()
}

fn allowed(by: &str) -> Decision {
    Decision::Allow(format!("RBAC: allowed by {by}"))
}

fn nothing() -> Decision {
    Decision::NoOpinion(String::new())
}

fn pods() -> Value {
    json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}])
}

#[test]
fn a_cluster_binding_reaches_everywhere_and_a_binding_its_namespace() {
    let rbac = rbac(&[
        (Kind::ClusterRole, role("", "reader", pods())),
        (Kind::Role, role("dev", "local", pods())),
        (
            Kind::ClusterRoleBinding,
            binding("", "b", ("ClusterRole", "reader"), json!([{"kind": "User", "name": "eve"}])),
        ),
        (
            Kind::RoleBinding,
            binding("dev", "l", ("Role", "local"), json!([{"kind": "Group", "name": "devs"}])),
        ),
        (
            Kind::RoleBinding,
            binding("dev", "c", ("ClusterRole", "reader"), json!([{"kind": "User", "name": "bob"}])),
        ),
    ]);
    let (eve, dev, bob) = (user("eve", &[]), user("x", &["devs"]), user("bob", &[]));
    let by_cluster = r#"ClusterRoleBinding "b" of ClusterRole "reader" to User "eve""#;
    assert_eq!(decide(&rbac, &eve, &asks("get", "dev", "pods")), allowed(by_cluster));
    assert_eq!(decide(&rbac, &eve, &asks("get", "", "pods")), allowed(by_cluster));
    let by_role = r#"RoleBinding "l/dev" of Role "local" to Group "devs""#;
    assert_eq!(decide(&rbac, &dev, &asks("get", "dev", "pods")), allowed(by_role));
    assert_eq!(decide(&rbac, &dev, &asks("get", "other", "pods")), nothing());
    assert_eq!(decide(&rbac, &dev, &asks("get", "", "pods")), nothing());
    let by_cluster_role = r#"RoleBinding "c/dev" of ClusterRole "reader" to User "bob""#;
    assert_eq!(decide(&rbac, &bob, &asks("get", "dev", "pods")), allowed(by_cluster_role));
    assert_eq!(decide(&rbac, &bob, &asks("delete", "dev", "pods")), nothing());
}

#[test]
fn a_service_account_is_of_the_namespace_of_its_binding_unless_told() {
    let subjects = json!([{"kind": "ServiceAccount", "name": "a"}, {"kind": "ServiceAccount", "name": "b", "namespace": "ops"}]);
    let rbac = rbac(&[
        (Kind::ClusterRole, role("", "reader", pods())),
        (Kind::RoleBinding, binding("dev", "s", ("ClusterRole", "reader"), subjects.clone())),
        (Kind::ClusterRoleBinding, binding("", "c", ("ClusterRole", "reader"), subjects)),
    ]);
    let a = user("system:serviceaccount:dev:a", &[]);
    let by = r#"RoleBinding "s/dev" of ClusterRole "reader" to ServiceAccount "a/dev""#;
    assert_eq!(decide(&rbac, &a, &asks("get", "dev", "pods")), allowed(by));
    assert_eq!(decide(&rbac, &a, &asks("get", "", "pods")), nothing());
    let b = user("system:serviceaccount:ops:b", &[]);
    let by = r#"ClusterRoleBinding "c" of ClusterRole "reader" to ServiceAccount "b/ops""#;
    assert_eq!(decide(&rbac, &b, &asks("get", "", "pods")), allowed(by));
    assert_eq!(decide(&rbac, &user("system:serviceaccount::a", &[]), &asks("get", "", "pods")), nothing());
}

#[test]
fn a_missing_role_is_the_reason_where_nothing_else_allows() {
    let eve = json!([{"kind": "User", "name": "eve"}]);
    let mut rbac = rbac(&[
        (Kind::ClusterRoleBinding, binding("", "b", ("ClusterRole", "x"), eve.clone())),
        (Kind::ClusterRoleBinding, binding("", "c", ("ClusterRole", "x"), eve.clone())),
    ]);
    let missing = r#"clusterrole.rbac.authorization.k8s.io "x" not found"#;
    let decision = decide(&rbac, &user("eve", &[]), &asks("get", "dev", "pods"));
    assert_eq!(decision, Decision::NoOpinion(format!("RBAC: {missing}")));

    let more = binding("dev", "r", ("Role", "y"), eve);
    rbac.changed(kind(Kind::RoleBinding), vec![Change::Put(object(more))]).unwrap();
    let decision = decide(&rbac, &user("eve", &[]), &asks("get", "dev", "pods"));
    let both = format!(r#"RBAC: [{missing}, role.rbac.authorization.k8s.io "y" not found]"#);
    assert_eq!(decision, Decision::NoOpinion(both));
}

#[test]
fn changes_are_in_force_at_once() {
    let eve = user("eve", &[]);
    let get = asks("get", "", "pods");
    let subjects = |name: &str| json!([{"kind": "User", "name": name}]);
    let mut rbac = rbac(&[
        (Kind::ClusterRole, role("", "reader", pods())),
        (Kind::ClusterRoleBinding, binding("", "b", ("ClusterRole", "reader"), subjects("eve"))),
    ]);
    let bound = |name: &str| Change::Put(object(binding("", "b", ("ClusterRole", "reader"), subjects(name))));
    let key = |name: &str| Change::Delete(ObjectKey { namespace: String::new(), name: name.into() });
    let mut after = |of: Kind, change: Change| {
        rbac.changed(kind(of), vec![change]).unwrap();
        matches!(decide(&rbac, &eve, &get), Decision::Allow(_))
    };
    assert!(!after(Kind::ClusterRoleBinding, bound("bob")));
    assert!(after(Kind::ClusterRoleBinding, bound("eve")));
    assert!(!after(Kind::ClusterRoleBinding, key("b")));
    assert!(after(Kind::ClusterRoleBinding, bound("eve")));
    assert!(!after(Kind::ClusterRole, key("reader")));
}

#[test]
fn aggregated_roles_gather_what_their_selectors_select() {
    let part = |name: &str, label: &str, resource: &str| {
        let mut role =
            role("", name, json!([{"verbs": ["get"], "apiGroups": [""], "resources": [resource]}]));
        role["metadata"]["labels"] = json!({ label: "true" });
        role
    };
    let whole = |name: &str, own: &str, selects: &str| {
        let mut role = part(name, own, "unused");
        role["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {selects: "true"}}]});
        role
    };
    let mut rbac = rbac(&[
        (Kind::ClusterRole, whole("big", "to-small", "to-big")),
        (Kind::ClusterRole, whole("small", "to-big", "to-small")),
        (Kind::ClusterRole, part("part", "to-small", "pods")),
        (
            Kind::ClusterRoleBinding,
            binding("", "b", ("ClusterRole", "big"), json!([{"kind": "User", "name": "eve"}])),
        ),
    ]);
    let eve = user("eve", &[]);
    assert!(matches!(decide(&rbac, &eve, &asks("get", "", "pods")), Decision::Allow(_)));
    assert_eq!(decide(&rbac, &eve, &asks("get", "", "unused")), nothing());
    assert_eq!(decide(&rbac, &eve, &asks("get", "", "nodes")), nothing());
    let added = Change::Put(object(part("more", "to-big", "nodes")));
    rbac.changed(kind(Kind::ClusterRole), vec![added]).unwrap();
    assert!(matches!(decide(&rbac, &eve, &asks("get", "", "nodes")), Decision::Allow(_)));
    assert_eq!(rbac.policy.outdated().map(|(name, _)| name).collect::<Vec<_>>(), ["big", "small"]);
}

#[test]
fn the_defaults_are_in_force_until_the_cluster_was_bootstrapped() {
    let mut rbac = Rbac::default();
    let scheduler = user("system:kube-scheduler", &["system:authenticated"]);
    let node = user("system:node:a", &["system:nodes"]);
    let works = |rbac: &Rbac| {
        [(&scheduler, "list"), (&node, "create")]
            .map(|(user, verb)| matches!(decide(rbac, user, &asks(verb, "", "nodes")), Decision::Allow(_)))
    };
    assert_eq!(works(&rbac), [true, true]);
    let own = binding("", "own", ("ClusterRole", "own"), json!([]));
    rbac.snapshot(kind(Kind::ClusterRoleBinding), vec![object(own)]).unwrap();
    assert_eq!(works(&rbac), [true, true]);
    let mut bound = default_object("system:node");
    bound["roleRef"] = json!({"kind": "ClusterRole", "name": "system:node"});
    bound["subjects"] = json!([{"kind": "Group", "name": "system:nodes"}]);
    rbac.snapshot(kind(Kind::ClusterRoleBinding), vec![object(bound)]).unwrap();
    assert_eq!(works(&rbac), [false, true]);
}

#[test]
fn the_rules_of_a_user_are_those_of_each_binding_once() {
    let subjects = json!([{"kind": "User", "name": "eve"}, {"kind": "Group", "name": "devs"}]);
    let rules = json!([
        {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"]},
        {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
    ]);
    let rbac = rbac(&[
        (Kind::ClusterRole, role("", "reader", rules)),
        (Kind::ClusterRoleBinding, binding("", "b", ("ClusterRole", "reader"), subjects.clone())),
        (Kind::RoleBinding, binding("dev", "r", ("Role", "missing"), subjects)),
    ]);
    let set = rbac.rules(&user("eve", &["devs"]), "dev").unwrap();
    let rule = &set.resource_rules[..];
    assert_eq!(rule.len(), 1);
    assert_eq!((rule[0].resources.join(","), rule[0].names.join(",")), ("pods".into(), "a".into()));
    assert_eq!(set.path_rules[0].paths, ["/metrics"]);
    assert_eq!(set.problems, [r#"role.rbac.authorization.k8s.io "missing" not found"#]);
}

#[test]
fn what_is_no_policy_is_refused_and_what_cannot_be_read_grants_nothing() {
    let mut rbac = rbac(&[]);
    let pods =
        sdk::GroupVersionResource { group: String::new(), version: "v1".into(), resource: "pods".into() };
    assert!(matches!(rbac.snapshot(pods, Vec::new()), Err(Error::Invalid(_))));
    let broken = json!({"metadata": {"name": "b"}, "roleRef": 7});
    rbac.changed(kind(Kind::ClusterRoleBinding), vec![Change::Put(object(broken))]).unwrap();
    assert_eq!(log::recorded().len(), 1);
}

#[test]
fn a_dry_policy_refuses_nobody_and_tells_once_what_it_would() {
    sdk::settings::give(&[("dry-run", "true")]);
    let rbac = Rbac::default();
    sdk::settings::give(&[]);
    let alice = user("alice", &[]);
    for _ in 0..2 {
        assert_eq!(decide(&rbac, &alice, &asks("get", "default", "pods")), nothing());
        assert_eq!(decide(&rbac, &alice, &asks("get", "", "nodes")), nothing());
    }
    let told: Vec<_> = sdk::log::recorded().into_iter().map(|(_, line)| line).collect();
    assert_eq!(
        told,
        [
            r#"would be refused: user "alice" may not get pods of the group core in the namespace "default""#,
            r#"would be refused: user "alice" may not get nodes of the group core at the cluster scope"#,
        ]
    );
}

#[test]
fn the_mode_of_a_dry_policy_allows_what_it_does_not() {
    let edits = |settings: &[(&str, &str)]| {
        let setting =
            |(name, value): &(&str, &str)| sdk::Setting { name: (*name).into(), value: (*value).into() };
        let facts = sdk::Facts { node_name: "n".into(), addresses: Vec::new(), extra: Vec::new() };
        let settings = settings.iter().map(setting).collect();
        let input = sdk::Input { arguments: Vec::new(), settings, facts, extra: Vec::new() };
        <Rbac as sdk::Config>::edits(&input).unwrap()
    };
    let set = |modes| vec![sdk::Edit::set("kube-apiserver", "authorization-mode", modes)];
    assert_eq!(edits(&[("dry-run", "true")]), set("RBAC,Node,AlwaysAllow"));
    assert_eq!(edits(&[("dry-run", "false")]), set("RBAC,Node"));
}

/// Numbers without an order that anybody sees, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

#[test]
fn after_any_changes_the_policy_is_that_of_what_is_left() {
    let users = ["ann", "bob", "eve"];
    let mut dice = Dice(7);
    for _ in 0..40 {
        let mut left: Vec<(Kind, Value)> = vec![(Kind::ClusterRole, role("", "reader", pods()))];
        let mut changed = rbac(&left);
        for _ in 0..60 {
            let (of, namespace) = match dice.below(3) {
                0 => (Kind::ClusterRoleBinding, ""),
                place => (Kind::RoleBinding, ["dev", "ops"][place - 1]),
            };
            let name = format!("b{}", dice.below(4));
            left.retain(|(kind, value)| {
                *kind != of || value["metadata"] != json!({"namespace": namespace, "name": name})
            });
            let change = if dice.below(3) == 0 {
                Change::Delete(ObjectKey { namespace: namespace.into(), name })
            } else {
                let subject = |dice: &mut Dice| json!({"kind": "User", "name": users[dice.below(3)]});
                let subjects: Vec<_> = (0..dice.below(3)).map(|_| subject(&mut dice)).collect();
                let value = binding(namespace, &name, ("ClusterRole", "reader"), subjects.into());
                left.push((of, value.clone()));
                Change::Put(object(value))
            };
            changed.changed(kind(of), vec![change]).unwrap();
        }
        let fresh = rbac(&left);
        for name in users {
            for namespace in ["", "dev", "ops", "other"] {
                let (who, asked) = (user(name, &[]), asks("get", namespace, "pods"));
                let is_allowed = |rbac: &Rbac| matches!(decide(rbac, &who, &asked), Decision::Allow(_));
                assert_eq!(is_allowed(&changed), is_allowed(&fresh), "{name} in {namespace:?} of {left:?}");
            }
        }
    }
}
