//! Trees keep order, convert to and from Rust values, and merge.

use std::collections::BTreeMap;

use expect_test::expect;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Key, Object, Tree, from_tree, to_tree};

fn parse(text: &str) -> Tree {
    Tree::from_json(text.as_bytes()).unwrap()
}

pub(crate) fn any_tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::Bool),
        any::<i64>().prop_map(Tree::Int),
        (-1.0e9..1.0e9_f64).prop_map(Tree::Float),
        "[a-z\"\\\\\n\u{e9}]{0,6}".prop_map(Tree::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![Just("name".to_owned()), Just("spec".to_owned()), "[a-z]{1,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::Array),
            prop::collection::vec((key.prop_map(Key::from), inner), 0..5)
                .prop_map(|pairs| Tree::Object(pairs.into_iter().collect::<Object>())),
        ]
    })
}

proptest! {
    #[test]
    fn a_tree_survives_its_json(tree in any_tree()) {
        prop_assert_eq!(&Tree::from_json(&tree.to_json()).unwrap(), &tree);
    }

    #[test]
    fn a_tree_is_its_own_rust_value(tree in any_tree()) {
        prop_assert_eq!(&to_tree(&tree).unwrap(), &tree);
        prop_assert_eq!(&from_tree::<Tree>(&tree).unwrap(), &tree);
    }
}

#[test]
fn keys_keep_their_order() {
    let text = r#"{"zeta":1,"alpha":{"spec":[],"b":null,"a":1.5},"metadata":{"name":"x"}}"#;
    assert_eq!(parse(text).to_json_string(), text);
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    assert_eq!(parse(r#"{"a":1,"b":2,"a":3}"#).to_json_string(), r#"{"a":3,"b":2}"#);
}

#[test]
fn a_whole_number_beyond_i64_is_a_float() {
    assert_eq!(parse("18446744073709551615"), Tree::Float(18_446_744_073_709_551_615.0));
    assert_eq!(parse("9223372036854775807"), Tree::Int(i64::MAX));
}

#[test]
fn paths_read_write_and_remove() {
    let mut tree = parse(r#"{"metadata":{"name":"x"},"list":[{"a":1},{"a":2}]}"#);
    assert_eq!(tree.i64_at(&["list", "1", "a"]), Some(2));
    tree.set_at(&["metadata", "labels", "app"], "web");
    assert_eq!(tree.remove_at(&["list", "0"]), Some(tree!({ "a": 1 })));
    assert_eq!(tree.remove_at(&["list", "7"]), None);
    expect![[r#"{"metadata":{"name":"x","labels":{"app":"web"}},"list":[{"a":2}]}"#]]
        .assert_eq(&tree.to_json_string());
}

#[test]
fn values_are_small() {
    assert_eq!((size_of::<Key>(), size_of::<Tree>()), (16, 32));
}

#[test]
fn rust_values_convert_both_ways() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Choice {
        Plain,
        With { size: u8 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Thing {
        name: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        nothing: Option<i32>,
        ratio: f64,
        choices: Vec<Choice>,
        labels: BTreeMap<String, String>,
    }
    let thing = Thing {
        name: "x".to_owned(),
        nothing: None,
        ratio: 1.0,
        choices: vec![Choice::Plain, Choice::With { size: 3 }],
        labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    };
    let tree = to_tree(&thing).unwrap();
    expect![[r#"{"name":"x","ratio":1.0,"choices":["Plain",{"With":{"size":3}}],"labels":{"a":"b"}}"#]]
        .assert_eq(&tree.to_json_string());
    assert_eq!(from_tree::<Thing>(&tree).unwrap(), thing);
}

#[test]
fn a_wrong_shape_is_an_error_that_names_it() {
    let error = from_tree::<BTreeMap<String, i32>>(&parse(r#"{"a":"b"}"#)).unwrap_err();
    expect![[r#"invalid type: string "b", expected i32"#]].assert_eq(&error.to_string());
}
