//! What holds of any writes.

use proptest::prelude::*;

use super::super::collect::{field_set, with_named_fields};
use super::super::compare::compare;
use super::super::fields::FieldSet;
use super::super::managers::{Managers, encoded};
use super::super::prune::remove;
use super::super::{Builtin, Untyped};
use super::{OnConflict, Subject};
use crate::schema::by_gvk;
use crate::tree::tests::any_tree;
use crate::tree::{Object, Tree};

/// Part of a Pod: a map, a set, an atomic list, lists of structs by one key and by two.
fn any_config() -> impl Strategy<Value = Tree> {
    let label = prop::collection::btree_map("[a-c]", "[xy]", 0..3);
    let port = (1..4_i64, prop_oneof![Just(None), Just(Some("TCP")), Just(Some("UDP"))]);
    let container = (prop::option::of("[ij]"), prop::option::of(prop::collection::vec("[a-b]", 1..3)), port);
    let containers = prop::collection::btree_map("[a-c]", container, 0..3);
    // A zero that Go holds by value is applied and yet not there.
    let scalars = (prop::option::of(Just(true)), prop::option::of(0..2_i64));
    let finalizers = prop::collection::btree_set("[f-h]", 0..3);
    (label, containers, scalars, finalizers).prop_map(
        |(labels, containers, (network, priority), finalizers)| {
            let mut tree = Tree::object();
            for (key, value) in labels {
                tree.set_at(&["metadata", "labels", &key], value);
            }
            if !finalizers.is_empty() {
                tree.set_at(&["metadata", "finalizers"], finalizers.into_iter().collect::<Vec<_>>());
            }
            if let Some(network) = network {
                tree.set_at(&["spec", "hostNetwork"], network);
            }
            if let Some(priority) = priority {
                tree.set_at(&["spec", "priority"], priority);
            }
            let containers = containers.into_iter().map(|(name, (image, args, (port, protocol)))| {
                let mut container = Object::new();
                container.insert("name", Tree::from(name));
                container.extend(image.map(|image| ("image".into(), Tree::from(image))));
                container.extend(args.map(|args| ("args".into(), Tree::from(args))));
                let mut ports = Tree::object();
                ports.insert("containerPort", Tree::Int(port));
                if let Some(protocol) = protocol {
                    ports.insert("protocol", protocol);
                }
                container.insert("ports", vec![ports]);
                Tree::Object(container)
            });
            let containers: Vec<Tree> = containers.collect();
            if !containers.is_empty() {
                tree.set_at(&["spec", "containers"], containers);
            }
            tree
        },
    )
}

fn pod() -> (Subject, Builtin) {
    (Subject::new("", "v1", "Pod"), Builtin::of(by_gvk("", "v1", "Pod").unwrap()))
}

fn owned(tree: &Tree, manager: &str) -> FieldSet {
    let managers = Managers::decode(encoded(tree)).unwrap();
    let mut sets = managers.entries().iter().filter(|entry| entry.id.name == manager);
    sets.next().map(|entry| entry.fields.clone()).unwrap_or_default()
}

proptest! {
    #[test]
    fn to_apply_twice_is_to_apply_once(one in any_config(), two in any_config(), three in any_config()) {
        let (mut subject, _) = pod();
        subject.apply("a", &one.to_json_string()).force("b", &two.to_json_string());
        subject.update("c", &three.to_json_string()).force("a", &two.to_json_string());
        let before = subject.live().clone();
        subject.apply("a", &two.to_json_string());
        prop_assert_eq!(subject.live(), &before);
    }

    #[test]
    fn an_applier_owns_just_what_it_applied(one in any_config(), two in any_config(), three in any_config()) {
        let (mut subject, typing) = pod();
        subject.apply("a", &one.to_json_string()).update("b", &two.to_json_string());
        subject.force("a", &three.to_json_string());
        prop_assert_eq!(owned(subject.live(), "a"), field_set(&three, typing));
    }

    #[test]
    fn what_is_applied_is_in_the_object(one in any_config(), two in any_config()) {
        let (mut subject, typing) = pod();
        subject.update("a", &one.to_json_string()).force("b", &two.to_json_string());
        let set = field_set(&two, typing);
        prop_assert_eq!(&field_set(subject.live(), typing).intersection(&set), &set);
        let changes = compare(&subject.body(&two.to_json_string()), subject.live(), typing).unwrap();
        prop_assert_eq!(changes.modified.intersection(&set), Default::default());
        prop_assert_eq!(changes.removed, Default::default());
    }

    #[test]
    fn no_field_of_another_manager_is_lost(one in any_config(), two in any_config(), three in any_config()) {
        let (mut subject, typing) = pod();
        subject.apply("a", &one.to_json_string()).force("b", &two.to_json_string());
        let before = owned(subject.live(), "b");
        if subject.try_apply("a", &three.to_json_string(), OnConflict::Refuse).is_ok() {
            prop_assert_eq!(&owned(subject.live(), "b"), &before);
            prop_assert_eq!(&field_set(subject.live(), typing).intersection(&before), &before);
        }
    }

    #[test]
    fn what_only_the_applier_owned_goes_with_it(one in any_config(), two in any_config()) {
        let (mut subject, typing) = pod();
        subject.apply("a", &one.to_json_string()).apply("a", &two.to_json_string());
        let mut wanted = subject.body(&two.to_json_string());
        wanted.remove_at(&["metadata", "managedFields"]);
        let mut got = subject.live().clone();
        got.remove_at(&["metadata", "managedFields"]);
        prop_assert_eq!(field_set(&got, typing), field_set(&wanted, typing));
    }

    #[test]
    fn an_update_moves_what_it_changes_and_nothing_else(one in any_config(), two in any_config()) {
        let (mut subject, typing) = pod();
        subject.update("a", &tracked(one).to_json_string());
        let (before, old) = (owned(subject.live(), "a"), subject.live().clone());
        subject.update("b", &two.to_json_string());
        let mut changes = compare(&old, subject.live(), typing).unwrap();
        changes.removed.remove(&["metadata", "managedFields"]);
        changes.modified.remove(&["metadata", "managedFields"]);
        let touched = changes.modified.clone().union(changes.added.clone());
        prop_assert_eq!(owned(subject.live(), "b"), touched.clone());
        prop_assert_eq!(owned(subject.live(), "a"), before.difference(&touched).difference(&changes.removed));
    }

    #[test]
    fn updates_own_together_all_that_there_is(configs in prop::collection::vec(any_config(), 1..5)) {
        let (mut subject, typing) = pod();
        for (at, config) in configs.iter().enumerate() {
            subject.update(&format!("m{at}"), &tracked(config.clone()).to_json_string());
        }
        let managers = Managers::decode(encoded(subject.live())).unwrap();
        let all = managers.entries().iter().fold(Default::default(), |all: FieldSet, entry| {
            all.union(entry.fields.clone())
        });
        let mut there = field_set(subject.live(), typing);
        there.remove_all(&["apiVersion"]);
        there.remove_all(&["kind"]);
        there.remove_all(&["metadata", "name"]);
        there.remove_all(&["metadata", "managedFields"]);
        prop_assert_eq!(all.intersection(&there), there);
    }

    #[test]
    fn objects_differ_where_they_do(one in any_tree(), two in any_tree()) {
        let (one, two) = (untyped(one), untyped(two));
        let changes = compare(&one, &two, Untyped::Deduced).unwrap();
        let back = compare(&two, &one, Untyped::Deduced).unwrap();
        let unchanged = [&changes.removed, &changes.modified, &changes.added].iter().all(|set| set.is_empty());
        prop_assert_eq!(unchanged, one == two);
        prop_assert_eq!((&changes.removed, &changes.added), (&back.added, &back.removed));
    }

    #[test]
    fn an_object_without_all_its_fields_is_nothing(config in any_config()) {
        let typing = pod().1;
        let all = with_named_fields(field_set(&config, typing), typing);
        prop_assert_eq!(remove(config, &all, typing), Tree::Null);
    }

    #[test]
    fn managers_survive_their_encoding(one in any_config(), two in any_config()) {
        let (mut subject, _) = pod();
        subject.apply("a", &one.to_json_string()).update("b", &two.to_json_string());
        let list = Tree::Array(encoded(subject.live()).to_vec());
        let again = Managers::decode(list.items()).unwrap().encode().unwrap_or(Tree::array());
        prop_assert_eq!(again, list);
    }
}

/// With something to own: an object without an owner is not followed.
fn tracked(mut config: Tree) -> Tree {
    config.set_at(&["spec", "nodeName"], "n");
    config
}

fn untyped(tree: Tree) -> Tree {
    let mut object = Tree::object();
    object.insert("a", tree);
    object
}
