//! Projects to begin with, written out of what this program carries: `plugin new`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use engine::Role;

use crate::metadata::{LONGEST_NAME, is_name};

/// A file as it is in this repository, by a path below `host/addons`.
macro_rules! carried {
    ($($part:literal),+) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $($part),+))
    };
}

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($variant,)*
        }

        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

names! {
    Language {
        Rust = "rust",
        Python = "python",
        JavaScript = "js",
    }
}

names! {
    /// What an addon is for.
    Kind {
        Configurator = "configurator",
        Authenticator = "authenticator",
        Authorizer = "authorizer",
        Admission = "admission",
        Keeper = "keeper",
        Dns = "dns",
        Overlay = "overlay",
        Scheduling = "scheduling",
    }
}

impl Kind {
    /// The role that a case asks.
    pub fn role(self) -> Role {
        match self {
            Self::Configurator => Role::Config,
            Self::Authenticator => Role::Authenticator,
            Self::Authorizer => Role::Authorizer,
            Self::Admission => Role::Admission,
            Self::Keeper => Role::Lifecycle,
            Self::Dns => Role::Dns,
            Self::Overlay => Role::Overlay,
            Self::Scheduling => Role::Scheduling,
        }
    }

    fn texts(self) -> &'static KindTexts {
        match self {
            Self::Configurator => &CONFIGURATOR,
            Self::Authenticator => &AUTHENTICATOR,
            Self::Authorizer => &AUTHORIZER,
            Self::Admission => &ADMISSION,
            Self::Keeper => &KEEPER,
            Self::Dns => &DNS,
            Self::Overlay => &OVERLAY,
            Self::Scheduling => &SCHEDULING,
        }
    }
}

/// What differs from kind to kind.
struct KindTexts {
    metadata: &'static str,
    case: &'static str,
    world: &'static str,
    rust: &'static str,
    python: &'static str,
    js: &'static str,
}

macro_rules! kind {
    ($kind:literal) => {
        KindTexts {
            metadata: carried!("templates/kinds/", $kind, ".json"),
            case: carried!("templates/kinds/", $kind, ".case.json"),
            world: carried!("templates/kinds/", $kind, ".wit"),
            rust: carried!("templates/rust/", $kind, ".rs"),
            python: carried!("templates/python/", $kind, ".py"),
            js: carried!("templates/js/", $kind, ".js"),
        }
    };
}

static CONFIGURATOR: KindTexts = kind!("configurator");
static AUTHENTICATOR: KindTexts = kind!("authenticator");
static AUTHORIZER: KindTexts = kind!("authorizer");
static ADMISSION: KindTexts = kind!("admission");
static KEEPER: KindTexts = kind!("keeper");
static DNS: KindTexts = kind!("dns");
static OVERLAY: KindTexts = kind!("overlay");
static SCHEDULING: KindTexts = kind!("scheduling");

type Text = (&'static str, &'static str);

/// The contract, as it was released.
const WIT: &[Text] = &[
    ("imports.wit", carried!("../../wit/0.1/imports.wit")),
    ("roles.wit", carried!("../../wit/0.1/roles.wit")),
    ("types.wit", carried!("../../wit/0.1/types.wit")),
    ("worlds.wit", carried!("../../wit/0.1/worlds.wit")),
];

/// What is new in its next version.
const DRAFT: &[Text] = &[("scheduling.wit", carried!("../../wit/0.2-draft/scheduling.wit"))];

/// The SDK for Rust, which finds the contract two folders above its own.
const SDK: &[Text] = &[
    ("Cargo.toml", carried!("../../plugins/sdk/Cargo.toml")),
    ("src/allocator.rs", carried!("../../plugins/sdk/src/allocator.rs")),
    ("src/bindings.rs", carried!("../../plugins/sdk/src/bindings.rs")),
    ("src/clock.rs", carried!("../../plugins/sdk/src/clock.rs")),
    ("src/lib.rs", carried!("../../plugins/sdk/src/lib.rs")),
    ("src/log.rs", carried!("../../plugins/sdk/src/log.rs")),
    ("src/roles.rs", carried!("../../plugins/sdk/src/roles.rs")),
    ("src/settings.rs", carried!("../../plugins/sdk/src/settings.rs")),
    ("src/user_list.rs", carried!("../../plugins/sdk/src/user_list.rs")),
];

/// Where the contract is for tools that look for it below `wit`.
const DEPENDENCIES: [&str; 2] = ["wit/deps/mk8s-addon", "wit/deps/mk8s-addon-draft"];

const RUST: &[Text] = &[
    ("Cargo.toml", carried!("templates/rust/Cargo.toml.template")),
    ("README.md", carried!("templates/rust/README.md")),
    (".gitignore", carried!("templates/rust/gitignore")),
    ("vendor/Cargo.toml", carried!("templates/rust/vendor.toml.template")),
];

const PYTHON: &[Text] = &[
    ("README.md", carried!("templates/python/README.md")),
    ("requirements.txt", carried!("templates/python/requirements.txt")),
    (".gitignore", carried!("templates/python/gitignore")),
];

const JS: &[Text] = &[
    ("README.md", carried!("templates/js/README.md")),
    ("package.json", carried!("templates/js/package.json")),
    (".gitignore", carried!("templates/js/gitignore")),
];

#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error(
        "the name {0:?} is no name of an addon: lower-case letters, digits and dashes, a letter first, at most {LONGEST_NAME}"
    )]
    Name(String),
    #[error("{} is there already: choose another name, or another folder with --folder", .0.display())]
    Exists(PathBuf),
    #[error("write {}: {why}", .path.display())]
    Write { path: PathBuf, why: io::Error },
}

/// A project that builds as it is.
#[derive(Clone, Debug)]
pub struct Project {
    pub name: String,
    pub language: Language,
    pub kind: Kind,
}

impl Project {
    /// Writes the project into a folder that is not there yet.
    pub fn write(&self, folder: &Path) -> Result<(), ProjectError> {
        if !is_name(&self.name) {
            return Err(ProjectError::Name(self.name.clone()));
        }
        if folder.exists() {
            return Err(ProjectError::Exists(folder.to_owned()));
        }
        for (path, text) in self.files() {
            let path = folder.join(path);
            let parent = path.parent().unwrap_or(folder);
            let written = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
            written.map_err(|why| ProjectError::Write { path, why })?;
        }
        Ok(())
    }

    /// Paths and contents.
    fn files(&self) -> Vec<(String, String)> {
        let texts = self.kind.texts();
        let (own, source, [wit, draft]) = match self.language {
            Language::Rust => (RUST, ("src/lib.rs", texts.rust), ["wit/0.1", "wit/0.2-draft"]),
            Language::Python => (PYTHON, ("addon.py", texts.python), DEPENDENCIES),
            Language::JavaScript => (JS, ("addon.js", texts.js), DEPENDENCIES),
        };
        let mut files: Vec<_> = [source, ("addon.json", texts.metadata), ("case.json", texts.case)]
            .iter()
            .chain(own)
            .map(|(path, text)| ((*path).to_owned(), self.filled(text)))
            .collect();
        let below = |folder: &'static str| {
            move |(path, text): &Text| (format!("{folder}/{path}"), (*text).to_owned())
        };
        files.extend(WIT.iter().map(below(wit)));
        // The SDK has bindings of all of it; of another project only what speaks of the draft does.
        if self.language == Language::Rust || texts.metadata.contains("-draft") {
            files.extend(DRAFT.iter().map(below(draft)));
        }
        match self.language {
            Language::Rust => files.extend(SDK.iter().map(below("vendor/sdk"))),
            Language::Python | Language::JavaScript => {
                files.push(("wit/world.wit".to_owned(), texts.world.to_owned()));
            }
        }
        files
    }

    fn filled(&self, template: &str) -> String {
        let values = [
            ("{{name}}", self.name.clone()),
            ("{{module}}", self.name.replace('-', "_")),
            ("{{kind}}", self.kind.name().to_owned()),
            ("{{role}}", self.kind.role().name().to_owned()),
        ];
        values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn project(language: Language, kind: Kind) -> Project {
        Project { name: "my-addon".to_owned(), language, kind }
    }

    fn folder(path: &str) -> BTreeSet<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let entries = fs::read_dir(path).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_contract_and_the_sdk_are_carried_whole() {
        for (texts, version) in [(WIT, "0.1"), (DRAFT, "0.2-draft")] {
            let carried: BTreeSet<_> = texts.iter().map(|(path, _)| (*path).to_owned()).collect();
            assert_eq!(carried, folder(&format!("../../wit/{version}")));
        }
        let sources = SDK.iter().filter_map(|(path, _)| path.strip_prefix("src/"));
        let carried: BTreeSet<_> = sources.map(str::to_owned).collect();
        assert_eq!(carried, folder("../../plugins/sdk/src"));
    }

    #[test]
    fn no_placeholder_is_left() {
        for &language in Language::ALL {
            for &kind in Kind::ALL {
                for (path, text) in project(language, kind).files() {
                    let left = ["{{name}}", "{{module}}", "{{kind}}", "{{role}}"];
                    assert!(left.iter().all(|left| !text.contains(left)), "{path}: {text}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_overwritten_and_names_are_checked() {
        let folder = tempfile::tempdir().unwrap();
        let project = project(Language::Rust, Kind::Keeper);
        assert!(matches!(project.write(folder.path()), Err(ProjectError::Exists(_))));
        let project = Project { name: "My Addon".to_owned(), ..project };
        assert!(matches!(project.write(&folder.path().join("x")), Err(ProjectError::Name(_))));
        assert!(!folder.path().join("x").exists());
    }
}
