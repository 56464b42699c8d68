//! A released contract never changes, and the next one takes what was built against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
use sha2::{Digest, Sha256};
use wit_parser::{Package, PackageId, Resolve};

/// The folders that were released, each with the digest of its files. A line comes with the release, and stays.
const RELEASED: &[(&str, &str)] =
    &[("0.1", "832683898575951e63233a9cff935fc1783d84c565d58f9bcb525539a7641d08")];
const DRAFT: &str = "-draft";

pub(crate) fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// The contract, version by version, each beside those before it.
pub(crate) fn contract() -> (Resolve, Vec<(String, PackageId)>) {
    let mut resolve = Resolve::default();
    let mut read = |version: String| {
        let (package, _) = resolve.push_dir(wit().join(&version)).expect("the contract is WIT");
        (version, package)
    };
    let packages = versions().into_iter().map(&mut read).collect();
    (resolve, packages)
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
fn what_was_built_against_a_version_is_taken_by_every_later_one() {
    let (resolve, versions) = contract();
    let packages: Vec<_> = versions.iter().map(|(_, package)| &resolve.packages[*package]).collect();
    assert_eq!(repeated(&packages), [""; 0]);
}

/// What a version has that an earlier one has too. Each interface and each world is of the version in which it was
/// released, for ever: a later version says what is new, and refers to the rest.
fn repeated(packages: &[&Package]) -> Vec<String> {
    let mut seen: BTreeMap<&str, &Package> = BTreeMap::new();
    let mut told = Vec::new();
    for package in packages {
        for name in package.interfaces.keys().chain(package.worlds.keys()) {
            if let Some(earlier) = seen.insert(name, package) {
                told.push(format!("{name} of {} is in {} already", package.name, earlier.name));
            }
        }
    }
    told
}

#[test]
fn a_version_that_says_something_anew_is_told() {
    let mut resolve = Resolve::default();
    let read = |text: &str| resolve.push_str("contract.wit", text).expect("the text is WIT");
    let versions = [
        "package mk8s:addon@0.1.0;
         interface types { variant error { other(string) } }
         interface log { write: func(line: string); }
         interface judge { use types.{error}; ask: func() -> result<bool, error>; }
         world base { import log; }
         world judge-addon { include base; export judge; }",
        "package mk8s:addon@0.2.0;
         interface scheduling { use mk8s:addon/types@0.1.0.{error}; pick: func() -> result<string, error>; }
         world scheduling-addon { include mk8s:addon/base@0.1.0; export scheduling; }",
        "package mk8s:addon@0.3.0-draft;
         interface judge { ask: func() -> bool; }
         world base { import mk8s:addon/log@0.1.0; }",
    ];
    let ids = versions.map(read);
    let [first, second, third] = ids.map(|id| &resolve.packages[id]);
    assert_eq!(repeated(&[first, second]), [""; 0]);
    expect![[r#"
        judge of mk8s:addon@0.3.0-draft is in mk8s:addon@0.1.0 already
        base of mk8s:addon@0.3.0-draft is in mk8s:addon@0.1.0 already"#]]
    .assert_eq(&repeated(&[first, second, third]).join("\n"));
}
