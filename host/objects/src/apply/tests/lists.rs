//! Merging lists: what order the items end up in, and what nulls and empty lists do.

use super::super::merge::merge;
use super::super::{Builtin, Untyped};
use super::parse;
use crate::schema::by_gvk;
use crate::tree::Tree;

fn finalizers(letters: &str) -> Tree {
    let letters: Vec<_> = letters.chars().map(String::from).collect();
    let mut tree = Tree::object();
    tree.set_at(&["metadata", "finalizers"], letters);
    tree
}

/// Merges sets whose items are letters.
fn check_set(live: &str, applied: &str, expected: &str) {
    let typing = Builtin::of(by_gvk("", "v1", "ConfigMap").unwrap());
    let merged = merge(&finalizers(live), &finalizers(applied), typing).unwrap();
    let letters: String =
        merged.items_at(&["metadata", "finalizers"]).iter().filter_map(Tree::as_str).collect();
    assert_eq!(letters, expected, "{live} {applied}");
}

#[test]
fn a_set_keeps_what_is_live_and_the_order_of_what_is_applied() {
    check_set("abc", "ab", "abc");
    check_set("ab", "abc", "abc");
    check_set("abc", "", "abc");
    check_set("", "abc", "abc");
    check_set("ab", "ba", "ba");
    check_set("abc", "def", "abcdef");
    check_set("abc", "cdef", "abcdef");
    check_set("abcgf", "cdef", "abcgdef");
    check_set("cdef", "ace", "acdef");
    check_set("abcxyz", "def", "abcxyzdef");
    check_set("abcxyz", "defxyz", "abcdefxyz");
    check_set("cagf", "cfag", "cfag");
    check_set("abcd", "defa", "bcdefa");
    check_set("cdefghij", "2h3e4kl", "cdfg2hij3e4kl");
    check_set("abcdefghij", "1b2h3e4kl", "a1bcdfg2hij3e4kl");
}

#[test]
fn what_is_live_twice_stays_so_until_it_is_applied() {
    check_set("abb", "c", "abbc");
    check_set("abb", "b", "ab");
    check_set("abb", "a", "abb");
    check_set("abcdec", "1b2ed", "a1bc2ecd");
    check_set("abcdec", "1b2ced", "a1b2ced");
    check_set("aabb", "bcd", "aabcd");
    check_set("aabb", "", "aabb");
    check_set("cagfca", "cfag", "cfag");
}

fn check(live: &str, applied: &str, expected: &str) {
    let typing = Builtin::of(by_gvk("", "v1", "Pod").unwrap());
    let merged = merge(&parse(live), &parse(applied), typing).unwrap();
    assert_eq!(merged.to_json_string(), parse(expected).to_json_string(), "{live} {applied}");
}

#[test]
fn items_merge_by_their_keys() {
    check(
        r#"{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"1","tty":true}]}}"#,
        r#"{"spec":{"containers":[{"name":"b","image":"2"},{"name":"c"}]}}"#,
        r#"{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2","tty":true},{"name":"c"}]}}"#,
    );
    check(
        r#"{"spec":{"containers":[{"name":"c","ports":[{"containerPort":80}]}]}}"#,
        r#"{"spec":{"containers":[{"name":"c","ports":[{"containerPort":80,"protocol":"TCP","name":"x"}]}]}}"#,
        r#"{"spec":{"containers":[{"name":"c","ports":[{"containerPort":80,"protocol":"TCP","name":"x"}]}]}}"#,
    );
    check(
        r#"{"spec":{"containers":[{"name":"a","tty":true},{"name":"b"},{"name":"a","image":"x"}]}}"#,
        r#"{"spec":{"containers":[{"name":"a","image":"y"},{"name":"c"},{"name":"b"}]}}"#,
        r#"{"spec":{"containers":[{"name":"a","image":"y"},{"name":"c"},{"name":"b"}]}}"#,
    );
}

#[test]
fn null_replaces_leaves_and_what_is_empty_but_no_list_or_map_with_something_in_it() {
    check(r#"{"spec":{"priority":1}}"#, r#"{"spec":{"priority":null}}"#, r#"{"spec":{"priority":null}}"#);
    check(
        r#"{"spec":{"containers":[]}}"#,
        r#"{"spec":{"containers":null}}"#,
        r#"{"spec":{"containers":null}}"#,
    );
    check(
        r#"{"metadata":{"labels":{}}}"#,
        r#"{"metadata":{"labels":null}}"#,
        r#"{"metadata":{"labels":null}}"#,
    );
    check(
        r#"{"metadata":{"labels":{"a":"b"}}}"#,
        r#"{"metadata":{"labels":null}}"#,
        r#"{"metadata":{"labels":{"a":"b"}}}"#,
    );
    check(
        r#"{"spec":{"volumes":[{"name":"v"}]}}"#,
        r#"{"spec":{"volumes":null}}"#,
        r#"{"spec":{"volumes":[{"name":"v"}]}}"#,
    );
    check(
        r#"{"spec":{"nodeSelector":{"a":"b"}}}"#,
        r#"{"spec":{"nodeSelector":null}}"#,
        r#"{"spec":{"nodeSelector":null}}"#,
    );
    check(
        r#"{"spec":{"nodeSelector":{"a":"b"}}}"#,
        r#"{"spec":{"nodeSelector":{}}}"#,
        r#"{"spec":{"nodeSelector":{}}}"#,
    );
}

#[test]
fn values_without_a_schema_merge_as_objects_and_replace_as_lists() {
    let merged = |live: &str, applied: &str| {
        merge(&parse(live), &parse(applied), Untyped::Deduced).unwrap().to_json_string()
    };
    assert_eq!(
        merged(r#"{"a":{"b":1,"c":[1,2]}}"#, r#"{"a":{"c":[3],"d":{}}}"#),
        r#"{"a":{"b":1,"c":[3],"d":{}}}"#
    );
    assert_eq!(merged(r#"{"a":{"b":1}}"#, r#"{"a":2}"#), r#"{"a":2}"#);
    assert_eq!(merged(r#"{"a":2}"#, r#"{"a":{"b":1}}"#), r#"{"a":{"b":1}}"#);
    assert_eq!(merged(r#"{"a":null}"#, r#"{"a":{}}"#), r#"{"a":{}}"#);
}
