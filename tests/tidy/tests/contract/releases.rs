//! A released contract never changes, and the next one takes what was built against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use sha2::{Digest, Sha256};
use wit_parser::{Interface, Package, Resolve, Type, TypeDef, TypeDefKind, TypeOwner, World, WorldKey};

use crate::words::{anonymous, signature, text};

/// The folders that were released, each with the digest of its files. A line comes with the release, and stays.
const RELEASED: &[(&str, &str)] = &[];
const DRAFT: &str = "-draft";

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// Every version of the contract, the oldest first.
fn versions() -> Vec<String> {
    let entries = fs::read_dir(wit()).expect("the contract is there").map(|entry| entry.expect("a folder"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut versions: Vec<_> =
        folders.map(|folder| folder.file_name().into_string().expect("a version is a text")).collect();
    // A draft is on the way to the version of its name.
    versions.sort_by_key(|version| {
        let number = version.strip_suffix(DRAFT).unwrap_or(version);
        let parts: Vec<u32> =
            number.split('.').map(|part| part.parse().expect("a version has numbers")).collect();
        (parts, !version.ends_with(DRAFT))
    });
    versions
}

fn digest(folder: &Path) -> String {
    let files: BTreeMap<_, _> = fs::read_dir(folder)
        .expect("a version is a folder")
        .map(|entry| entry.expect("a file").path())
        .map(|path| (path.file_name().map(ToOwned::to_owned), fs::read(&path).expect("a file can be read")))
        .collect();
    let mut digest = Sha256::new();
    for (name, content) in files {
        digest.update(name.unwrap_or_default().as_encoded_bytes());
        digest.update([0]);
        digest.update(Sha256::digest(content));
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_was_released_is_as_it_was() {
    let found: Vec<_> = versions()
        .into_iter()
        .filter(|version| !version.ends_with(DRAFT))
        .map(|version| (digest(&wit().join(&version)), version))
        .collect();
    let found: Vec<_> = found.iter().map(|(digest, version)| (version.as_str(), digest.as_str())).collect();
    assert_eq!(found, RELEASED, "a change of the contract is a folder of its own");
}

#[test]
fn a_digest_tells_any_change_of_a_folder() {
    let folder = tempfile::tempdir().expect("there is room");
    let write =
        |name: &str, content: &str| fs::write(folder.path().join(name), content).expect("there is room");
    let mut seen = BTreeSet::new();
    write("a.wit", "1");
    assert!(seen.insert(digest(folder.path())));
    write("a.wit", "2");
    assert!(seen.insert(digest(folder.path())));
    write("b.wit", "");
    assert!(seen.insert(digest(folder.path())));
    write("a.wit", "1");
    fs::remove_file(folder.path().join("b.wit")).expect("it is there");
    assert!(!seen.insert(digest(folder.path())));
}

#[test]
fn each_version_takes_what_was_built_against_the_one_before() {
    let read = |version: &String| {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(wit().join(version)).expect("the contract is WIT");
        (resolve.packages[package].clone(), resolve)
    };
    for pair in versions().windows(2) {
        let (old, new) = (read(&pair[0]), read(&pair[1]));
        let told = breaks(Version(&old.0, &old.1), Version(&new.0, &new.1));
        assert!(told.is_empty(), "from {} to {}:\n{}", pair[0], pair[1], told.join("\n"));
    }
}

#[derive(Clone, Copy)]
struct Version<'a>(&'a Package, &'a Resolve);

impl<'a> Version<'a> {
    fn interface(self, name: &str) -> Option<&'a Interface> {
        self.0.interfaces.get(name).map(|id| &self.1.interfaces[*id])
    }

    /// What can be named in an interface: functions and types.
    fn items(self, interface: &Interface) -> BTreeMap<String, String> {
        let functions =
            interface.functions.iter().map(|(name, function)| (name.clone(), signature(self.1, function)));
        let types =
            interface.types.iter().map(|(name, id)| (name.clone(), definition(self.1, &self.1.types[*id])));
        functions.chain(types).collect()
    }

    /// Names of what a world imports, and of what it exports.
    fn world(self, world: &World) -> (BTreeSet<String>, BTreeSet<String>) {
        let name = |key: &WorldKey| match key {
            WorldKey::Name(name) => name.clone(),
            WorldKey::Interface(id) => self.1.interfaces[*id].name.clone().unwrap_or_default(),
        };
        (world.imports.keys().map(name).collect(), world.exports.keys().map(name).collect())
    }

    /// Whether addons are asked by it.
    fn is_exported(self, name: &str) -> bool {
        let mut worlds = self.0.worlds.values().map(|id| self.world(&self.1.worlds[*id]));
        worlds.any(|(_, exports)| exports.contains(name))
    }
}

/// A type without its documentation.
fn definition(resolve: &Resolve, definition: &TypeDef) -> String {
    let listed = |rows: Vec<String>| format!("{} {{ {} }}", definition.kind.as_str(), rows.join(", "));
    match &definition.kind {
        TypeDefKind::Record(record) => listed(
            record
                .fields
                .iter()
                .map(|field| format!("{}: {}", field.name, text(resolve, &field.ty)))
                .collect(),
        ),
        TypeDefKind::Variant(variant) => listed(
            variant
                .cases
                .iter()
                .map(|case| match &case.ty {
                    Some(of) => format!("{}({})", case.name, text(resolve, of)),
                    None => case.name.clone(),
                })
                .collect(),
        ),
        TypeDefKind::Enum(cases) => listed(cases.cases.iter().map(|case| case.name.clone()).collect()),
        TypeDefKind::Flags(flags) => listed(flags.flags.iter().map(|flag| flag.name.clone()).collect()),
        TypeDefKind::Type(Type::Id(of)) => {
            let of = &resolve.types[*of];
            let owner = match of.owner {
                TypeOwner::Interface(id) => resolve.interfaces[id].name.as_deref(),
                _ => None,
            };
            format!("{}.{}", owner.unwrap_or_default(), of.name.as_deref().unwrap_or_default())
        }
        TypeDefKind::Type(of) => text(resolve, of),
        other => anonymous(resolve, other),
    }
}

/// What of the old one does not go on with the new one.
fn breaks(old: Version<'_>, new: Version<'_>) -> Vec<String> {
    let mut told = Vec::new();
    for name in old.0.interfaces.keys() {
        let (Some(before), Some(now)) = (old.interface(name), new.interface(name)) else {
            told.push(format!("{name} is gone"));
            continue;
        };
        let (before, items) = (old.items(before), new.items(now));
        for (item, was) in &before {
            match items.get(item) {
                None => told.push(format!("{name}.{item} is gone")),
                Some(is) if is != was => told.push(format!("{name}.{item} was {was} and is {is}")),
                Some(_) => {}
            }
        }
        if new.is_exported(name) {
            let added = now.functions.keys().filter(|function| !before.contains_key(*function));
            told.extend(
                added.map(|function| format!("{name}.{function} is asked of addons that do not have it")),
            );
        }
    }
    for (name, id) in &old.0.worlds {
        let Some(now) = new.0.worlds.get(name) else {
            told.push(format!("the world {name} is gone"));
            continue;
        };
        let ((imports, exports), (more, others)) =
            (old.world(&old.1.worlds[*id]), new.world(&new.1.worlds[*now]));
        if !imports.is_subset(&more) || exports != others {
            told.push(format!("the world {name} is another one"));
        }
    }
    told
}

fn check(new: &str, expected: Expect) {
    const OLD: &str = "
        interface types { record user { name: string } variant error { other(string) } }
        interface log { write: func(line: string); }
        interface judge { use types.{user, error}; ask: func(user: user) -> result<bool, error>; }
        world addon { import log; export judge; }
    ";
    let read = |text: &str| {
        let mut resolve = Resolve::default();
        let text = format!("package mk8s:addon@0.1.0;\n{text}");
        let package = resolve.push_str("contract.wit", &text).expect("the text is WIT");
        (resolve.packages[package].clone(), resolve)
    };
    let (old, new) = (read(OLD), read(new));
    expected.assert_eq(&breaks(Version(&old.0, &old.1), Version(&new.0, &new.1)).join("\n"));
}

#[test]
fn a_contract_that_only_grows_breaks_nobody() {
    check(
        "
        interface types { record user { name: string } variant error { other(string) } record more { a: u8 } }
        interface log { write: func(line: string); flush: func(); }
        interface judge { use types.{user, error}; ask: func(user: user) -> result<bool, error>; }
        interface judge-again { ask: func() -> bool; }
        world addon { import log; import types; export judge; }
        world another { export judge-again; }
        ",
        expect![""],
    );
}

#[test]
fn each_break_is_told() {
    check(
        "
        interface types { record user { name: string, uid: string } variant error { other(string), denied } }
        interface judge { use types.{user}; ask: func(user: user) -> bool; more: func(); }
        world addon { export judge; export types; }
        ",
        expect![[r#"
            types.error was variant { other(string) } and is variant { other(string), denied }
            types.user was record { name: string } and is record { name: string, uid: string }
            log is gone
            judge.ask was (user: `user`) → bool, or `error` and is (user: `user`) → bool
            judge.error is gone
            judge.more is asked of addons that do not have it
            the world addon is another one"#]],
    );
}
