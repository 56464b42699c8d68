//! Whatever a client sends: nothing that reads it panics, and what is written is read back as the same.

use objects::decode::{self, Notation};
use objects::patch::{json, merge, strategic};
use objects::selector::field::FieldSelector;
use objects::selector::label::LabelSelector;
use objects::{Object, Tree, protobuf, schema};
use proptest::prelude::*;

/// Trees whose keys are often those of pods.
fn trees() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Null),
        any::<bool>().prop_map(Tree::from),
        any::<i64>().prop_map(Tree::from),
        "[a-z/~0-9]{0,6}".prop_map(Tree::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let key = prop_oneof![
            Just("metadata".to_owned()),
            Just("spec".to_owned()),
            Just("containers".to_owned()),
            Just("name".to_owned()),
            Just("$patch".to_owned()),
            Just("$retainKeys".to_owned()),
            Just("$setElementOrder/containers".to_owned()),
            Just("$deleteFromPrimitiveList/finalizers".to_owned()),
            "[a-z]{1,3}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::Array),
            prop::collection::vec((key, inner), 0..6).prop_map(|pairs| {
                let pairs = pairs.into_iter().map(|(key, value)| (key.as_str().into(), value));
                Tree::Object(pairs.collect::<Object>())
            }),
        ]
    })
}

fn operations() -> impl Strategy<Value = Tree> {
    let pointer = "(/[a-z0-9~-]{0,4}){0,4}";
    let operation = ("(add|remove|replace|move|copy|test|other)", pointer, pointer, trees()).prop_map(
        |(op, path, from, value)| objects::tree!({ "op": op, "path": path, "from": from, "value": value }),
    );
    prop::collection::vec(operation, 0..5).prop_map(Tree::Array)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_patch_applies_or_says_why_not(tree in trees(), patch in trees(), operations in operations()) {
        let pod = schema::by_gvk("", "v1", "Pod").unwrap();
        let _said = json::apply(&mut tree.clone(), &operations).map_err(|error| error.to_string());
        let _said = merge::apply(&mut tree.clone(), &patch).map_err(|error| error.to_string());
        let _said = strategic::apply(&mut tree.clone(), &patch, pod).map_err(|error| error.to_string());
    }

    #[test]
    fn any_text_is_a_selector_or_none(text in ".{0,60}", words in "[a-z!=, ()<>.in-]{0,40}") {
        for text in [text, words] {
            if let Ok(selector) = LabelSelector::parse(&text) {
                let shown = selector.to_string();
                prop_assert_eq!(LabelSelector::parse(&shown).unwrap().to_string(), shown);
            }
            let _said = FieldSelector::parse(&text).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn any_bytes_are_a_document_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}:,&*a-z0-9\" \n-]{0,80}") {
        for notation in [Notation::Json, Notation::Yaml, Notation::Protobuf] {
            let _said = decode::value(&bytes, notation).map_err(|error| error.to_string());
            let _said = decode::value(text.as_bytes(), notation).map_err(|error| error.to_string());
        }
    }

    #[test]
    fn a_tree_is_read_back_as_it_was_written(tree in trees()) {
        let written = tree.to_json();
        prop_assert_eq!(Tree::from_json(&written).unwrap().to_json(), written);
        let _said = protobuf::encode(&tree).map_err(|error| error.to_string());
    }
}
