//! What a component says of itself, read without running anything.

use std::collections::BTreeSet;

use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::component::WASI;

/// The draft of the contract that this host speaks.
const CONTRACT: &str = "0.1.0-draft";
const PACKAGE: &str = "mk8s:addon/";
/// The custom section of the metadata.
pub const METADATA: &str = "mk8s:addon";
/// A larger component is not even looked at, in bytes.
pub const LARGEST: usize = 64 << 20;
/// A longer metadata section is none.
const LONGEST_METADATA: usize = 256 << 10;

#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    #[error("read the component: it has {0} bytes, and may have {LARGEST}")]
    Size(usize),
    #[error("read the component: it is no WebAssembly ({0})")]
    NotWasm(String),
    #[error(
        "read the component: it is a core module; make a component of it, as the target wasm32-wasip2 does"
    )]
    CoreModule,
    #[error("check the component")]
    Malformed(#[source] wasmparser::BinaryReaderError),
    #[error("read the component: it carries no metadata (custom section `{METADATA}`)")]
    NoMetadata,
    #[error("read the component: its metadata is longer than {LONGEST_METADATA} bytes")]
    LongMetadata,
    #[error(
        "read the component: it was built for {found}, and this host speaks {PACKAGE}…@{CONTRACT}: build it anew"
    )]
    OtherContract { found: String },
    #[error("read the component: it exports {0}, which the contract does not know")]
    UnknownRole(String),
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($variant,)*
        }

        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name of the interface.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The one of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }
    };
}

names! {
    /// An interface that an addon exports.
    Role {
        Config = "config",
        Lifecycle = "lifecycle",
        Objects = "objects",
        Files = "files",
        Authenticator = "authenticator",
        Authorizer = "authorizer",
        Admission = "admission",
        Dns = "dns",
        Overlay = "overlay",
    }
}

names! {
    /// An interface of the contract that an addon imports.
    Import {
        Types = "types",
        Log = "log",
        Settings = "settings",
        Kv = "kv",
        Kube = "kube",
        Pki = "pki",
        Metrics = "metrics",
        Clock = "clock",
    }
}

impl Import {
    /// Whether it is to be declared and granted.
    pub fn is_capability(self) -> bool {
        !matches!(self, Self::Types | Self::Log | Self::Settings)
    }
}

/// A component that speaks this host's contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The content of the custom section `mk8s:addon`.
    pub metadata: Vec<u8>,
    pub roles: BTreeSet<Role>,
    pub imports: BTreeSet<Import>,
    /// Imports that are not of the contract, by their whole names; those of WASI are among them.
    pub other_imports: BTreeSet<String>,
}

impl Inspection {
    /// Imports that no host links.
    pub fn unknown_imports(&self) -> impl Iterator<Item = &str> {
        let wasi = |name: &&str| WASI.iter().any(|prefix| name.starts_with(prefix));
        self.other_imports.iter().map(String::as_str).filter(move |name| !wasi(name))
    }
}

/// Walks the whole file, nested modules too.
pub fn inspect(component: &[u8]) -> Result<Inspection, InspectError> {
    if component.len() > LARGEST {
        return Err(InspectError::Size(component.len()));
    }
    match Parser::new(0).parse_all(component).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Component, .. })) => {}
        Some(Ok(_)) => return Err(InspectError::CoreModule),
        Some(Err(why)) => return Err(InspectError::NotWasm(why.message().to_owned())),
        None => return Err(InspectError::NotWasm("it is empty".to_owned())),
    }
    let features = WasmFeatures::default() | WasmFeatures::COMPONENT_MODEL;
    Validator::new_with_features(features).validate_all(component).map_err(InspectError::Malformed)?;
    let mut found = Found::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        found.take(payload.map_err(InspectError::Malformed)?, &mut depth)?;
    }
    let metadata = found.metadata.ok_or(InspectError::NoMetadata)?;
    let mut inspection = Inspection {
        metadata,
        roles: BTreeSet::new(),
        imports: BTreeSet::new(),
        other_imports: BTreeSet::new(),
    };
    for name in found.exports {
        if let Some(interface) = interface(&name)? {
            let role = Role::named(interface).ok_or_else(|| InspectError::UnknownRole(name.clone()))?;
            inspection.roles.insert(role);
        }
    }
    for name in found.imports {
        match interface(&name)?.and_then(Import::named) {
            Some(import) => inspection.imports.insert(import),
            None => inspection.other_imports.insert(name),
        };
    }
    Ok(inspection)
}

/// The interface of the contract that a name means; none where it is not of the contract.
fn interface(name: &str) -> Result<Option<&str>, InspectError> {
    let Some(name) = name.strip_prefix(PACKAGE) else { return Ok(None) };
    match name.split_once('@') {
        Some((interface, CONTRACT)) => Ok(Some(interface)),
        _ => Err(InspectError::OtherContract { found: format!("{PACKAGE}{name}") }),
    }
}

/// What the outermost component has, and the first metadata at any depth.
#[derive(Default)]
struct Found {
    metadata: Option<Vec<u8>>,
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Found {
    fn take(&mut self, payload: Payload<'_>, depth: &mut u32) -> Result<(), InspectError> {
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => *depth += 1,
            Payload::End(_) => *depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if section.name() == METADATA && self.metadata.is_none() => {
                if section.data().len() > LONGEST_METADATA {
                    return Err(InspectError::LongMetadata);
                }
                self.metadata = Some(section.data().to_vec());
            }
            Payload::ComponentImportSection(section) if *depth == 0 => {
                for import in section {
                    self.imports.push(import.map_err(InspectError::Malformed)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if *depth == 0 => {
                for export in section {
                    self.exports.push(export.map_err(InspectError::Malformed)?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
