//! What a component says of itself, read without running anything.

use std::collections::BTreeSet;

use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::component::WASI;

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
    #[error("read the component: it is no WebAssembly")]
    NotWasm,
    #[error("read the component: it ends in the middle of a section")]
    Torn,
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
        "read the component: it was built for {found}, which this host does not speak: build it for {PACKAGE}…@{V0_1} or @{V0_2}, or, where that is older, take a newer mk8s-host"
    )]
    OtherContract { found: String },
    #[error("read the component: it exports {0}, which the contract does not know")]
    UnknownRole(String),
}

/// The versions in which interfaces were released, each of one for ever, and the draft of the next.
const V0_1: &str = "0.1.0";
const V0_2: &str = "0.2.0-draft";

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal @ $version:ident,)* }) => {
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

            /// The version of the contract in which it is, or is to be, released.
            pub fn version(self) -> &'static str {
                match self {
                    $(Self::$variant => $version,)*
                }
            }

            /// The one that a whole name means; none where it is not of the contract.
            fn meant(name: &str) -> Result<Option<Self>, InspectError> {
                let Some(interface) = name.strip_prefix(PACKAGE) else { return Ok(None) };
                let (interface, version) = interface.split_once('@').unwrap_or((interface, ""));
                match Self::named(interface) {
                    Some(one) if one.version() == version => Ok(Some(one)),
                    None if [V0_1, V0_2].contains(&version) => Ok(None),
                    _ => Err(InspectError::OtherContract { found: name.to_owned() }),
                }
            }
        }
    };
}

names! {
    /// An interface that an addon exports.
    Role {
        Config = "config" @ V0_1,
        Lifecycle = "lifecycle" @ V0_1,
        Objects = "objects" @ V0_1,
        Files = "files" @ V0_1,
        Authenticator = "authenticator" @ V0_1,
        Authorizer = "authorizer" @ V0_1,
        Admission = "admission" @ V0_1,
        Dns = "dns" @ V0_1,
        Overlay = "overlay" @ V0_1,
        Scheduling = "scheduling" @ V0_2,
    }
}

names! {
    /// An interface of the contract that an addon imports.
    Import {
        Types = "types" @ V0_1,
        Log = "log" @ V0_1,
        Settings = "settings" @ V0_1,
        Kv = "kv" @ V0_1,
        Kube = "kube" @ V0_1,
        Pki = "pki" @ V0_1,
        Metrics = "metrics" @ V0_1,
        Clock = "clock" @ V0_1,
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
        Some(Err(_)) | None => return Err(InspectError::NotWasm),
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
        match Role::meant(&name)? {
            Some(role) => inspection.roles.insert(role),
            None if name.starts_with(PACKAGE) => return Err(InspectError::UnknownRole(name)),
            None => continue,
        };
    }
    for name in found.imports {
        match Import::meant(&name)? {
            Some(import) => inspection.imports.insert(import),
            None => inspection.other_imports.insert(name),
        };
    }
    Ok(inspection)
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
