use objects::tree::from_tree;

use super::*;

fn revision(number: i64, image: &str) -> Arc<Revision> {
    let metadata = ObjectMeta { name: Some(image.to_owned()), ..ObjectMeta::default() };
    Arc::new(Revision { metadata, data: data(image), revision: number })
}

fn data(image: &str) -> Tree {
    let template = tree!({ "spec": { "containers": [{ "name": "c", "image": image }] } });
    data_of(&from_tree(&template).unwrap())
}

#[test]
fn a_template_without_a_revision_gets_the_next_and_one_that_is_back_becomes_the_highest() {
    let all = [revision(1, "a"), revision(3, "b")];
    assert_eq!(step(&[], &data("a")), Step::Create(1));
    assert_eq!(step(&all, &data("c")), Step::Create(4));
    assert_eq!(step(&all, &data("b")), Step::Nothing(all[1].clone()));
    assert_eq!(step(&all, &data("a")), Step::Renumber(all[0].clone(), 4));
}

#[test]
fn a_revision_is_a_patch_named_after_its_hash_which_collisions_change() {
    let owner = Owner::of(&*revision(1, "web"));
    let labels = ObjectMeta::default();
    let wanted = |collisions| Wanted {
        owner: &owner,
        data: data("a"),
        labels: &labels,
        hash_label: REVISION_LABEL,
        collisions,
    };
    let (one, other) = (made(&wanted(0), 1), made(&wanted(1), 1));
    let hash = objects::meta::label(&one, REVISION_LABEL).unwrap();
    assert_eq!(objects::meta::name(&one), format!("web-{hash}"));
    assert_ne!(objects::meta::name(&one), objects::meta::name(&other));
    assert_eq!(one.str_at(&["data", "spec", "template", "$patch"]), Some("replace"));
}
