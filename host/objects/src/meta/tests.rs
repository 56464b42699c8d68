//! Metadata is read and written in place; times and generated names are upstream's.

use expect_test::expect;

use super::*;
use crate::tree;

#[test]
fn times_reach_to_the_end_of_the_year_9999() {
    let never = Moment::parse("9999-12-31T23:59:59Z").unwrap();
    assert_eq!(never.rfc3339(), "9999-12-31T23:59:59Z");
    assert_eq!(Moment::parse("9999-12-31T22:59:59-01:00"), Some(never));
    assert_eq!(never.unix(), (253_402_300_799, 0));
    assert_eq!(Moment::of_unix(253_402_300_799, 0), Some(never));
    assert_eq!(parse_rfc3339("9999-12-31T23:59:59Z"), Some(jiff::Timestamp::MAX));
    for refused in
        ["9999-12-31T23:59:59-01:00", "2026-01-02T03:04:05", "2026-01-02", "2026-01-02T03:04:05Z[UTC]", "x"]
    {
        assert_eq!(Moment::parse(refused), None, "{refused}");
    }
    let before = Moment::parse("1969-12-31T23:59:59.75Z").unwrap();
    assert_eq!(before.unix(), (-1, 750_000_000));
    assert_eq!(Moment::of_unix(-1, 750_000_000), Some(before));
}

#[test]
fn times_are_utc_in_whole_seconds_or_micros() {
    let time = parse_rfc3339("2026-01-02T17:04:05.123456789+02:00").unwrap();
    assert_eq!(rfc3339(time), "2026-01-02T15:04:05Z");
    assert_eq!(rfc3339_micro(time), "2026-01-02T15:04:05.123456Z");
    for bad in ["", "2026-01-02", "2026-01-02 15:04:05Z", "x", "2026-01-02T15:04:05"] {
        assert_eq!(parse_rfc3339(bad), None, "{bad}");
    }
}

#[test]
fn a_generated_name_fits_a_label() {
    assert_eq!(generate_name("web-", [0, 1, 26, 27, 31]), "web-bc9bg");
    assert_eq!(generate_name(&"a".repeat(80), [0; 5]).len(), 63);
}

#[test]
fn metadata_is_written_where_it_belongs() {
    let mut object = tree!({ "kind": "Pod" });
    set_name(&mut object, "x");
    set_resource_version(&mut object, "7");
    add_finalizer(&mut object, "a/b");
    add_finalizer(&mut object, "a/b");
    set_gvk(&mut object, &GroupVersionKind::new("apps", "v1", "Thing"));
    expect![[r#"{"kind":"Thing","apiVersion":"apps/v1","metadata":{"name":"x","resourceVersion":"7","finalizers":["a/b"]}}"#]]
        .assert_eq(&object.to_json_string());
    remove_finalizer(&mut object, "a/b");
    set_resource_version(&mut object, "");
    set_deletion(&mut object, parse_rfc3339("2026-01-02T15:04:05Z"), Some(30));
    expect![[r#"{"kind":"Thing","apiVersion":"apps/v1","metadata":{"name":"x","deletionTimestamp":"2026-01-02T15:04:05Z","deletionGracePeriodSeconds":30}}"#]]
        .assert_eq(&object.to_json_string());
    assert!(is_deleting(&object) && !has_finalizer(&object, "a/b"));
}

#[test]
fn the_controller_is_found_among_the_owners() {
    let object = tree!({ "metadata": { "ownerReferences": [
        { "kind": "A", "name": "a", "uid": "1" },
        { "kind": "B", "name": "b", "uid": "2", "controller": true }
    ] } });
    assert_eq!(controller_of(&object).unwrap().name, "b");
    assert_eq!(owner_references(&object).count(), 2);
}
