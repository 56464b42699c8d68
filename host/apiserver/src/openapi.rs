//! OpenAPI of what is served: version 2 as one document, version 3 as a document for each group version and an index
//! of them, from the rows of the registry and the schema table.

mod description;
mod gnostic;
mod operation;
mod parameter;
mod render;
mod schema;

use std::sync::Arc;

use objects::resource::{GroupVersion, Resource};
use objects::tree::Object;
use objects::{Tree, tree};

pub(crate) use gnostic::encode as gnostic;

use self::operation::{Path, paths};
use self::schema::schemas;
use crate::discovery;
use crate::registry::Served;

/// The version of Kubernetes whose API this is.
const RELEASE: &str = "v1.36";

/// The versions of OpenAPI differ in how they refer to a schema and in what a schema can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Version2,
    Version3,
}

/// `/openapi/v2`: all in one document.
pub(crate) fn version_2(rows: &[Arc<Served>]) -> Tree {
    let dialect = Dialect::Version2;
    let paths: Vec<Path> = group_versions(rows).iter().flat_map(|of| paths(of, rows_of(rows, of))).collect();
    tree!({
        "swagger": "2.0",
        "info": { "title": "Kubernetes", "version": RELEASE },
        "paths": (rendered(&paths, dialect)),
        "definitions": (schemas(paths.iter().flat_map(Path::types), dialect)),
        "securityDefinitions": { "BearerToken": (bearer_token()) },
        "security": [{ "BearerToken": [] }]
    })
}

/// `/openapi/v3/apis/GROUP/VERSION`: a group version, whole in itself; `None` where there is no such one.
pub(crate) fn version_3(rows: &[Arc<Served>], of: &GroupVersion) -> Option<Tree> {
    let dialect = Dialect::Version3;
    rows_of(rows, of).next()?;
    let paths = paths(of, rows_of(rows, of));
    Some(tree!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "unversioned" },
        "paths": (rendered(&paths, dialect)),
        "components": {
            "schemas": (schemas(paths.iter().flat_map(Path::types), dialect)),
            "securitySchemes": { "BearerToken": (bearer_token()) }
        }
    }))
}

/// `/openapi/v3`: the address of each document, with the hash of its content.
pub(crate) fn index(rows: &[Arc<Served>], hash: impl Fn(&GroupVersion) -> Option<String>) -> Tree {
    let entries = group_versions(rows).into_iter().filter_map(|of| {
        let path = root(&of);
        let address = format!("/openapi/v3/{path}?hash={}", hash(&of)?);
        Some((path.into(), tree!({ "serverRelativeURL": address })))
    });
    tree!({ "paths": (entries.collect::<Object>()) })
}

fn rendered(paths: &[Path], dialect: Dialect) -> Object {
    paths.iter().map(|path| (path.path.as_str().into(), path.to_tree(dialect))).collect()
}

fn bearer_token() -> Tree {
    tree!({ "type": "apiKey", "name": "authorization", "in": "header" })
}

fn group_versions(rows: &[Arc<Served>]) -> Vec<GroupVersion> {
    let mut found = Vec::new();
    for group in discovery::groups(rows) {
        let of = |version: &str| GroupVersion::new(group.name.to_owned(), version.to_owned());
        found.extend(group.versions.iter().map(|version| of(version.name)));
    }
    found
}

fn rows_of<'a>(rows: &'a [Arc<Served>], of: &GroupVersion) -> impl Iterator<Item = &'a Resource> {
    rows.iter().map(|row| &***row).filter(|row| row.group == of.group && row.version == of.version)
}

/// `api/v1`, `apis/apps/v1`: the path of a group version, without its first slash.
fn root(of: &GroupVersion) -> String {
    if of.group.is_empty() { format!("api/{of}") } else { format!("apis/{of}") }
}

#[cfg(test)]
mod tests;
