//! What the figures are taken of: components compiled as the host compiles them, the bindings of a team, and a host that
//! has nothing to give.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use engine::{
    Answer, CertificateRequest, Component, Engine, Import, Instance, Issued, Kind, KubeRequest, KubeResponse,
    Level, Measure, Object, ObjectKey, Refusal, Services, Setting, User, compile,
};
use serde_json::json;

const GROUP: &str = "rbac.authorization.k8s.io";
pub(super) const FIRST_PARTY: [&str; 5] = ["auth-basic", "auth-token", "auth-x509", "cis-hardening", "rbac"];

/// Compiled components on the disk.
pub(super) struct Shelf {
    engine: Engine,
    folder: PathBuf,
}

impl Shelf {
    /// Compiles the first-party addons.
    pub(super) fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("mk8s-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let shelf = Self { engine: Engine::new()?, folder };
        for name in FIRST_PARTY {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/plugins/{name}.wasm"));
            let component = std::fs::read(&path);
            let component =
                component.with_context(|| format!("read {}: run `make plugins`", path.display()))?;
            std::fs::write(shelf.path(name), compile(&component)?)?;
        }
        Ok(shelf)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(super) fn load(&self, name: &str) -> Result<Component> {
        self.map(&std::fs::read(self.path(name))?)
    }

    pub(super) fn load_guest(&self, name: &str) -> Result<Component> {
        self.map(&compile(&support::guest(name))?)
    }

    fn map(&self, compiled: &[u8]) -> Result<Component> {
        let all: BTreeSet<_> = Import::ALL.iter().copied().collect();
        // SAFETY: compiled by this process.
        Ok(unsafe { self.engine.load(compiled, &all) }?)
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // What is left in the folder of temporary files is cleaned with it.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// ClusterRoles that allow the same, and bindings to them in one namespace: the objects as the host keeps them.
pub(super) struct Policy {
    roles: Vec<Object>,
    bindings: Vec<Object>,
}

impl Policy {
    pub(super) fn new(roles: usize, bindings: usize) -> Self {
        let role = |at: usize| {
            let name = format!("reader-{at}");
            let role = json!({
                "metadata": { "name": name },
                "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] }]
            });
            object("", &name, &role)
        };
        let binding = |at: usize| {
            let name = format!("binding-{at}");
            let binding = json!({
                "metadata": { "namespace": "team", "name": name },
                "roleRef": { "apiGroup": GROUP, "kind": "ClusterRole", "name": format!("reader-{}", at % roles) },
                "subjects": [{ "apiGroup": GROUP, "kind": "User", "name": bound(at).name }]
            });
            object("team", &name, &binding)
        };
        Self { roles: (0..roles).map(role).collect(), bindings: (0..bindings).map(binding).collect() }
    }

    pub(super) fn push(&self, instance: &mut Instance) -> Result<()> {
        instance.snapshot(&kind("clusterroles"), &self.roles)?;
        instance.snapshot(&kind("rolebindings"), &self.bindings)?;
        Ok(())
    }
}

/// Whom one of the bindings binds.
pub(super) fn bound(at: usize) -> User {
    User { name: format!("user-{at}"), groups: vec!["system:authenticated".to_owned()], ..User::default() }
}

fn kind(resource: &str) -> Kind {
    Kind { group: GROUP.to_owned(), version: "v1".to_owned(), resource: resource.to_owned() }
}

fn object(namespace: &str, name: &str, json: &serde_json::Value) -> Object {
    let key = ObjectKey { namespace: namespace.to_owned(), name: name.to_owned() };
    Object { key, json: json.to_string().into() }
}

/// A host that has nothing to give.
pub(super) struct Nothing;

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

    fn issue(&self, _: CertificateRequest) -> Answer<'_, Issued> {
        refuse()
    }

    fn measure(&self, _: Measure) {}

    fn now(&self) -> u64 {
        0
    }

    fn monotonic(&self) -> u64 {
        0
    }
}

fn refuse<T: Send + 'static>() -> Answer<'static, T> {
    Box::pin(async { Err(Refusal::Unavailable("there is no host".to_owned())) })
}
