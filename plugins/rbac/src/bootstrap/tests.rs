//! What bootstrapping writes, on an API of its own.

use super::*;

/// An API that holds objects and counts writes; one name can be made to fail.
#[derive(Default)]
struct Fake {
    objects: Vec<(Kind, Value)>,
    writes: usize,
    fails: Option<&'static str>,
}

impl Fake {
    fn bootstrapped() -> Self {
        let mut fake = Self::default();
        ensure(&mut fake).unwrap();
        fake.writes = 0;
        fake
    }

    fn find(&mut self, kind: Kind, name: &str) -> &mut Value {
        let found =
            self.objects.iter_mut().find(|(of, object)| *of == kind && object["metadata"]["name"] == name);
        &mut found.unwrap().1
    }
}

impl Api for Fake {
    fn list(&mut self, kind: Kind) -> Result<Vec<Value>, Error> {
        Ok(self.objects.iter().filter(|(of, _)| *of == kind).map(|(_, object)| object.clone()).collect())
    }

    fn get(&mut self, kind: Kind, name: &str) -> Result<Option<Value>, Error> {
        Ok(self.list(kind)?.into_iter().find(|object| object["metadata"]["name"] == name))
    }

    fn put(&mut self, kind: Kind, metadata: &Metadata, object: &Value) -> Result<(), Error> {
        if self.fails == Some(metadata.name.as_str()) {
            return Err(Error::Unavailable("not now".into()));
        }
        self.objects.retain(|(of, object)| *of != kind || !is_named(object, metadata));
        self.objects.push((kind, object.clone()));
        self.writes += 1;
        Ok(())
    }

    fn delete(&mut self, kind: Kind, metadata: &Metadata) -> Result<(), Error> {
        self.objects.retain(|(of, object)| *of != kind || !is_named(object, metadata));
        self.writes += 1;
        Ok(())
    }
}

#[test]
fn an_empty_cluster_gets_every_default_object_and_a_second_time_nothing() {
    let mut fake = Fake::default();
    ensure(&mut fake).unwrap();
    assert_eq!(fake.writes, defaults::objects().len());
    let admin = fake.find(Kind::ClusterRoleBinding, "cluster-admin").clone();
    assert_eq!(admin["metadata"]["labels"]["kubernetes.io/bootstrapping"], "rbac-defaults");
    assert_eq!(admin["subjects"][0]["name"], "system:masters");
    fake.writes = 0;
    ensure(&mut fake).unwrap();
    assert_eq!(fake.writes, 0);
}

#[test]
fn what_is_missing_is_added_and_what_is_more_stays() {
    let mut fake = Fake::bootstrapped();
    let own = json!({"verbs": ["get"], "apiGroups": ["own"], "resources": ["things"]});
    fake.find(Kind::ClusterRole, "system:basic-user")["rules"] = json!([own]);
    let binding = fake.find(Kind::ClusterRoleBinding, "system:discovery");
    binding["subjects"] = json!([{"kind": "User", "name": "eve"}]);
    ensure(&mut fake).unwrap();
    assert_eq!(fake.writes, 2);
    let rules = fake.find(Kind::ClusterRole, "system:basic-user")["rules"].clone();
    assert_eq!(rules.as_array().unwrap().len(), 3);
    assert_eq!(rules[0], own);
    let subjects = &fake.find(Kind::ClusterRoleBinding, "system:discovery")["subjects"];
    assert_eq!((&subjects[0]["name"], &subjects[1]["name"]), (&json!("eve"), &json!("system:authenticated")));
}

#[test]
fn an_object_that_is_not_to_be_updated_stays() {
    let mut fake = Fake::bootstrapped();
    let role = fake.find(Kind::ClusterRole, "system:basic-user");
    role["rules"] = json!([]);
    role["metadata"]["annotations"][AUTOUPDATE] = json!("false");
    ensure(&mut fake).unwrap();
    assert_eq!(fake.writes, 0);
}

#[test]
fn a_binding_of_another_role_is_created_anew() {
    let mut fake = Fake::bootstrapped();
    fake.find(Kind::ClusterRoleBinding, "system:discovery")["roleRef"]["name"] = json!("cluster-admin");
    ensure(&mut fake).unwrap();
    assert_eq!(fake.writes, 2);
    assert_eq!(
        fake.find(Kind::ClusterRoleBinding, "system:discovery")["roleRef"]["name"],
        "system:discovery"
    );
}

#[test]
fn one_failure_does_not_hold_up_the_others() {
    let mut fake = Fake { fails: Some("cluster-admin"), ..Fake::default() };
    assert_eq!(ensure(&mut fake), Err(Error::Unavailable("not now".into())));
    assert_eq!(fake.writes, defaults::objects().len() - 2);
    let lines: Vec<_> = log::recorded().into_iter().map(|(_, line)| line).collect();
    assert_eq!(
        lines,
        [
            "ensure the ClusterRole cluster-admin: not now",
            "ensure the ClusterRoleBinding cluster-admin: not now",
        ]
    );
}

#[test]
fn aggregated_rules_are_written_once() {
    let mut fake = Fake::bootstrapped();
    let rules = [Rule { verbs: vec!["get".into()], paths: vec!["/x".into()], ..Rule::default() }];
    write_rules(&mut fake, "admin", &rules).unwrap();
    write_rules(&mut fake, "admin", &rules).unwrap();
    write_rules(&mut fake, "no-such-role", &rules).unwrap();
    assert_eq!(fake.writes, 1);
    assert_eq!(fake.find(Kind::ClusterRole, "admin")["rules"][0]["nonResourceURLs"][0], "/x");
}
