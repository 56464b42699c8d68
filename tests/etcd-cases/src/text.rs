//! Protobuf's text format as cases use it, with short forms:
//!
//! | short | what it stands for |
//! |---|---|
//! | `@7` | the header of an answer at revision 7, complete: with cluster, member and term |
//! | `"ab" * 3`, `kvs { … } * 3` | the text, or the whole field, three times |
//! | `$member` | the id of the member that answers |
//! | `{}`, alone | a message without a field |

use anyhow::{Result, bail};
use bytes::Bytes;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, ReflectMessage, Value};

/// How long a line may get before its message is laid out on several.
const WIDTH: usize = 108;
/// A message without a field.
pub(crate) const EMPTY: &str = "{}";
/// How often a value stands there in a row before it is written as a multiple.
const RUN: usize = 4;
/// How many equal bytes are written as a multiple.
const BYTE_RUN: usize = 24;

/// Replaces the short forms.
pub(crate) fn expand(text: &str, member: u64) -> Result<String> {
    if text == EMPTY {
        return Ok(String::new());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Where the field at hand begins, those of the open blocks around it, and the value that was just completed.
    let (mut field, mut blocks, mut last) = (0, Vec::new(), Completed::Nothing);
    while let Some(next) = rest.chars().next() {
        match next {
            '"' => {
                let literal = literal(rest)?;
                last = Completed::Text(out.len());
                out.push_str(literal);
                rest = &rest[literal.len()..];
                continue;
            }
            '@' => {
                let revision = digits(&rest[1..]);
                out.push_str(&format!(
                    "header {{ cluster_id: 1 member_id: 1 revision: {revision} raft_term: 1 }}"
                ));
                rest = &rest[1 + revision.len()..];
                continue;
            }
            '$' => {
                let Some(after) = rest.strip_prefix("$member") else { bail!("$member is the only variable") };
                out.push_str(&member.to_string());
                rest = after;
                continue;
            }
            '*' => {
                let number = digits(rest[1..].trim_start());
                let times: usize = number.parse()?;
                rest = &rest[1..].trim_start()[number.len()..];
                match last {
                    Completed::Text(start) => {
                        let quoted = out[start..].trim_end();
                        let content = quoted[1..quoted.len() - 1].to_owned();
                        out.truncate(start);
                        out.push_str(&format!("\"{}\"", content.repeat(times)));
                    }
                    Completed::Block(start) => {
                        let block = format!(" {}", out[start..].trim());
                        out.push_str(&block.repeat(times - 1));
                    }
                    Completed::Nothing => bail!("nothing stands before * {times}"),
                }
                last = Completed::Nothing;
                continue;
            }
            '{' => blocks.push(field),
            '}' => match blocks.pop() {
                Some(start) => last = Completed::Block(start),
                None => bail!("a block ends that never began"),
            },
            letter
                if letter.is_alphabetic() && !out.ends_with(|of: char| of.is_alphanumeric() || of == '_') =>
            {
                field = out.len();
                last = Completed::Nothing;
            }
            _ => {}
        }
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    Ok(out)
}

/// What a multiple may refer to: where it begins.
#[derive(Clone, Copy)]
enum Completed {
    Nothing,
    Text(usize),
    Block(usize),
}

fn digits(text: &str) -> &str {
    &text[..text.find(|of: char| !of.is_ascii_digit()).unwrap_or(text.len())]
}

/// The quoted text that this begins with, quotes included.
fn literal(text: &str) -> Result<&str> {
    let mut escaped = false;
    for (at, of) in text.char_indices().skip(1) {
        match of {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Ok(&text[..=at]),
            _ => {}
        }
    }
    bail!("a text is not closed: {text}")
}

/// Prints a message, in one line where it fits, else a field a line, with short forms where they apply.
pub(crate) fn print(message: &DynamicMessage) -> String {
    let fields = Printed::fields(message);
    if fields.is_empty() {
        return EMPTY.to_owned();
    }
    let line = one_line(&fields);
    if line.len() <= WIDTH {
        return line;
    }
    let mut out = String::new();
    lay_out(&fields, 0, &mut out);
    out.trim_end().to_owned()
}

/// A field in print.
#[derive(PartialEq)]
struct Printed {
    /// `key: ` or `kvs `.
    head: String,
    body: Body,
}

#[derive(PartialEq)]
enum Body {
    Scalar(String),
    Block(Vec<Printed>),
}

impl Printed {
    fn fields(message: &DynamicMessage) -> Vec<Self> {
        let mut fields = Vec::new();
        for (field, value) in message.fields() {
            match value {
                Value::List(values) => fields.extend(values.iter().map(|value| Self::new(&field, value))),
                value => fields.push(Self::new(&field, value)),
            }
        }
        // The API has no such field; to be seen, it only has to be there.
        fields.extend(message.unknown_fields().map(|unknown| Self {
            head: format!("{}: ", unknown.number()),
            body: Body::Scalar("?".to_owned()),
        }));
        fields
    }

    fn new(field: &FieldDescriptor, value: &Value) -> Self {
        let Value::Message(message) = value else {
            return Self { head: format!("{}: ", field.name()), body: Body::Scalar(scalar(field, value)) };
        };
        if let Some(revision) = complete_header(message) {
            return Self { head: format!("@{revision}"), body: Body::Scalar(String::new()) };
        }
        Self { head: format!("{} ", field.name()), body: Body::Block(Self::fields(message)) }
    }

    fn one_line(&self) -> String {
        match &self.body {
            Body::Scalar(scalar) => format!("{}{scalar}", self.head),
            Body::Block(fields) if fields.is_empty() => format!("{}{{}}", self.head),
            Body::Block(fields) => format!("{}{{ {} }}", self.head, one_line(fields)),
        }
    }
}

/// The revision of a header that says all of who answers; such a header has been set aside already.
fn complete_header(message: &DynamicMessage) -> Option<i64> {
    let is_header = message.descriptor().name() == "ResponseHeader";
    let marked = |name| message.get_field_by_name(name).is_some_and(|value| *value == Value::U64(1));
    let complete = is_header && marked("cluster_id") && marked("member_id") && marked("raft_term");
    complete.then(|| message.get_field_by_name("revision")?.as_i64()).flatten()
}

fn one_line(fields: &[Printed]) -> String {
    let runs = fields.chunk_by(|a, b| a == b);
    let lines: Vec<_> = runs
        .flat_map(|run| match run.len() {
            RUN.. => vec![format!("{} * {}", run[0].one_line(), run.len())],
            _ => run.iter().map(Printed::one_line).collect(),
        })
        .collect();
    lines.join(" ")
}

fn lay_out(fields: &[Printed], indent: usize, out: &mut String) {
    for run in fields.chunk_by(|a, b| a == b) {
        if run.len() >= RUN {
            out.push_str(&format!("{:indent$}{}\n", "", one_line(run)));
            continue;
        }
        for field in run {
            let line = field.one_line();
            match &field.body {
                Body::Block(inner) if indent + line.len() > WIDTH => {
                    out.push_str(&format!("{:indent$}{}{{\n", "", field.head));
                    lay_out(inner, indent + 2, out);
                    out.push_str(&format!("{:indent$}}}\n", ""));
                }
                _ => out.push_str(&format!("{:indent$}{line}\n", "")),
            }
        }
    }
}

fn scalar(field: &FieldDescriptor, value: &Value) -> String {
    match (value, field.kind()) {
        (Value::EnumNumber(number), Kind::Enum(of)) => match of.get_value(*number) {
            Some(value) => value.name().to_owned(),
            None => number.to_string(),
        },
        (Value::String(text), _) => quoted(&Bytes::copy_from_slice(text.as_bytes())),
        (Value::Bytes(bytes), _) => quoted(bytes),
        (Value::Bool(is), _) => is.to_string(),
        (Value::I64(number), _) => number.to_string(),
        (Value::U64(number), _) => number.to_string(),
        (Value::U32(number), _) => number.to_string(),
        (other, _) => panic!("the API has no {other:?}"),
    }
}

fn quoted(bytes: &Bytes) -> String {
    let escaped = |bytes: &[u8]| -> String {
        bytes
            .iter()
            .map(|byte| match byte {
                b'"' => "\\\"".to_owned(),
                b'\\' => "\\\\".to_owned(),
                b' '..=b'~' => char::from(*byte).to_string(),
                // Three digits always: a digit may follow.
                other => format!("\\{other:03o}"),
            })
            .collect()
    };
    match bytes.first() {
        Some(first) if bytes.len() >= BYTE_RUN && bytes.iter().all(|byte| byte == first) => {
            format!("\"{}\" * {}", escaped(&bytes[..1]), bytes.len())
        }
        _ => format!("\"{}\"", escaped(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn round_trip(message: &str, text: &str) -> String {
        print(&schema::parse(&schema::message(message), &expand(text, 42).unwrap()).unwrap())
    }

    #[test]
    fn what_is_printed_reads_as_the_same() {
        for (message, text) in [
            ("PutRequest", r#"key: "a\000b\"\\" value: "x" * 1000 lease: -1"#),
            ("RangeResponse", r#"@7 kvs { key: "a" } kvs { key: "b" } more: true"#),
            ("TxnResponse", r#"@7 responses { response_put { header { revision: 7 } } } * 128"#),
            ("Compare", r#"result: NOT_EQUAL target: LEASE lease: 0"#),
            ("LeaseGrantResponse", "header { revision: 3 } ID: 7"),
            ("RangeResponse", "{}"),
        ] {
            assert_eq!(round_trip(message, text), text);
        }
    }

    #[test]
    fn a_long_message_has_a_field_a_line() {
        let put = r#"request_put { key: "abcdefghij" value: "abcdefghijklmno" }"#;
        let text = format!(
            "compare {{ key: \"a\" }}\nsuccess {{\n  request_txn {{\n    success {{ {put} }}\n    failure {{ {put} }}\n  }}\n}}"
        );
        assert_eq!(round_trip("TxnRequest", &text), text);
    }

    #[test]
    fn a_multiple_inside_a_block_repeats_only_its_own_value() {
        let text = r#"success { request_put { key: "ab" * 2 } } * 2 failure { request_range {} }"#;
        let put = r#"success { request_put { key: "abab" } }"#;
        assert_eq!(round_trip("TxnRequest", text), format!("{put} {put} failure {{ request_range {{}} }}"));
    }

    #[test]
    fn the_member_stands_for_its_id() {
        assert_eq!(round_trip("MoveLeaderRequest", "targetID: $member"), "targetID: 42");
    }

    #[test]
    fn what_is_no_short_form_is_refused() {
        for text in ["* 3", "key: $name", "key: \"a", "}", "key: \"a\" * x"] {
            assert!(expand(text, 1).is_err(), "{text}");
        }
    }
}
