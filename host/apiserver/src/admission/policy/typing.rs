//! Whether the expressions of validating policies fit the types of the objects that they are about: the policies' status
//! tells. No policy does anything else for it.

use std::collections::BTreeSet;

use cel::{SchemaRef, Type, schema as views};
use objects::resource::{GroupVersion, GroupVersionKind, Verb};
use objects::validate::Path;
use objects::{Tree, meta, schema, tree};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::GROUP;
use crate::admission::expression::{Declared, type_of};
use crate::call::{Call, Place};
use crate::registry::Registry;
use crate::rest::Rest;

const PLURAL: &str = "validatingadmissionpolicies";
/// For how many kinds of objects a policy is checked at most.
const MAX_KINDS: usize = 10;

/// Checks policies when they are written; runs until `stop`.
pub(crate) async fn follow(rest: Rest, stop: CancellationToken) {
    let follow = async {
        let Some(row) = rest.registry().find(GROUP, "v1", PLURAL) else { return };
        let Some(mut changed) = rest.view().changes(&row) else { return };
        if rest.synced().await.is_err() {
            return;
        }
        loop {
            changed.mark_unchanged();
            for policy in rest.list_trees(&row) {
                if let Some(judged) = judged(rest.registry(), policy) {
                    let place =
                        Place { name: meta::name(&judged), subresource: "status", ..Place::default() };
                    let call = Call::own(row.clone(), Verb::Update, place, &judged);
                    match rest.answer(call).await {
                        // Who changed it in between made news, after which it is checked again.
                        Err(status) if status.code != 409 && status.code != 404 => {
                            warn!(policy = meta::name(&judged), %status, "cannot tell what types the policy misses");
                        }
                        _ => {}
                    }
                }
            }
            if changed.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow => {}
    }
}

/// The policy with what is found of it; `None` where that was told of this generation already.
fn judged(registry: &Registry, mut policy: Tree) -> Option<Tree> {
    let generation = policy.i64_at(&["metadata", "generation"]).unwrap_or_default();
    let observed = policy.i64_at(&["status", "observedGeneration"]).unwrap_or_default();
    if generation <= observed {
        return None;
    }
    let found = warnings(registry, policy.get("spec").unwrap_or(&Tree::Null));
    let told = if found.is_empty() { tree!({}) } else { tree!({ "expressionWarnings": found }) };
    policy.set_at(&["status", "observedGeneration"], Tree::from(generation));
    policy.set_at(&["status", "typeChecking"], told);
    Some(policy)
}

/// What the checker has to say of each expression: a paragraph for each kind of objects that it does not fit.
fn warnings(registry: &Registry, spec: &Tree) -> Vec<Tree> {
    let kinds = kinds(registry, spec);
    let params = params(registry, spec);
    let check = |text: &str| -> Vec<String> {
        let of_kind = |(of, object): &(GroupVersionKind, SchemaRef)| {
            let why = check(spec, text, object, params.as_ref())?;
            Some(format!("{of}: {why}\n"))
        };
        kinds.iter().filter_map(of_kind).collect()
    };
    let mut warnings = Vec::new();
    let path = Path::new("spec").child("validations");
    for (index, validation) in spec.items_at(&["validations"]).iter().enumerate() {
        for field in ["expression", "messageExpression"] {
            let text = validation.str_at(&[field]).unwrap_or_default();
            let found = if text.is_empty() { Vec::new() } else { check(text) };
            if !found.is_empty() {
                let place = path.index(index).child(field).to_string();
                warnings.push(tree!({ "fieldRef": place, "warning": (found.join("\n")) }));
            }
        }
    }
    warnings
}

/// Why an expression of a policy does not fit. Variables that do not fit are anything.
fn check(spec: &Tree, text: &str, object: &SchemaRef, params: Option<&SchemaRef>) -> Option<String> {
    let mut declared: Vec<Declared> = Vec::new();
    for variable in spec.items_at(&["variables"]) {
        let part = |field| variable.str_at(&[field]).unwrap_or_default();
        let of = type_of(part("expression"), object, params, &declared);
        declared.push((part("name").to_owned(), of.unwrap_or(Type::Dyn)));
    }
    type_of(text, object, params, &declared).err()
}

/// The kinds that a policy names outright, with their types. What has an asterisk is passed over.
fn kinds(registry: &Registry, spec: &Tree) -> Vec<(GroupVersionKind, SchemaRef)> {
    let mut found = BTreeSet::new();
    for rule in spec.items_at(&["matchConstraints", "resourceRules"]) {
        let named = |field: &str| rule.items_at(&[field]).iter().filter_map(Tree::as_str).collect::<Vec<_>>();
        let (groups, versions) = (named("apiGroups"), named("apiVersions"));
        if [&groups, &versions].iter().any(|names| names.iter().any(|name| name.contains('*'))) {
            continue;
        }
        for plural in named("resources").into_iter().filter(|name| !name.contains(['*', '/'])) {
            let of = groups.iter().flat_map(|group| versions.iter().map(move |version| (group, version)));
            let rows = of.filter_map(|(group, version)| registry.find(group, version, plural));
            found.extend(rows.map(|row| row.gvk()));
        }
    }
    let view = |kind: GroupVersionKind| view(registry, &kind).map(|view| (kind, view));
    found.into_iter().take(MAX_KINDS).filter_map(view).collect()
}

fn params(registry: &Registry, spec: &Tree) -> Option<SchemaRef> {
    let part = |field| spec.str_at(&["paramKind", field]);
    let GroupVersion { group, version } = GroupVersion::parse(part("apiVersion")?)?;
    view(registry, &GroupVersionKind::new(group, version, part("kind")?.to_owned()))
}

/// The type of the objects of a kind.
fn view(registry: &Registry, of: &GroupVersionKind) -> Option<SchemaRef> {
    if let Some(builtin) = schema::by_gvk(&of.group, &of.version, &of.kind) {
        return Some(views::builtin(builtin));
    }
    let rows = registry.rows();
    let definition = rows.iter().find(|row| row.gvk() == *of)?.definition()?;
    let mut versions = definition.items_at(&["spec", "versions"]).iter();
    let version = versions.find(|version| version.str_at(&["name"]) == Some(&*of.version))?;
    views::structural(version.at(&["schema", "openAPIV3Schema"])?, true)
}
