//! A CustomResourceDefinition and an object of it: what validation finds nothing wrong with compiles, and an object that
//! has its form keeps it.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use objects::Tree;
use structural::{
    CustomResource, Descriptions, Dialect, Malformed, Version, default_definition, definition_schemas,
    openapi, prepare_definition, rules, validate_definition,
};

const DESCRIPTIONS: Descriptions<'_> =
    Descriptions { api_version: "", kind: "", metadata: "", list_metadata: "" };

fuzz_target!(|data: &[u8]| {
    let Some([definition, object]) = fuzz::texts(data) else { return };
    let Some((mut definition, row)) = fuzz::object(definition) else { return };
    if &*row.name != "CustomResourceDefinition" {
        return;
    }
    default_definition(&mut definition);
    prepare_definition(&mut definition);
    if !validate_definition(&definition).is_empty() {
        return;
    }
    for schema in definition_schemas(&definition).expect("what is valid has schemas") {
        drop(rules(&schema.schema, &schema.path));
    }
    let custom = CustomResource::compile(&definition).expect("what is valid compiles");
    let object = fuzz::tree(object).filter(|tree| tree.as_object().is_some());
    for version in &custom.versions {
        for dialect in [Dialect::V2, Dialect::V3] {
            assert!(openapi(&definition, &version.resource.version, dialect, DESCRIPTIONS).is_some());
        }
        if let Some(object) = &object {
            keeps_its_form(version, object.clone());
        }
    }
});

fn keeps_its_form(version: &Version, mut tree: Tree) {
    if version.coerce(&mut tree, Malformed::Refuse).is_err() || version.default(&mut tree).is_err() {
        return;
    }
    let once = tree.clone();
    let unknown = version.coerce(&mut tree, Malformed::Refuse).expect("it had its form before");
    assert_eq!(unknown, Vec::<String>::new());
    version.default(&mut tree).expect("nothing is left to be filled in");
    assert_eq!(tree, once);
    let errors = version.validate(&tree);
    drop(version.columns.cells(&tree, Timestamp::UNIX_EPOCH));
    if errors.is_empty() {
        assert_eq!(version.validate_update(&tree, &once), []);
        if let Some(scale) = &version.scale {
            drop(scale.read(&tree));
        }
    }
}
