//! The type of a patch, an object and a patch of it. What comes out is an object or is refused by its kind, and a merge
//! that was done is not done again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use objects::decode::check;
use objects::patch::{json, merge, strategic};

fuzz_target!(|data: &[u8]| {
    let Some([name, object, patch]) = fuzz::texts(data) else { return };
    let (Some((mut object, row)), Some(patch)) = (fuzz::object(object), fuzz::tree(patch)) else { return };
    let patched = match name {
        "json" => json::apply(&mut object, &patch),
        "merge" => merge::apply(&mut object, &patch),
        "strategic" => strategic::apply(&mut object, &patch, row),
        _ => return,
    };
    if patched.is_err() {
        return;
    }
    if name == "merge" {
        let mut again = object.clone();
        merge::apply(&mut again, &patch).expect("it was applied before");
        assert_eq!(again, object);
    }
    let is_object = object.as_object().is_some();
    assert!(is_object || name == "json");
    if check(&mut object, row).is_ok() {
        assert!(is_object);
        let once = object.clone();
        check(&mut object, row).expect("it had its form before");
        assert_eq!(object, once);
    }
});
