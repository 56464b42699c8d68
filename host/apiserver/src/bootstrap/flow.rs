//! The levels and schemas of flow control that every cluster has. Made at each start and once they are missed, kept up to
//! date as far as they let it, and taken away where this server has none of the name any more.

use std::time::Duration;

use objects::flow_control::{self, AUTO_UPDATE, Bootstrap, Standing};
use objects::resource::Verb;
use objects::status::{Reason, Status};
use objects::{Tree, meta};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::write;
use crate::call::{Call, Place};
use crate::rest::Rest;

const GROUP: &str = "flowcontrol.apiserver.k8s.io";
/// The resources of the kinds.
const KINDS: &[(&str, &str)] =
    &[("FlowSchema", "flowschemas"), ("PriorityLevelConfiguration", "prioritylevelconfigurations")];
/// How often it is looked whether they are there: upstream's.
const EVERY: Duration = Duration::from_secs(60);

pub(super) async fn ensure(rest: &Rest) -> Result<(), Status> {
    for Bootstrap { standing, tree } in flow_control::bootstrap() {
        ensure_one(rest, *standing, tree).await?;
    }
    for (kind, plural) in KINDS {
        let row = rest.registry().find(GROUP, "v1", plural).ok_or_else(Status::no_such_path)?;
        for object in rest.list_trees(&row).iter().filter(|tree| is_of_another_version(kind, tree)) {
            let place = Place { name: meta::name(object), ..Place::default() };
            match rest.answer(Call::own(row.clone(), Verb::Delete, place, &Tree::object())).await {
                Err(status) if !status.is(Reason::NotFound) => return Err(status),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Ensures it from time to time; runs until `stop`.
pub(crate) async fn follow(rest: Rest, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        if let Err(status) = ensure(&rest).await {
            warn!(%status, "cannot make what flow control is to have");
        }
    }
}

fn plural(tree: &Tree) -> &'static str {
    let row = KINDS.iter().find(|(kind, _)| tree.str_at(&["kind"]) == Some(kind));
    row.map_or("", |(_, plural)| plural)
}

/// Makes an object, or brings it up to date.
async fn ensure_one(rest: &Rest, standing: Standing, tree: &Tree) -> Result<(), Status> {
    let (name, plural) = (meta::name(tree), plural(tree));
    let row = rest.registry().find(GROUP, "v1", plural).ok_or_else(Status::no_such_path)?;
    let Some(old) = rest.get_tree(&row, "", name) else {
        return write(rest, Verb::Create, (GROUP, plural), "", tree.clone()).await;
    };
    // A mandatory one cannot be other than it is to be, but in what is the client's.
    let is_ours = standing == Standing::Suggested && updates_itself(&old);
    if !is_ours || old.get("spec") == tree.get("spec") {
        return Ok(());
    }
    let mut new = old;
    new.insert("spec", tree.get("spec").cloned());
    write(rest, Verb::Update, (GROUP, plural), name, new).await
}

fn updates_itself(tree: &Tree) -> bool {
    meta::annotation(tree, AUTO_UPDATE) == Some("true")
}

/// Whether a server made it, but not this one.
fn is_of_another_version(kind: &str, tree: &Tree) -> bool {
    let is = |row: &Bootstrap| {
        row.tree.str_at(&["kind"]) == Some(kind) && meta::name(&row.tree) == meta::name(tree)
    };
    updates_itself(tree) && !flow_control::bootstrap().iter().any(is)
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;
    use crate::rest::tests::fixture::Fixture;

    #[tokio::test]
    async fn what_is_missed_is_made_again_and_what_another_version_left_goes() {
        let fixture = Fixture::new().await;
        let rest = &fixture.rest;
        let row = rest.registry().find(GROUP, "v1", "flowschemas").unwrap();
        let names = || {
            let all = rest.list_trees(&row);
            all.iter().map(|tree| meta::name(tree).to_owned()).collect::<Vec<_>>()
        };
        ensure(rest).await.unwrap();
        let made = names();
        assert!(made.iter().any(|name| name == "catch-all"), "{made:?}");
        let gone = Place { name: "catch-all", ..Place::default() };
        rest.answer(Call::own(row.clone(), Verb::Delete, gone, &Tree::object())).await.unwrap();
        let spec = rest.get_tree(&row, "", "probes").unwrap().get("spec").cloned();
        for (name, flag) in [("of-older", "true"), ("of-user", "false")] {
            let mut schema = tree!({ "metadata": { "name": name }, "spec": (spec.clone()) });
            schema.set_at(&["metadata", "annotations", AUTO_UPDATE], Tree::from(flag));
            write(rest, Verb::Create, (GROUP, "flowschemas"), "", schema).await.unwrap();
        }
        ensure(rest).await.unwrap();
        let mut expected = made;
        expected.push("of-user".to_owned());
        expected.sort();
        let mut now = names();
        now.sort();
        assert_eq!(now, expected);
    }

    #[tokio::test]
    async fn a_suggestion_is_kept_up_to_date_as_long_as_it_lets_it() {
        let fixture = Fixture::new().await;
        let rest = &fixture.rest;
        ensure(rest).await.unwrap();
        let row = rest.registry().find(GROUP, "v1", "flowschemas").unwrap();
        let precedence =
            || rest.get_tree(&row, "", "probes").unwrap().i64_at(&["spec", "matchingPrecedence"]).unwrap();
        let suggested = precedence();
        for (flag, expected) in [("true", suggested), ("false", 77)] {
            let mut changed = rest.get_tree(&row, "", "probes").unwrap();
            changed.set_at(&["metadata", "annotations", AUTO_UPDATE], Tree::from(flag));
            changed.set_at(&["spec", "matchingPrecedence"], Tree::from(77));
            write(rest, Verb::Update, (GROUP, "flowschemas"), "probes", changed).await.unwrap();
            ensure(rest).await.unwrap();
            assert_eq!(precedence(), expected, "{flag}");
        }
    }
}
