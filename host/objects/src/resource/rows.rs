//! Reads `data/resources.txt`.
//!
//! A row is `+|- apiVersion plural singular Kind namespaced|cluster verbs [word=value …]`, `+` where this
//! release serves it and `*` for all verbs; the words are `store=` (or `virtual`), `expires`, `short=`, `categories=` and
//! `fields=` with `name[@path][~absent]`. The indented lines below it are its sub-resources:
//! `[-] name apiVersion Kind verbs`, `-` where this release does not serve it.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Resource, Scope, SelectableField, Storage, Subresource, Text, Verb, Verbs};

const ROWS: &str = include_str!("../../data/resources.txt");

pub(super) fn read() -> Vec<Arc<Resource>> {
    let mut rows: Vec<Resource> = Vec::new();
    for line in ROWS.lines() {
        let words: Vec<&'static str> = line.split_ascii_whitespace().collect();
        if line.starts_with(' ') {
            if let (Some(subresource), Some(row)) = (subresource(&words), rows.last_mut()) {
                row.subresources.push(subresource);
            }
        } else if let Some(row) = resource(&words) {
            rows.push(row);
        }
    }
    rows.into_iter().map(Arc::new).collect()
}

fn resource(words: &[&'static str]) -> Option<Resource> {
    let [mark, api_version, plural, singular, kind, scope, verbs, rest @ ..] = words else { return None };
    let (group, version) = split(api_version);
    let word = |name: &str| {
        rest.iter()
            .filter_map(|word| word.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    };
    let list = |name| word(name).into_iter().flat_map(|value| value.split(','));
    Some(Resource {
        group: Cow::Borrowed(group),
        version: Cow::Borrowed(version),
        plural: Cow::Borrowed(plural),
        singular: Cow::Borrowed(singular),
        kind: Cow::Borrowed(kind),
        list_kind: Cow::Owned(format!("{kind}List")),
        short_names: list("short").map(Cow::Borrowed).collect(),
        categories: list("categories").map(Cow::Borrowed).collect(),
        scope: if *scope == "namespaced" { Scope::Namespaced } else { Scope::Cluster },
        verbs: parse_verbs(verbs),
        storage: match word("store") {
            Some(prefix) => Storage::Stored { prefix: Cow::Borrowed(prefix) },
            None => Storage::Virtual,
        },
        expires: rest.contains(&"expires"),
        selectable: list("fields").map(selectable).collect(),
        subresources: Vec::new(),
        served: *mark == "+",
    })
}

fn subresource(words: &[&'static str]) -> Option<Subresource> {
    let (served, words) = match words {
        ["-", words @ ..] => (false, words),
        words => (true, words),
    };
    let [name, api_version, kind, verbs] = words else { return None };
    let (group, version) = split(api_version);
    Some(Subresource {
        name: Cow::Borrowed(name),
        group: Cow::Borrowed(group),
        version: Cow::Borrowed(version),
        kind: Cow::Borrowed(kind),
        verbs: parse_verbs(verbs),
        served,
    })
}

fn split(api_version: &'static str) -> (&'static str, &'static str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

fn parse_verbs(text: &str) -> Verbs {
    if text == "*" { Verbs::ALL } else { text.split(',').filter_map(Verb::parse).collect() }
}

fn selectable(text: &'static str) -> SelectableField {
    let (text, absent) = text.split_once('~').unwrap_or((text, ""));
    let (name, path) = text.split_once('@').unwrap_or((text, text));
    SelectableField {
        name: Text::Borrowed(name),
        path: path.split('.').map(Cow::Borrowed).collect(),
        absent: Cow::Borrowed(absent),
    }
}
