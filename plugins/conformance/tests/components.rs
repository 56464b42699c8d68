//! The built components are what their metadata says: `make plugins` leaves them in `target/plugins`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wasmparser::{Parser, Payload};

const ADDONS: &[&str] =
    &["auth-basic", "auth-oidc", "auth-token", "auth-x509", "cis-hardening", "maintenance", "rbac"];
/// Those that speak the draft of the next contract.
const DRAFTED: &[&str] = &["maintenance"];

/// What each language's runtime brings along; no capability of an addon.
const RUNTIME: &[&str] = &["wasi:io/", "wasi:cli/", "wasi:clocks/", "wasi:random/", "wasi:filesystem/"];

/// Imports of the contract that need no declaration.
const UNDECLARED: &[&str] = &["types", "log", "settings"];

/// A built component, taken apart.
#[derive(Default)]
struct Component {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
    metadata: Vec<Value>,
}

impl Component {
    fn of(addon: &str) -> Self {
        let path = root().join("target/plugins").join(addon).with_extension("wasm");
        let bytes =
            fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}: `make plugins`", path.display()));
        Self::read(&bytes).expect("a component that can be read")
    }

    fn read(bytes: &[u8]) -> wasmparser::Result<Self> {
        let mut component = Self::default();
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        component.imports.insert(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        component.exports.insert(export?.name.name.to_owned());
                    }
                }
                Payload::CustomSection(section) if section.name() == "mk8s:addon" => {
                    component
                        .metadata
                        .push(serde_json::from_slice(section.data()).expect("metadata is JSON"));
                }
                _ => {}
            }
        }
        Ok(component)
    }

    fn metadata(&self) -> &Value {
        let [metadata] = &self.metadata[..] else { panic!("an addon holds its metadata once") };
        metadata
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The name of an interface of the contract, if it is one.
fn interface(name: &str) -> Option<&str> {
    let name = name.strip_prefix("mk8s:addon/")?;
    name.strip_suffix("@0.1.0").or_else(|| name.strip_suffix("@0.2.0-draft"))
}

#[test]
fn an_addon_exports_exactly_its_roles() {
    for addon in ADDONS {
        let component = Component::of(addon);
        let roles = component.metadata()["roles"].as_array().unwrap().iter();
        let roles: BTreeSet<_> = roles.map(|role| role.as_str().unwrap()).collect();
        let exports: BTreeSet<_> =
            component.exports.iter().map(|name| interface(name).unwrap_or(name)).collect();
        assert_eq!(exports, roles, "{addon}");
    }
}

#[test]
fn an_addon_imports_only_what_it_declares() {
    for addon in ADDONS {
        let component = Component::of(addon);
        let wants = &component.metadata()["wants"];
        for import in &component.imports {
            let allowed = match interface(import) {
                Some(name) => UNDECLARED.contains(&name) || !wants[name].is_null(),
                None => RUNTIME.iter().any(|package| import.starts_with(package)),
            };
            assert!(allowed, "{addon} imports {import}");
        }
    }
}

#[test]
fn metadata_names_the_addon_and_its_version() {
    for addon in ADDONS {
        let component = Component::of(addon);
        let metadata = component.metadata();
        assert_eq!(metadata["name"], *addon);
        assert_eq!(metadata["version"], env!("CARGO_PKG_VERSION"), "{addon}");
        let contract = if DRAFTED.contains(addon) { "0.2-draft" } else { "0.1" };
        assert_eq!(metadata["contract"], contract, "{addon}");
    }
}
