//! Parameters: the objects that a binding gives a policy.

use std::sync::Arc;

use objects::resource::{GroupVersion, GroupVersionKind};
use objects::selector::label::LabelSelector;
use objects::{Tree, meta};

use super::Write;
use crate::registry::Served;

/// The kind of the parameters of a policy.
pub(super) struct ParamKind {
    api_version: String,
    kind: String,
}

/// Which of the objects of the kind are parameters.
pub(super) struct ParamRef {
    name: String,
    namespace: String,
    /// `None` where a name is given, or a selector that cannot be read.
    selector: Option<LabelSelector>,
    is_required: bool,
}

impl ParamKind {
    pub(super) fn read(tree: &Tree) -> Self {
        let text = |name: &str| tree.str_at(&[name]).unwrap_or_default().to_owned();
        Self { api_version: text("apiVersion"), kind: text("kind") }
    }

    /// The resource of the kind; an error says that there is none.
    pub(super) fn resolve(&self, write: &Write<'_>) -> Result<Arc<Served>, String> {
        let gvk: Option<GroupVersionKind> =
            GroupVersion::parse(&self.api_version).map(|version| version.kind(self.kind.clone()));
        let rows = write.rest.registry().rows();
        let is = |row: &&Arc<Served>| gvk.as_ref().is_some_and(|gvk| row.gvk() == *gvk && !row.is_virtual());
        rows.iter().find(is).cloned().ok_or_else(|| {
            let Self { api_version, kind } = self;
            format!("failed to find resource referenced by paramKind: '{api_version}, Kind={kind}'")
        })
    }
}

impl ParamRef {
    pub(super) fn read(tree: &Tree) -> Self {
        let text = |name: &str| tree.str_at(&[name]).unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            namespace: text("namespace"),
            selector: tree.get("selector").and_then(|tree| LabelSelector::from_object(tree).ok()),
            is_required: tree.str_at(&["parameterNotFoundAction"]) == Some("Deny"),
        }
    }
}

/// The parameters that a binding gives; a policy without them judges once, without.
pub(super) async fn collect(
    write: &Write<'_>,
    kind: Option<&Served>,
    wanted: Option<&ParamRef>,
) -> Result<Vec<Option<Tree>>, String> {
    let (Some(kind), Some(wanted)) = (kind, wanted) else { return Ok(vec![None]) };
    let namespace = match (kind.is_namespaced(), wanted.namespace.as_str()) {
        (true, "") if write.call.namespace.is_empty() => {
            return Err(
                "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
                    .to_owned(),
            );
        }
        (true, "") => write.call.namespace.as_str(),
        (false, "") => "",
        (true, namespace) => namespace,
        (false, _) => {
            return Err("paramRef.namespace must not be provided for a cluster-scoped `paramKind`".to_owned());
        }
    };
    let mut found = match &wanted.selector {
        _ if !wanted.name.is_empty() => named(write, kind, namespace, &wanted.name).await?,
        Some(selector) => {
            let all = write.rest.view().list(kind, namespace, |_| true);
            all.into_iter().filter(|tree| selector.matches_object(tree)).collect()
        }
        None => return Err("one of name or selector must be provided".to_owned()),
    };
    if found.is_empty() && wanted.is_required {
        return Err("no params found for policy binding with `Deny` parameterNotFoundAction".to_owned());
    }
    found.iter_mut().for_each(|tree| meta::set_gvk(tree, &kind.gvk()));
    Ok(found.into_iter().map(Some).collect())
}

/// The parameter of a name; one that the cache has not seen yet is looked for in the store.
async fn named(write: &Write<'_>, kind: &Served, namespace: &str, name: &str) -> Result<Vec<Tree>, String> {
    if let Some(tree) = write.rest.get_tree(kind, namespace, name) {
        return Ok(vec![tree]);
    }
    let stored = write.rest.stored(kind, namespace, name).await.map_err(|status| status.message)?;
    Ok(stored.into_iter().collect())
}
