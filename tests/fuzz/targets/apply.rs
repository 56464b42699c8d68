//! An object, and what two managers apply to it: to apply again what is there changes nothing, whether the kind is built
//! in or nothing is known of it, and whoever forces owns what it named.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use objects::apply::{ApplyError, Builtin, OnConflict, Reset, Typing, Untyped, Write, apply, update};
use objects::decode::check;
use objects::resource::GroupVersionKind;
use objects::schema::Type;
use objects::{Tree, meta};

fuzz_target!(|data: &[u8]| {
    let Some([there, one, two]) = fuzz::texts(data) else { return };
    let Some((there, row)) = fuzz::object(there) else { return };
    let config = |text| config(text, &there, row);
    let (Some(one), Some(two)) = (config(one), config(two)) else { return };
    let form = |tree: &mut Tree| check(tree, row).is_ok();
    drop(run(Builtin::of(row), &there, &one, &two, form));
    drop(run(Untyped::Deduced, &there, &one, &two, |_| true));
});

/// What is applied, of the kind of the object and in its form. What is empty, or a quantity in other words, is owned and yet
/// not there: it is applied anew each time.
fn config(text: &str, there: &Tree, row: &'static Type) -> Option<Tree> {
    let mut tree = fuzz::tree(text).filter(|tree| tree.as_object().is_some())?;
    meta::set_gvk(&mut tree, &meta::gvk(there)?);
    tree.remove_at(&["metadata", "managedFields"]);
    check(&mut tree, row).ok()?;
    is_full(&tree).then_some(tree)
}

fn is_full(tree: &Tree) -> bool {
    match tree {
        Tree::Null => false,
        Tree::Array(items) => !items.is_empty() && items.iter().all(is_full),
        Tree::Object(fields) => !fields.is_empty() && fields.values().all(is_full),
        _ => true,
    }
}

fn run<T: Typing>(
    typing: T,
    there: &Tree,
    one: &Tree,
    two: &Tree,
    form: impl Fn(&mut Tree) -> bool,
) -> Result<(), ApplyError> {
    let Some(gvk) = meta::gvk(there) else { return Ok(()) };
    let mut live = update(&write(&gvk, typing, "editor"), None, there.clone());
    for (manager, config) in [("one", one), ("two", two), ("one", two)] {
        live = apply(&write(&gvk, typing, manager), Some(&live), config, OnConflict::Force)?;
        if !form(&mut live) {
            return Ok(());
        }
    }
    for manager in ["two", "one"] {
        let again = apply(&write(&gvk, typing, manager), Some(&live), two, OnConflict::Refuse);
        let mut again = again.expect("its manager owns all of it");
        assert!(form(&mut again));
        assert_eq!(again, live);
    }
    Ok(())
}

fn write<'a, T: Typing>(gvk: &'a GroupVersionKind, typing: T, manager: &'a str) -> Write<'a, T> {
    let time = Timestamp::UNIX_EPOCH;
    Write { gvk, typing, manager, subresource: "", time, reset: Reset::Nothing, convert: None }
}
