//! One decision of the rbac addon through its component, on one thread, with 1,000 bindings.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use engine::{
    Answer, Attributes, Decision, Engine, Import, Instance, Kind, KubeRequest, KubeResponse, Level, Limits,
    Object, ObjectKey, Refusal, Services, Setting, User, compile,
};
use serde_json::json;

use crate::Figure;

const BINDINGS: usize = 1000;
const CALLS: usize = 200_000;
const GROUP: &str = "rbac.authorization.k8s.io";

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let mut instance = authorizer()?;
    let user = User {
        name: "user-500".to_owned(),
        groups: vec!["system:authenticated".to_owned()],
        ..User::default()
    };
    let request = Attributes {
        verb: "get",
        namespace: "team",
        version: "v1",
        resource: "pods",
        name: "web",
        ..Attributes::default()
    };
    ensure!(matches!(instance.authorize(&user, &request)?, Decision::Allow(_)), "the binding does not allow");
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        instance.authorize(&user, &request)?;
        times.push(began.elapsed());
    }
    times.sort();
    let text = |time: Duration| format!("{:.2} us", time.as_secs_f64() * 1e6);
    Ok(vec![
        Figure { name: "authorize, 1,000 bindings, median", value: text(times[CALLS / 2]), goal: "2 us" },
        Figure {
            name: "authorize, 1,000 bindings, p99",
            value: text(times[CALLS / 100 * 99]),
            goal: "10 us",
        },
    ])
}

/// The addon with a ClusterRole and its bindings in one namespace.
fn authorizer() -> Result<Instance> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/rbac.wasm");
    let component =
        std::fs::read(&path).with_context(|| format!("read {}: run `make plugins`", path.display()))?;
    let engine = Engine::new()?;
    let compiled = compile(&component)?;
    // SAFETY: compiled on the line above.
    let loaded = unsafe { engine.load(&compiled, &BTreeSet::from([Import::Kube])) }?;
    let mut instance = loaded.instantiate(Arc::new(Nothing), Limits::HOT)?;
    let role = json!({
        "metadata": { "name": "reader" },
        "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] }]
    });
    instance.snapshot(&kind("clusterroles"), &[object("", "reader", &role)])?;
    let bindings: Vec<_> = (0..BINDINGS)
        .map(|at| {
            let name = format!("binding-{at}");
            let binding = json!({
                "metadata": { "namespace": "team", "name": name },
                "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": "reader" },
                "subjects": [{ "apiGroup": GROUP, "kind": "User", "name": format!("user-{at}") }]
            });
            object("team", &name, &binding)
        })
        .collect();
    instance.snapshot(&kind("rolebindings"), &bindings)?;
    Ok(instance)
}

fn kind(resource: &str) -> Kind {
    Kind { group: GROUP.to_owned(), version: "v1".to_owned(), resource: resource.to_owned() }
}

fn object(namespace: &str, name: &str, json: &serde_json::Value) -> Object {
    let key = ObjectKey { namespace: namespace.to_owned(), name: name.to_owned() };
    Object { key, json: json.to_string().into() }
}

/// A host that has nothing to give.
struct Nothing;

impl Services for Nothing {
    fn log(&self, _: Level, _: &str) {}

    fn settings(&self) -> Vec<Setting> {
        Vec::new()
    }

    fn kv_get(&self, _: String) -> Answer<'_, Option<Bytes>> {
        refuse()
    }

    fn kv_put(&self, _: String, _: Bytes) -> Answer<'_, ()> {
        refuse()
    }

    fn kv_delete(&self, _: String) -> Answer<'_, ()> {
        refuse()
    }

    fn kv_list(&self, _: String) -> Answer<'_, Vec<String>> {
        refuse()
    }

    fn kube(&self, _: KubeRequest) -> Answer<'_, KubeResponse> {
        refuse()
    }
}

fn refuse<T: Send + 'static>() -> Answer<'static, T> {
    Box::pin(async { Err(Refusal::Unavailable("there is no host".to_owned())) })
}
