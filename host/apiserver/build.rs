//! Gathers what the types of Kubernetes and their fields are for: from the documentation of k8s-openapi, a dependency
//! anyway, whose sources Cargo has at hand. They are deflated records of a key (a type, or a type and a field) and its
//! description, for `openapi::description`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use cargo_metadata::MetadataCommand;

/// The release of the workspace's feature of k8s-openapi.
const RELEASE: &str = "v1_36";
const END_OF_KEY: char = '\u{1f}';
const END_OF_RECORD: char = '\u{1e}';
const LEVEL: u8 = 9;

type Records = BTreeMap<String, String>;

#[allow(clippy::disallowed_methods, reason = "a build script's inputs are its environment")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    let var = |name: &str| env::var(name).expect("cargo sets it for build scripts");
    let mut records = Records::new();
    gather(&sources(&var("TARGET")), &mut records);
    assert!(!records.is_empty(), "k8s-openapi has no documentation where it is looked for");
    let record = |(key, description)| format!("{key}{END_OF_KEY}{description}{END_OF_RECORD}");
    let text: String = records.into_iter().map(record).collect();
    let deflated = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), LEVEL);
    fs::write(PathBuf::from(var("OUT_DIR")).join("descriptions"), deflated).expect("OUT_DIR can be written");
}

fn sources(target: &str) -> PathBuf {
    let options = ["--frozen", "--filter-platform", target].map(str::to_owned);
    let metadata = MetadataCommand::new().other_options(options).exec().expect("cargo tells of its packages");
    let mut packages = metadata.packages.iter();
    let package = packages.find(|package| package.name.as_str() == "k8s-openapi");
    let manifest = &package.expect("apiserver depends on k8s-openapi").manifest_path;
    manifest.parent().expect("a manifest is in a directory").join("src").join(RELEASE).into()
}

fn gather(directory: &Path, records: &mut Records) {
    for entry in fs::read_dir(directory).expect("the sources can be listed") {
        let path = entry.expect("the sources can be listed").path();
        if path.is_dir() {
            gather(&path, records);
        } else {
            read(&fs::read_to_string(&path).expect("the sources can be read"), records);
        }
    }
}

/// Reads a file, which is of one definition: `// Generated from definition …`, the documented type with documented
/// fields, and later a match from the fields' names in JSON to their names in Rust.
fn read(source: &str, records: &mut Records) {
    let Some(definition) = source.lines().find_map(|line| line.strip_prefix("// Generated from definition "))
    else {
        return;
    };
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    let mut description = String::new();
    for line in source.lines() {
        if let Some(text) = line.trim_start().strip_prefix("///") {
            description.push_str(text.strip_prefix(' ').unwrap_or(text));
            description.push('\n');
            continue;
        }
        let description = match line.trim_start().starts_with("#[") {
            true => continue,
            false => plain(&std::mem::take(&mut description)),
        };
        if let Some((json, rust)) = line.trim().split_once(" => Field::Key_") {
            if let Some(description) = fields.remove(rust.trim_end_matches(',')) {
                records.insert(format!("{definition} {}", json.trim_matches('"')), description);
            }
        } else if description.is_empty() {
            continue;
        } else if let Some((field, _)) = line.strip_prefix("    pub ").and_then(|line| line.split_once(':')) {
            fields.insert(field, description);
        } else if line.starts_with("pub ") {
            records.entry(definition.to_owned()).or_insert(description);
        }
    }
}

/// A documentation comment without what rustdoc's Markdown escapes.
fn plain(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len());
    let mut letters = comment.trim_end().chars().peekable();
    while let Some(letter) = letters.next() {
        match letters.peek() {
            Some('<' | '>' | '[' | ']' | '\\') if letter == '\\' => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    text
}
