//! A compiled component, linked to what it was granted and to nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{HasSelf, InstancePre, Linker};

use crate::bindings::draft::exports::mk8s::addon0_2_0_draft as drafted;
use crate::bindings::exports::mk8s::addon as exported;
use crate::bindings::mk8s::addon as imported;
use crate::host::Host;
use crate::inspect::{Import, Role};
use crate::runtime::{Engine, MEMORY};

/// What WASI has to offer here: clocks, random numbers and output; folders and sockets hold nothing.
pub(crate) const WASI: &[&str] =
    &["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
const PACKAGE: &str = "mk8s:addon/";

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("load the compiled component")]
    Unusable(#[source] wasmtime::Error),
    #[error("link the component: it imports {0}, which it did not declare or was not granted")]
    NotGranted(String),
    #[error("link the component: it imports {0}, which this host does not have")]
    UnknownImport(String),
    #[error("link the component")]
    Link(#[source] wasmtime::Error),
}

/// What an instance may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory: usize,
    /// Time of each call; what is pushed to the instance has at least that of [`Limits::COLD`].
    pub deadline: Duration,
}

impl Limits {
    /// For what is called in every request.
    pub const HOT: Self = Self { memory: MEMORY, deadline: Duration::from_millis(10) };
    /// For what nobody waits for in a request.
    pub const COLD: Self = Self { memory: MEMORY, deadline: Duration::from_secs(5) };
    /// For a write that waits to be judged.
    pub const ADMISSION: Self = Self { memory: MEMORY, deadline: Duration::from_secs(1) };
    /// For a pod that waits for its node.
    pub const SCHEDULING: Self = Self { memory: MEMORY, deadline: Duration::from_secs(1) };
}

/// A component that can be instantiated; clones share its code.
#[derive(Clone)]
pub struct Component(Arc<Parts>);

pub(crate) struct Parts {
    /// Keeps the deadlines for as long as there is something to call.
    pub(crate) engine: Engine,
    pub(crate) instance: InstancePre<Host>,
    pub(crate) roles: Roles,
}

/// Where the functions of each role are, of those that the component has.
pub(crate) struct Roles {
    pub(crate) config: Option<exported::config::GuestIndices>,
    pub(crate) lifecycle: Option<exported::lifecycle::GuestIndices>,
    pub(crate) objects: Option<exported::objects::GuestIndices>,
    pub(crate) files: Option<exported::files::GuestIndices>,
    pub(crate) authenticator: Option<exported::authenticator::GuestIndices>,
    pub(crate) authorizer: Option<exported::authorizer::GuestIndices>,
    pub(crate) admission: Option<exported::admission::GuestIndices>,
    pub(crate) dns: Option<exported::dns::GuestIndices>,
    pub(crate) overlay: Option<exported::overlay::GuestIndices>,
    pub(crate) scheduling: Option<drafted::scheduling::GuestIndices>,
}

impl Engine {
    /// Maps what [`compile`](crate::compile) made and links it.
    ///
    /// # Safety
    /// `compiled` is machine code that will be run: it must have come from `compile` of a host that is trusted, unchanged.
    pub unsafe fn load(&self, compiled: &[u8], granted: &BTreeSet<Import>) -> Result<Component, LoadError> {
        // SAFETY: the caller vouches for the bytes.
        let component = unsafe { wasmtime::component::Component::deserialize(self.wasmtime(), compiled) };
        let component = component.map_err(LoadError::Unusable)?;
        for (name, _) in component.component_type().imports(self.wasmtime()) {
            permit(name, granted)?;
        }
        let instance = linker(self.wasmtime(), granted)
            .and_then(|linker| linker.instantiate_pre(&component))
            .map_err(LoadError::Link)?;
        let roles = Roles::of(&instance);
        Ok(Component(Arc::new(Parts { engine: self.clone(), instance, roles })))
    }
}

impl Component {
    pub(crate) fn parts(&self) -> &Arc<Parts> {
        &self.0
    }
}

/// Refuses what would not be linked, by name.
fn permit(name: &str, granted: &BTreeSet<Import>) -> Result<(), LoadError> {
    if WASI.iter().any(|prefix| name.starts_with(prefix)) {
        return Ok(());
    }
    let interface = name.strip_prefix(PACKAGE).and_then(|name| name.split('@').next());
    match interface.and_then(Import::named) {
        Some(import) if !import.is_capability() || granted.contains(&import) => Ok(()),
        Some(_) => Err(LoadError::NotGranted(name.to_owned())),
        None => Err(LoadError::UnknownImport(name.to_owned())),
    }
}

fn linker(engine: &wasmtime::Engine, granted: &BTreeSet<Import>) -> wasmtime::Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    imported::types::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    imported::log::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    imported::settings::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
    for import in granted {
        match import {
            Import::Kv => imported::kv::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?,
            Import::Kube => imported::kube::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?,
            Import::Pki => imported::pki::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?,
            Import::Metrics => {
                imported::metrics::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?;
            }
            Import::Clock => imported::clock::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host)?,
            Import::Types | Import::Log | Import::Settings => {}
        }
    }
    Ok(linker)
}

impl Roles {
    fn of(instance: &InstancePre<Host>) -> Self {
        Self {
            config: exported::config::GuestIndices::new(instance).ok(),
            lifecycle: exported::lifecycle::GuestIndices::new(instance).ok(),
            objects: exported::objects::GuestIndices::new(instance).ok(),
            files: exported::files::GuestIndices::new(instance).ok(),
            authenticator: exported::authenticator::GuestIndices::new(instance).ok(),
            authorizer: exported::authorizer::GuestIndices::new(instance).ok(),
            admission: exported::admission::GuestIndices::new(instance).ok(),
            dns: exported::dns::GuestIndices::new(instance).ok(),
            overlay: exported::overlay::GuestIndices::new(instance).ok(),
            scheduling: drafted::scheduling::GuestIndices::new(instance).ok(),
        }
    }
}

impl Component {
    /// The roles that the component fills.
    pub fn roles(&self) -> BTreeSet<Role> {
        let roles = &self.0.roles;
        let present = [
            (Role::Config, roles.config.is_some()),
            (Role::Lifecycle, roles.lifecycle.is_some()),
            (Role::Objects, roles.objects.is_some()),
            (Role::Files, roles.files.is_some()),
            (Role::Authenticator, roles.authenticator.is_some()),
            (Role::Authorizer, roles.authorizer.is_some()),
            (Role::Admission, roles.admission.is_some()),
            (Role::Dns, roles.dns.is_some()),
            (Role::Overlay, roles.overlay.is_some()),
            (Role::Scheduling, roles.scheduling.is_some()),
        ];
        present.into_iter().filter(|(_, present)| *present).map(|(role, _)| role).collect()
    }
}
