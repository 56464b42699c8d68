//! Reads `data/schema.txt`.
//!
//! A type is `name [gvk=group/version/Kind,…] [atomic] [shape=leaf] [empty]`, `empty` where its message has no field.
//! The indented lines below it are its fields, or of a type `shape=any` what a value of it is one of:
//! `name shape[*][+][!] [#number[.number[.number]]] [list=type[:keys]] [map=type] [patch=strategy] [key=name]
//! [default=json]`, `*` where Go points to the scalar, `+` where Go holds the struct by value, `!` where the field is
//! required, `[]` before the items of a list and `{}` before the values of a map.

use std::collections::HashMap;

use super::{Field, ListType, PatchStrategy, Shape, ShapeId, Table, Type, TypeId};

const TEXT: &str = include_str!("../../data/schema.txt");

pub(super) fn read() -> Table {
    let ids = (0_u16..).map(TypeId);
    let by_name: HashMap<_, _> = heads().map(first_word).zip(ids).collect();
    let mut reader = Reader { table: Table::default(), shape_ids: HashMap::new(), keys: HashMap::new() };
    reader.table.by_name = by_name;
    for line in TEXT.lines() {
        match line.strip_prefix(' ') {
            Some(line) => reader.field(line),
            None => reader.head(line),
        }
    }
    reader.table.types.shrink_to_fit();
    reader.table.fields.shrink_to_fit();
    reader.table
}

impl Default for Table {
    fn default() -> Self {
        Self {
            types: Vec::with_capacity(heads().count()),
            fields: Vec::new(),
            shapes: Vec::new(),
            by_name: HashMap::new(),
            by_gvk: HashMap::new(),
        }
    }
}

fn heads() -> impl Iterator<Item = &'static str> {
    TEXT.lines().filter(|line| !line.starts_with(' '))
}

fn first_word(line: &str) -> &str {
    line.split(' ').next().unwrap_or(line)
}

/// The leaves by their word.
const LEAVES: &[(&str, Shape)] = &[
    ("string", Shape::String),
    ("bytes", Shape::Bytes),
    ("bool", Shape::Bool),
    ("int32", Shape::Int32),
    ("int64", Shape::Int64),
    ("int", Shape::Int64),
    ("double", Shape::Double),
    ("time", Shape::Time),
    ("microtime", Shape::MicroTime),
    ("quantity", Shape::Quantity),
    ("intorstring", Shape::IntOrString),
    ("any", Shape::Any),
    ("object", Shape::Object),
];

struct Reader {
    table: Table,
    shape_ids: HashMap<&'static str, ShapeId>,
    /// Key lists that are met often are kept once.
    keys: HashMap<&'static str, &'static [&'static str]>,
}

impl Reader {
    fn head(&mut self, line: &'static str) {
        let id = TypeId(self.table.types.len() as u16);
        let start = self.table.fields.len() as u16;
        let mut row = Type {
            name: first_word(line),
            shape: Shape::Struct(id),
            atomic: false,
            empty: false,
            fields: (start, 0),
            gvks: "",
        };
        for word in line.split(' ').skip(1) {
            match word.split_once('=') {
                Some(("gvk", gvks)) => row.gvks = gvks,
                Some(("shape", leaf)) => row.shape = self.shape(leaf),
                _ => {
                    row.atomic |= word == "atomic";
                    row.empty |= word == "empty";
                }
            }
        }
        self.table.by_gvk.extend(row.gvks.split(',').filter(|gvk| !gvk.is_empty()).map(|gvk| (gvk, id)));
        self.table.types.push(row);
    }

    fn field(&mut self, line: &'static str) {
        let mut words = line.split(' ');
        let (name, shape) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut field = Field {
            name,
            shape: self.shape(shape.trim_end_matches(['!', '+', '*'])),
            required: shape.ends_with('!'),
            pointer: shape.contains('*'),
            by_value: shape.contains('+'),
            list: ListType::Unstated,
            atomic: false,
            granular: false,
            list_keys: &[],
            patch: PatchStrategy::Unstated,
            patch_key: None,
            default: None,
            numbers: [0; 3],
        };
        for word in words {
            match word.split_once('=') {
                Some(("list", list)) => self.list(&mut field, list),
                Some(("map", map)) => (field.atomic, field.granular) = (map == "atomic", map == "granular"),
                Some(("patch", strategy)) => field.patch = patch_strategy(strategy),
                Some(("key", key)) => field.patch_key = Some(key),
                Some(("default", json)) => field.default = Some(json),
                _ => field.numbers = word.strip_prefix('#').map_or([0; 3], numbers),
            }
        }
        self.table.fields.push(field);
        if let Some(row) = self.table.types.last_mut() {
            row.fields.1 += 1;
        }
    }

    fn list(&mut self, field: &mut Field, text: &'static str) {
        let (list, keys) = text.split_once(':').unwrap_or((text, ""));
        field.list = match list {
            "map" => ListType::Map,
            "set" => ListType::Set,
            _ => ListType::Atomic,
        };
        if !keys.is_empty() {
            field.list_keys =
                self.keys.entry(keys).or_insert_with(|| keys.split(',').collect::<Vec<_>>().leak());
        }
    }

    fn shape(&mut self, word: &'static str) -> Shape {
        if let Some(items) = word.strip_prefix("[]") {
            return Shape::Array(self.shape_id(items));
        }
        if let Some(values) = word.strip_prefix("{}") {
            return Shape::Map(self.shape_id(values));
        }
        match LEAVES.iter().find(|(name, _)| *name == word) {
            Some((_, leaf)) => *leaf,
            None => self.table.by_name.get(word).map_or(Shape::Any, |id| Shape::Struct(*id)),
        }
    }

    fn shape_id(&mut self, word: &'static str) -> ShapeId {
        if let Some(id) = self.shape_ids.get(word) {
            return *id;
        }
        let shape = self.shape(word);
        let id = ShapeId(self.table.shapes.len() as u16);
        self.table.shapes.push(shape);
        self.shape_ids.insert(word, id);
        id
    }
}

fn patch_strategy(text: &str) -> PatchStrategy {
    match text {
        "merge" => PatchStrategy::Merge,
        "replace" => PatchStrategy::Replace,
        "retainKeys" => PatchStrategy::RetainKeys,
        "merge,retainKeys" => PatchStrategy::MergeRetainKeys,
        _ => PatchStrategy::Unstated,
    }
}

/// Numbers that are not there, or not to be read, are zero.
fn numbers(text: &str) -> [u8; 3] {
    let mut parts = text.split('.').map_while(|part| part.parse().ok());
    std::array::from_fn(|_| parts.next().unwrap_or(0))
}
