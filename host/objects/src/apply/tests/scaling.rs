//! Owners of replicas, through the Scale of an object.

use expect_test::expect;

use super::super::{Builtin, ReplicasPaths, Write, managers_from_scale, managers_to_scale, update};
use super::{Subject, owners, parse};
use crate::resource::GroupVersionKind;
use crate::schema::by_gvk;
use crate::tree::Tree;

const PATHS: ReplicasPaths<'_> = &[("apps/v1", &["spec", "replicas"])];

fn scale(replicas: i64) -> Tree {
    let mut scale =
        parse(r#"{"apiVersion":"autoscaling/v1","kind":"Scale","metadata":{"name":"a","uid":"u"}}"#);
    scale.set_at(&["spec", "replicas"], replicas);
    scale
}

/// Writes another number of replicas through the Scale.
fn rescale(subject: &mut Subject, manager: &str, from: i64, to: i64) -> String {
    let mut old = scale(from);
    managers_to_scale(subject.live(), &mut old, PATHS);
    let shown = owners(&old);
    let gvk = GroupVersionKind::new("autoscaling", "v1", "Scale");
    let new = update(
        &Write {
            gvk: &gvk,
            typing: Builtin::of(by_gvk("autoscaling", "v1", "Scale").unwrap()),
            manager,
            subresource: "scale",
            time: "2026-01-02T15:30:00Z".parse().unwrap(),
            reset: Default::default(),
            convert: None,
        },
        Some(&old),
        scale(to),
    );
    let mut live = subject.live().clone();
    live.set_at(&["spec", "replicas"], to);
    managers_from_scale(&mut live, &new, "apps/v1", PATHS);
    subject.live = Some(live);
    shown
}

#[test]
fn who_scales_takes_the_replicas_and_keeps_them() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":1,"paused":true}}"#);
    expect!["one Apply 01: .spec.replicas\n"].assert_eq(&rescale(&mut subject, "hpa", 1, 2));
    expect![[r#"
        one Apply 01: .spec.paused
        hpa/scale Update -: .spec.replicas
    "#]]
    .assert_eq(&owners(subject.live()));
    expect!["hpa/scale Update -: .spec.replicas\n"].assert_eq(&rescale(&mut subject, "hpa", 2, 3));
    expect![[r#"
        one Apply 01: .spec.paused
        hpa/scale Update -: .spec.replicas
    "#]]
    .assert_eq(&owners(subject.live()));
    let status = parse(&subject.refused("one", r#"{"spec":{"replicas":1}}"#));
    expect![[r#"Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas"#]]
        .assert_eq(status.str_at(&["message"]).unwrap());
}

#[test]
fn to_scale_to_what_there_is_leaves_the_owners() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":1,"paused":true}}"#);
    rescale(&mut subject, "hpa", 1, 1);
    assert_eq!(owners(subject.live()), "one Apply 01: .spec.paused .spec.replicas\n");
}

#[test]
fn owners_in_an_unknown_version_are_not_the_scales() {
    let mut subject = Subject::deployment();
    subject.apply("one", r#"{"spec":{"replicas":1}}"#);
    let mut scale = scale(1);
    managers_to_scale(subject.live(), &mut scale, &[("apps/v2", &["spec", "replicas"])]);
    assert_eq!(owners(&scale), "");
}
