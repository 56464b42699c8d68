//! OpenAPI of what is served: version 2 as one document, version 3 as a document for each group version and an index
//! of them, from the rows of the registry and the schema table.

mod description;
mod gnostic;
mod merge;
mod model;
mod operation;
mod parameter;
mod render;
mod schema;

use std::sync::Arc;

use objects::resource::GroupVersion;
use objects::tree::Object;
use objects::{Tree, tree};

pub(crate) use gnostic::encode as gnostic;
pub(crate) use merge::cut;

use self::description::Descriptions;
use self::model::Subject;
use self::operation::{Path, paths};
use self::schema::schemas;
use crate::discovery::{self, Offer};
use crate::registry::Served;

/// The version of Kubernetes whose API this is.
const RELEASE: &str = "v1.36";

/// The versions of OpenAPI differ in how they refer to a schema and in what a schema can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Version2,
    Version3,
}

/// `/openapi/v2`: all in one document, what other servers tell too.
pub(crate) fn version_2(offer: Offer<'_>) -> Tree {
    let mut document = version_2_of(offer.rows);
    for other in offer.neighbours.iter().filter_map(|neighbour| neighbour.told.openapi_2.as_ref()) {
        merge::merge(&mut document, other);
    }
    document
}

fn version_2_of(rows: &[Arc<Served>]) -> Tree {
    let dialect = Dialect::Version2;
    let descriptions = Descriptions::read();
    let subjects = subjects(rows.iter(), dialect, &descriptions);
    let paths: Vec<Path<'_>> = group_versions(rows).iter().flat_map(|of| paths(of, &subjects)).collect();
    tree!({
        "swagger": "2.0",
        "info": { "title": "Kubernetes", "version": RELEASE },
        "paths": (rendered(&paths, dialect)),
        "definitions": (schemas(paths.iter().flat_map(Path::models), dialect, &descriptions)),
        "securityDefinitions": { "BearerToken": (bearer_token()) },
        "security": [{ "BearerToken": [] }]
    })
}

/// `/openapi/v3/apis/GROUP/VERSION`: a group version, whole in itself; `None` where there is no such one.
pub(crate) fn version_3(rows: &[Arc<Served>], of: &GroupVersion) -> Option<Tree> {
    let dialect = Dialect::Version3;
    rows_of(rows, of).next()?;
    let descriptions = Descriptions::read();
    let subjects = subjects(rows_of(rows, of), dialect, &descriptions);
    let paths = paths(of, &subjects);
    Some(tree!({
        "openapi": "3.0.0",
        "info": { "title": "Kubernetes", "version": "unversioned" },
        "paths": (rendered(&paths, dialect)),
        "components": {
            "schemas": (schemas(paths.iter().flat_map(Path::models), dialect, &descriptions)),
            "securitySchemes": { "BearerToken": (bearer_token()) }
        }
    }))
}

/// `/openapi/v3`: the address of each document, with the hash of its content. Those of other servers are where these
/// say.
pub(crate) fn index(offer: Offer<'_>, hash: impl Fn(&GroupVersion) -> Option<String>) -> Tree {
    let here = group_versions(offer.rows).into_iter().filter_map(|of| {
        let address = format!("/openapi/v3/{}?hash={}", root(&of), hash(&of)?);
        Some((of, address))
    });
    let elsewhere = offer.neighbours.iter().filter_map(|neighbour| {
        let of = GroupVersion::new(neighbour.group.clone(), neighbour.version.clone());
        Some((of, neighbour.told.openapi.clone()?))
    });
    let entry =
        |(of, address): (GroupVersion, String)| (root(&of).into(), tree!({ "serverRelativeURL": address }));
    tree!({ "paths": (here.chain(elsewhere).map(entry).collect::<Object>()) })
}

fn rendered(paths: &[Path<'_>], dialect: Dialect) -> Object {
    paths.iter().map(|path| (path.path.as_str().into(), path.to_tree(dialect))).collect()
}

fn bearer_token() -> Tree {
    tree!({ "type": "apiKey", "name": "authorization", "in": "header" })
}

fn group_versions(rows: &[Arc<Served>]) -> Vec<GroupVersion> {
    let mut found = Vec::new();
    for group in discovery::groups(Offer { rows, neighbours: &[] }) {
        let of = |version: &str| GroupVersion::new(group.name.to_owned(), version.to_owned());
        found.extend(group.versions.iter().map(|version| of(version.name)));
    }
    found
}

fn rows_of<'a>(rows: &'a [Arc<Served>], of: &GroupVersion) -> impl Iterator<Item = &'a Arc<Served>> {
    rows.iter().filter(|row| row.group == of.group && row.version == of.version)
}

fn subjects<'a>(
    rows: impl Iterator<Item = &'a Arc<Served>>,
    dialect: Dialect,
    descriptions: &Descriptions,
) -> Vec<Subject<'a>> {
    rows.map(|row| Subject::of(row, dialect, descriptions)).collect()
}

/// `api/v1`, `apis/apps/v1`: the path of a group version, without its first slash.
fn root(of: &GroupVersion) -> String {
    if of.group.is_empty() { format!("api/{of}") } else { format!("apis/{of}") }
}

#[cfg(test)]
mod tests;
