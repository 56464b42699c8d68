//! A body: what is read of it is the same when it is written as JSON or as YAML and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use objects::Tree;
use objects::decode::{Notation, value};

fuzz_target!(|data: &[u8]| {
    let json = value(data, Notation::Json);
    // Go, and so this, reads more: what is no text, and halves of characters, are replaced.
    assert!(json.is_ok() || Tree::from_json(data).is_err());
    let yaml = value(data, Notation::Yaml);
    for (tree, _) in json.into_iter().chain(yaml) {
        let text = tree.to_json();
        assert_eq!(value(&text, Notation::Json).expect("what was written is JSON").0, tree);
        assert_eq!(
            value(tree.to_yaml().as_bytes(), Notation::Yaml).expect("what was written is YAML").0,
            tree
        );
    }
});
