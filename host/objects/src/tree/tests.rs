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

/// What is done to an object, each to one of so many keys that some objects have an index.
#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    InsertFirst,
    Enter,
    Remove,
    RetainWithout,
}

proptest! {
    #[test]
    fn many_fields_are_kept_as_few_are(
        steps in prop::collection::vec(
            (
                prop_oneof![
                    8 => Just(Step::Insert), 1 => Just(Step::InsertFirst), 2 => Just(Step::Enter),
                    2 => Just(Step::Remove), 1 => Just(Step::RetainWithout)
                ],
                0..90_u8,
            ),
            0..200,
        )
    ) {
        let (mut object, mut pairs) = (Object::new(), Vec::<(String, Tree)>::new());
        for (number, (step, key)) in (0_i64..).zip(steps) {
            let (name, value) = (format!("key{key}"), Tree::Int(number));
            let at = pairs.iter().position(|(known, _)| *known == name);
            match step {
                Step::Insert => {
                    let old = at.map(|at| std::mem::replace(&mut pairs[at].1, value.clone()));
                    prop_assert_eq!(object.insert(name.as_str(), value.clone()), old);
                    if at.is_none() {
                        pairs.push((name, value));
                    }
                }
                Step::InsertFirst => {
                    object.insert_first(name.as_str(), value.clone());
                    at.map(|at| pairs.remove(at));
                    pairs.insert(0, (name, value));
                }
                Step::Enter => {
                    let expected = at.map_or(value.clone(), |at| pairs[at].1.clone());
                    prop_assert_eq!(object.entry(&name, || value.clone()), &expected);
                    if at.is_none() {
                        pairs.push((name, value));
                    }
                }
                Step::Remove => prop_assert_eq!(object.remove(&name), at.map(|at| pairs.remove(at).1)),
                Step::RetainWithout => {
                    object.retain(|known, _| known != name);
                    pairs.retain(|(known, _)| *known != name);
                }
            }
        }
        let expected: Vec<(&str, &Tree)> = pairs.iter().map(|(name, value)| (name.as_str(), value)).collect();
        prop_assert_eq!(object.iter().collect::<Vec<_>>(), expected);
        prop_assert!(pairs.iter().all(|(name, value)| object.get(name) == Some(value)));
        let reversed: Object = pairs.into_iter().rev().map(|(name, value)| (Key::from(name), value)).collect();
        prop_assert_eq!(&object, &reversed);
    }
}

#[test]
fn what_any_client_can_send_takes_no_square_of_its_keys() {
    let keys =
        |value: &str| (0..200_000).map(|key| format!("\"k{key}\":{value}")).collect::<Vec<_>>().join(",");
    let mut tree = parse(&format!("{{{}}}", keys("1")));
    assert_eq!((tree.fields().count(), tree.get("k199999")), (200_000, Some(&Tree::Int(1))));
    assert_eq!(tree.merge_diff(&tree.clone()), None);
    tree.merge(&parse(&format!("{{{}}}", keys("null"))));
    assert_eq!(tree, Tree::object());
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
