//! The reference of the contract is what its WIT says: `UPDATE_EXPECT=1 cargo test -p tidy --test contract` writes it anew.

use std::fmt::Write;

use expect_test::expect_file;
use wit_parser::{
    Docs, Interface, PackageId, Resolve, Type, TypeDef, TypeDefKind, World, WorldItem, WorldKey,
};

use crate::releases::{contract, wit};
use crate::words::{anonymous, signature, text};

#[test]
fn the_reference_says_what_the_contract_does() {
    let (resolve, versions) = contract();
    for (version, package) in versions {
        expect_file![wit().join(format!("{version}.md"))].assert_eq(&page(&resolve, &version, package));
    }
}

fn page(resolve: &Resolve, version: &str, package: PackageId) -> String {
    let package = &resolve.packages[package];
    let mut page = format!("# Reference of the contract {}\n", package.name);
    paragraph(&mut page, &package.docs);
    line(&mut page, format_args!("\nWritten from the files of `wit/{version}`, which decide."));
    for (name, id) in &package.interfaces {
        interface(resolve, name, &resolve.interfaces[*id], &mut page);
    }
    page.push_str("\n## Worlds\n");
    for (name, id) in &package.worlds {
        world(resolve, name, &resolve.worlds[*id], &mut page);
    }
    page
}

fn interface(resolve: &Resolve, name: &str, interface: &Interface, page: &mut String) {
    line(page, format_args!("\n## `{name}`"));
    paragraph(page, &interface.docs);
    for (name, function) in &interface.functions {
        line(page, format_args!("\n### `{name}`: {}", signature(resolve, function)));
        paragraph(page, &function.docs);
    }
    for (name, id) in &interface.types {
        let definition = &resolve.types[*id];
        // A name that comes from another interface is told there.
        if !matches!(&definition.kind, TypeDefKind::Type(Type::Id(_))) {
            kind(resolve, name, definition, page);
        }
    }
}

fn kind(resolve: &Resolve, name: &str, definition: &TypeDef, page: &mut String) {
    let mut rows = Vec::new();
    match &definition.kind {
        TypeDefKind::Record(record) => {
            rows.extend(record.fields.iter().map(|field| (&field.name, Some(&field.ty), &field.docs)));
        }
        TypeDefKind::Variant(variant) => {
            rows.extend(variant.cases.iter().map(|case| (&case.name, case.ty.as_ref(), &case.docs)));
        }
        TypeDefKind::Enum(cases) => {
            rows.extend(cases.cases.iter().map(|case| (&case.name, None, &case.docs)));
        }
        TypeDefKind::Flags(flags) => {
            rows.extend(flags.flags.iter().map(|flag| (&flag.name, None, &flag.docs)));
        }
        _ => {}
    }
    let what = match &definition.kind {
        TypeDefKind::List(_) | TypeDefKind::Tuple(_) | TypeDefKind::Option(_) => {
            anonymous(resolve, &definition.kind)
        }
        TypeDefKind::Enum(_) => "an enum".to_owned(),
        named => format!("a {}", named.as_str()),
    };
    line(page, format_args!("\n### `{name}`: {what}"));
    paragraph(page, &definition.docs);
    if !rows.is_empty() {
        page.push_str("\n| name | type | |\n|---|---|---|\n");
    }
    for (name, of, docs) in rows {
        let of = of.map(|of| text(resolve, of)).unwrap_or_default();
        let docs = docs.contents.as_deref().unwrap_or_default().trim().replace('\n', " ");
        line(page, format_args!("| `{name}` | {of} | {docs} |"));
    }
}

fn world(resolve: &Resolve, name: &str, world: &World, page: &mut String) {
    line(page, format_args!("\n### `{name}`"));
    paragraph(page, &world.docs);
    for (what, items) in [("imports", &world.imports), ("exports", &world.exports)] {
        let names: Vec<_> = items.iter().map(|(key, item)| item_name(resolve, key, item)).collect();
        if !names.is_empty() {
            line(page, format_args!("\n{what} {}", names.join(", ")));
        }
    }
}

fn item_name(resolve: &Resolve, key: &WorldKey, item: &WorldItem) -> String {
    let name = match item {
        WorldItem::Interface { id, .. } => resolve.interfaces[*id].name.clone(),
        _ => None,
    };
    format!("`{}`", name.unwrap_or_else(|| resolve.name_world_key(key)))
}

fn paragraph(page: &mut String, docs: &Docs) {
    if let Some(text) = &docs.contents {
        line(page, format_args!("\n{}", text.trim()));
    }
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(page, "{text}").expect("a text takes any line");
}
