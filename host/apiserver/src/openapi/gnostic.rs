//! OpenAPI v2 as gnostic's protobuf messages, the only form in which client-go asks for it: the rows are the fields of
//! `OpenAPIv2.proto` that our documents have.

use bytes::Bytes;
use objects::Tree;

/// A field by its key in JSON, with its number.
type Row = (&'static str, u32, Wire);

struct Message {
    rows: &'static [Row],
    /// The number of the field that has the keys that start with `x-`.
    extensions: u32,
}

/// How a value is written.
enum Wire {
    Text,
    Flag,
    Count,
    Double,
    /// Any value, as YAML (of which JSON is a part).
    Yaml,
    Message(&'static Message),
    /// The value as the field of a message that has no other.
    Within(u32, &'static Wire),
    /// An object as a message of named values in that field.
    Named(u32, &'static Wire),
    /// Each item of an array.
    Each(&'static Wire),
    Parameter,
    /// A schema, or whether anything is allowed.
    Additional,
}

const fn message(rows: &'static [Row], extensions: u32) -> Message {
    Message { rows, extensions }
}

static DOCUMENT: Message = message(
    &[
        ("swagger", 1, Wire::Text),
        ("info", 2, Wire::Message(&INFO)),
        ("paths", 8, Wire::Named(2, &Wire::Message(&PATH))),
        ("definitions", 9, Wire::Named(1, &Wire::Message(&SCHEMA))),
        ("security", 12, Wire::Each(&Wire::Named(1, &Wire::Within(1, &TEXTS)))),
        ("securityDefinitions", 13, Wire::Named(1, &Wire::Within(2, &Wire::Message(&API_KEY)))),
    ],
    16,
);

static INFO: Message = message(&[("title", 1, Wire::Text), ("version", 2, Wire::Text)], 7);

static API_KEY: Message =
    message(&[("type", 1, Wire::Text), ("name", 2, Wire::Text), ("in", 3, Wire::Text)], 5);

static PATH: Message = message(
    &[
        ("get", 2, OPERATION_WIRE),
        ("put", 3, OPERATION_WIRE),
        ("post", 4, OPERATION_WIRE),
        ("delete", 5, OPERATION_WIRE),
        ("patch", 8, OPERATION_WIRE),
        ("parameters", 9, PARAMETERS_WIRE),
    ],
    10,
);

static OPERATION: Message = message(
    &[
        ("tags", 1, TEXTS),
        ("operationId", 5, Wire::Text),
        ("produces", 6, TEXTS),
        ("consumes", 7, TEXTS),
        ("parameters", 8, PARAMETERS_WIRE),
        ("responses", 9, Wire::Named(1, &Wire::Within(1, &Wire::Message(&RESPONSE)))),
        ("schemes", 10, TEXTS),
    ],
    13,
);

static RESPONSE: Message =
    message(&[("description", 1, Wire::Text), ("schema", 2, Wire::Within(1, &Wire::Message(&SCHEMA)))], 5);

static SCHEMA: Message = message(
    &[
        ("$ref", 1, Wire::Text),
        ("format", 2, Wire::Text),
        ("title", 3, Wire::Text),
        ("description", 4, Wire::Text),
        ("default", 5, Wire::Yaml),
        ("multipleOf", 6, Wire::Double),
        ("maximum", 7, Wire::Double),
        ("exclusiveMaximum", 8, Wire::Flag),
        ("minimum", 9, Wire::Double),
        ("exclusiveMinimum", 10, Wire::Flag),
        ("maxLength", 11, Wire::Count),
        ("minLength", 12, Wire::Count),
        ("pattern", 13, Wire::Text),
        ("maxItems", 14, Wire::Count),
        ("minItems", 15, Wire::Count),
        ("uniqueItems", 16, Wire::Flag),
        ("maxProperties", 17, Wire::Count),
        ("minProperties", 18, Wire::Count),
        ("required", 19, TEXTS),
        ("enum", 20, Wire::Each(&Wire::Yaml)),
        ("additionalProperties", 21, Wire::Additional),
        ("type", 22, Wire::Within(1, &Wire::Text)),
        ("items", 23, Wire::Within(1, &Wire::Message(&SCHEMA))),
        ("properties", 25, Wire::Named(1, &Wire::Message(&SCHEMA))),
        ("externalDocs", 29, Wire::Message(&EXTERNAL_DOCS)),
        ("example", 30, Wire::Yaml),
    ],
    31,
);

static EXTERNAL_DOCS: Message = message(&[("description", 1, Wire::Text), ("url", 2, Wire::Text)], 3);

const OPERATION_WIRE: Wire = Wire::Message(&OPERATION);
const PARAMETERS_WIRE: Wire = Wire::Each(&Wire::Parameter);
const TEXTS: Wire = Wire::Each(&Wire::Text);

/// A parameter's message by its place, with the fields of the messages around it.
static PARAMETERS: [(&str, Wire); 3] = [
    ("body", Wire::Within(1, &Wire::Within(1, &Wire::Message(&BODY)))),
    ("path", Wire::Within(1, &Wire::Within(2, &Wire::Within(4, &Wire::Message(&IN_PATH))))),
    ("query", Wire::Within(1, &Wire::Within(2, &Wire::Within(3, &Wire::Message(&IN_QUERY))))),
];

static BODY: Message = message(
    &[
        ("description", 1, Wire::Text),
        ("name", 2, Wire::Text),
        ("in", 3, Wire::Text),
        ("required", 4, Wire::Flag),
        ("schema", 5, Wire::Message(&SCHEMA)),
    ],
    6,
);

static IN_PATH: Message = message(
    &[
        ("required", 1, Wire::Flag),
        ("in", 2, Wire::Text),
        ("description", 3, Wire::Text),
        ("name", 4, Wire::Text),
        ("type", 5, Wire::Text),
        ("uniqueItems", 19, Wire::Flag),
    ],
    22,
);

static IN_QUERY: Message = message(
    &[
        ("required", 1, Wire::Flag),
        ("in", 2, Wire::Text),
        ("description", 3, Wire::Text),
        ("name", 4, Wire::Text),
        ("type", 6, Wire::Text),
        ("uniqueItems", 20, Wire::Flag),
    ],
    23,
);

/// A key that starts with `x-`, and a named value of [`Wire::Named`].
const NAME: u32 = 1;
const VALUE: u32 = 2;
/// The YAML in a message of any value.
const YAML: u32 = 2;

const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;

/// A document of OpenAPI v2.
pub(crate) fn encode(document: &Tree) -> Bytes {
    let mut out = Vec::new();
    DOCUMENT.write(document, &mut out);
    out.into()
}

impl Message {
    fn write(&self, tree: &Tree, out: &mut Vec<u8>) {
        for (key, number, wire) in self.rows {
            if let Some(value) = tree.get(key) {
                wire.write(*number, value, out);
            }
        }
        for (key, value) in tree.fields().filter(|(key, _)| key.starts_with("x-")) {
            named(self.extensions, key, &Wire::Yaml, value, out);
        }
    }
}

impl Wire {
    fn write(&self, number: u32, value: &Tree, out: &mut Vec<u8>) {
        match self {
            Self::Text => delimited(number, value.as_str().unwrap_or_default().as_bytes(), out),
            Self::Flag => {
                varint(u64::from(number) << 3, out);
                varint(u64::from(value.as_bool() == Some(true)), out);
            }
            Self::Count => {
                varint(u64::from(number) << 3, out);
                varint(value.as_i64().unwrap_or_default().cast_unsigned(), out);
            }
            Self::Double => {
                varint(u64::from(number) << 3 | FIXED_64, out);
                out.extend_from_slice(&value.as_f64().unwrap_or_default().to_le_bytes());
            }
            Self::Yaml => nested(number, out, |out| delimited(YAML, &value.to_json(), out)),
            Self::Message(message) => nested(number, out, |out| message.write(value, out)),
            Self::Within(inner, wire) => nested(number, out, |out| wire.write(*inner, value, out)),
            Self::Named(inner, wire) => nested(number, out, |out| {
                value.fields().for_each(|(key, value)| named(*inner, key, wire, value, out));
            }),
            Self::Each(wire) => value.items().iter().for_each(|item| wire.write(number, item, out)),
            Self::Additional => nested(number, out, |out| match value {
                Tree::Bool(_) => Self::Flag.write(2, value, out),
                schema => Self::Message(&SCHEMA).write(1, schema, out),
            }),
            Self::Parameter => {
                let place = value.get("in").and_then(Tree::as_str);
                if let Some((_, wire)) = PARAMETERS.iter().find(|(name, _)| Some(*name) == place) {
                    wire.write(number, value, out);
                }
            }
        }
    }
}

fn named(number: u32, key: &str, wire: &Wire, value: &Tree, out: &mut Vec<u8>) {
    nested(number, out, |out| {
        delimited(NAME, key.as_bytes(), out);
        wire.write(VALUE, value, out);
    });
}

fn nested(number: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    write(&mut inner);
    delimited(number, &inner, out);
}

fn delimited(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | LENGTH_DELIMITED, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
