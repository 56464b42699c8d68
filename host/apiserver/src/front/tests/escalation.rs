//! Nobody grants by roles and bindings more than he holds.

use expect_test::{Expect, expect};
use objects::{Tree, tree};

use super::fixture::{Fixture, With, ask};
use super::sockets::Authority;
use crate::authz::{Decision, ResourceRule, Rules, Target};
use crate::front::Front;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

struct World {
    front: Front,
    fixture: Fixture,
}

impl World {
    /// Everybody may write roles and bindings and holds `get pods`, and may neither escalate nor bind.
    async fn new() -> Self {
        let fixture = Fixture::new(&Authority::new("ca").pem());
        let front = fixture.front().await;
        fixture.holds(Rules {
            resource: vec![ResourceRule {
                verbs: vec!["get".to_owned()],
                api_groups: vec![String::new()],
                resources: vec!["pods".to_owned()],
                resource_names: Vec::new(),
            }],
            ..Rules::default()
        });
        fixture.rule(|_, attributes| match attributes.verb.as_str() {
            "escalate" | "bind" => Decision::NoOpinion { reason: String::new() },
            _ => Decision::allow(""),
        });
        Self { front, fixture }
    }

    async fn write(&self, method: &str, path: &str, object: &Tree) -> String {
        let answer = self.front.ask(ask(method, &format!("{RBAC}{path}")).sending(object.to_json())).await;
        match answer.code().is_success() {
            true => answer.code().as_u16().to_string(),
            false => format!("{:?}", answer.status()),
        }
    }

    async fn check(&self, method: &str, path: &str, object: &Tree, expected: Expect) {
        expected.assert_eq(&self.write(method, path, object).await);
    }
}

fn role(name: &str, verbs: &[&str]) -> Tree {
    tree!({
        "metadata": { "name": name },
        "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": (verbs.to_vec()) }]
    })
}

fn binding(name: &str, kind: &str, role: &str) -> Tree {
    tree!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "joe" }]
    })
}

const ROLES: &str = "/namespaces/default/roles";
const BINDINGS: &str = "/namespaces/default/rolebindings";

#[tokio::test]
async fn a_role_gives_what_its_author_holds_and_no_more() {
    let world = World::new().await;
    world.check("POST", ROLES, &role("held", &["get"]), expect!["201"]).await;
    let why = world.write("POST", ROLES, &role("more", &["get", "list", "watch"])).await;
    assert!(why.contains("not currently held") && why.contains("watch"), "{why}");
    let why = world.write("PUT", &format!("{ROLES}/held"), &role("held", &["get", "delete"])).await;
    assert!(why.contains("not currently held") && why.contains("delete"), "{why}");
    let mut gathering = role("gathers", &["get"]);
    gathering.insert("aggregationRule", tree!({ "clusterRoleSelectors": [{ "matchLabels": { "a": "b" } }] }));
    let why = world.write("POST", "/clusterroles", &gathering).await;
    assert!(why.contains("must have cluster-admin privileges to use an aggregationRule"), "{why}");
    world.fixture.rule(|_, _| Decision::allow(""));
    world.check("POST", ROLES, &role("more", &["*"]), expect!["201"]).await;
}

#[tokio::test]
async fn a_binding_gives_what_its_author_holds_or_may_bind() {
    let world = World::new().await;
    world.check("POST", ROLES, &role("held", &["get"]), expect!["201"]).await;
    world.check("POST", BINDINGS, &binding("a", "Role", "held"), expect!["201"]).await;
    world.fixture.rule(|_, _| Decision::allow(""));
    world.check("POST", "/clusterroles", &role("more", &["get", "list"]), expect!["201"]).await;
    world.fixture.rule(|_, attributes| {
        let named = |wanted: &str| {
            matches!(&attributes.target, Target::Resource { resource, name, .. }
                if resource == "clusterroles" && name == wanted)
        };
        match attributes.verb.as_str() {
            "bind" if named("bindable") => Decision::allow(""),
            "bind" => Decision::NoOpinion { reason: String::new() },
            _ => Decision::allow(""),
        }
    });
    let why = world.write("POST", BINDINGS, &binding("b", "ClusterRole", "more")).await;
    assert!(why.contains("not currently held"), "{why}");
    let why = world.write("POST", BINDINGS, &binding("c", "Role", "none")).await;
    assert!(why.contains("NotFound"), "{why}");
    world.check("POST", BINDINGS, &binding("d", "ClusterRole", "bindable"), expect!["201"]).await;
}

#[tokio::test]
async fn what_only_lets_an_object_go_is_not_judged() {
    let world = World::new().await;
    world.fixture.rule(|_, _| Decision::allow(""));
    let mut more = role("more", &["*"]);
    more.set_at(&["metadata", "finalizers"], vec!["a/b"]);
    world.check("POST", ROLES, &more, expect!["201"]).await;
    world.fixture.rule(|asking, attributes| match attributes.verb.as_str() {
        "escalate" if asking.name == "jane" => Decision::NoOpinion { reason: String::new() },
        _ => Decision::allow(""),
    });
    let path = format!("{ROLES}/more");
    let answer = world.front.ask(ask("GET", &format!("{RBAC}{path}"))).await;
    let mut there = answer.tree();
    there.remove_at(&["metadata", "finalizers"]);
    world.check("PUT", &path, &there, expect!["200"]).await;
    there.set_at(&["metadata", "labels"], tree!({ "a": "b" }));
    there.remove_at(&["metadata", "resourceVersion"]);
    assert!(world.write("PUT", &path, &there).await.contains("not currently held"));
}
