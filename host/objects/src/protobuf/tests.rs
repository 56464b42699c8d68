//! Messages are read as their JSON would be, and written so that they read back; bytes that are none are refused and never panic.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{EncodeError, Envelope, MAGIC, encode, encode_event};
use crate::decode::{self, FieldValidation, Notation, object, value};
use crate::resource::{GroupVersionKind, served};
use crate::schema::{Shape, Type, by_gvk};
use crate::{Tree, meta, tree};

/// A value of wire type 2.
fn bytes(number: u8, content: impl AsRef<[u8]>) -> Vec<u8> {
    let content = content.as_ref();
    let mut out = vec![number << 3 | 2];
    let mut len = content.len();
    while len >= 0x80 {
        out.push(len as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend_from_slice(content);
    out
}

fn envelope(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
    let type_meta = [bytes(1, api_version), bytes(2, kind)].concat();
    [MAGIC, &bytes(1, type_meta), &bytes(2, message), &bytes(3, ""), &bytes(4, "")].concat()
}

fn check(kind: &str, body: &[u8], expected: Expect) {
    let kind = GroupVersionKind::new("", "v1", kind.to_owned());
    expected.assert_eq(&match object(body, Notation::Protobuf, &kind, FieldValidation::Strict) {
        Ok(decoded) => decoded.tree.to_json_string(),
        Err(status) => status.message,
    });
}

/// `kubectl create configmap a --from-literal=k=v`, as it is on the wire.
const CONFIG_MAP: &[u8] = b"k8s\0\
    \x0a\x0f\x0a\x02v1\x12\x09ConfigMap\
    \x12\x27\
    \x0a\x11\x0a\x01a\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x00\x38\x00\x42\x00\
    \x12\x06\x0a\x01k\x12\x01v\
    \x1a\x0a\x0a\x01b\x12\x05\x00\xff\x10\x20\x30\
    \x1a\x00\x22\x00";

#[test]
fn a_config_map_is_read() {
    check(
        "ConfigMap",
        CONFIG_MAP,
        expect![[
            r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"k":"v"},"binaryData":{"b":"AP8QIDA="}}"#
        ]],
    );
}

#[test]
fn a_namespace_is_read() {
    let body = b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x1b\x0a\x13\x0a\x03one\x12\x00\x1a\x00\x22\x00\x2a\x00\x32\x00\x38\x00\x42\x00\x12\x00\x1a\x02\x0a\x00\x1a\x00\x22\x00";
    check(
        "Namespace",
        body,
        expect![[
            r#"{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"one"},"spec":{},"status":{}}"#
        ]],
    );
}

#[test]
fn a_pod_is_read_with_every_sort_of_leaf() {
    let cpu = [bytes(1, "cpu"), bytes(2, bytes(1, "0.5"))].concat();
    let port = [vec![8, 1], vec![16, 0], bytes(3, "http")].concat();
    let http_get = [bytes(1, "/"), bytes(2, port), bytes(3, ""), bytes(4, "")].concat();
    let probe = [bytes(1, bytes(2, http_get)), vec![16, 5, 24, 0, 32, 0]].concat();
    let container = [
        bytes(1, "c"),
        bytes(2, "image"),
        bytes(5, ""),
        bytes(8, bytes(1, &cpu)),
        bytes(10, probe),
        vec![0x80 | 16, 1, 0],
        bytes(15, [16, 0, 32, 0]),
    ]
    .concat();
    let volume = [bytes(1, "scratch"), bytes(2, bytes(2, bytes(1, "")))].concat();
    let spec = [
        bytes(1, volume),
        bytes(2, container),
        vec![32, 0],
        vec![88, 0],
        bytes(14, [bytes(4, [1, 2]), vec![32, 3]].concat()),
    ]
    .concat();
    let created = [vec![8], vec![0xf8, 0xcf, 0xdf, 0xca, 0x06], vec![16, 0]].concat();
    let metadata = [bytes(1, "p"), bytes(8, created)].concat();
    let pod = [bytes(1, metadata), bytes(2, spec), vec![0xfa, 0x3f, 1, 7]].concat();
    check(
        "Pod",
        &envelope("v1", "Pod", &pod),
        expect![[
            r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","creationTimestamp":"2026-01-02T15:44:56Z"},"spec":{"volumes":[{"name":"scratch","emptyDir":{}}],"containers":[{"name":"c","image":"image","resources":{"limits":{"cpu":"500m"}},"livenessProbe":{"httpGet":{"path":"/","port":"http"},"initialDelaySeconds":5},"securityContext":{"privileged":false,"runAsUser":0}}],"terminationGracePeriodSeconds":0,"securityContext":{"supplementalGroups":[1,2,3]}}}"#
        ]],
    );
}

#[test]
fn an_envelope_may_hold_json_and_no_kind() {
    let message = br#"{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"b"}}"#;
    let body = [MAGIC, &bytes(2, message), &bytes(4, "application/json")].concat();
    check("ConfigMap", &body, expect![[r#"{"kind":"ConfigMap","apiVersion":"v1","data":{"a":"b"}}"#]]);
}

#[test]
fn what_is_no_message_is_refused() {
    check(
        "Pod",
        b"",
        expect!["the object provided is unrecognized (must be of type Pod): empty data (<empty>)"],
    );
    check(
        "Pod",
        b"{\"kind\":\"Pod\"}",
        expect![[
            r#"the object provided is unrecognized (must be of type Pod): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({"kind":"Pod"})"#
        ]],
    );
    check(
        "Pod",
        b"k8s\0\x0a\x05a",
        expect!["the object provided is unrecognized (must be of type Pod): unexpected EOF (6b3873000a0561)"],
    );
    check(
        "Pod",
        CONFIG_MAP,
        expect![[
            r#"ConfigMap in version "v1" cannot be handled as a Pod: converting (v1.ConfigMap) to (core.Pod): unknown conversion"#
        ]],
    );
    check(
        "Pod",
        &envelope("v1", "Foo", b""),
        expect![[
            r#"Foo in version "v1" cannot be handled as a Pod: no kind "Foo" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30""#
        ]],
    );
    check(
        "Pod",
        &envelope("v1", "Pod", b"\x12\x05a"),
        expect![[r#"Pod in version "v1" cannot be handled as a Pod: unexpected EOF"#]],
    );
    check(
        "Pod",
        &envelope("v1", "Pod", b"\x10\x05"),
        expect![[
            r#"Pod in version "v1" cannot be handled as a Pod: proto: wrong wireType = 0 for field spec"#
        ]],
    );
    check(
        "Pod",
        &envelope("v1", "Pod", b"\x13"),
        expect![[r#"Pod in version "v1" cannot be handled as a Pod: proto: illegal wireType 3"#]],
    );
    check(
        "Pod",
        &envelope("v1", "Pod", &[0xff; 12]),
        expect![[r#"Pod in version "v1" cannot be handled as a Pod: proto: integer overflow"#]],
    );
    check(
        "Pod",
        &[MAGIC, &bytes(3, "gzip")].concat(),
        expect![[
            r#"the object provided is unrecognized (must be of type Pod): proto: unknown content encoding "gzip" (6b3873001a04677a6970)"#
        ]],
    );
}

#[test]
fn the_kind_of_options_is_in_their_envelope() {
    let body = envelope("apps/v1", "DeleteOptions", &[vec![8, 0], bytes(4, "Foreground")].concat());
    let (tree, _) = value(&body, Notation::Protobuf).unwrap();
    expect![[r#"{"kind":"DeleteOptions","apiVersion":"apps/v1","gracePeriodSeconds":0,"propagationPolicy":"Foreground"}"#]].assert_eq(&tree.to_json_string());
    assert!(value(&envelope("v1", "Foo", b""), Notation::Protobuf).is_err());
}

#[test]
fn a_watch_event_is_a_frame_of_its_length() {
    let object = tree!({ "kind": "Namespace", "apiVersion": "v1", "metadata": { "name": "one" } });
    let inner = envelope("v1", "Namespace", &bytes(1, bytes(1, "one")));
    assert_eq!(encode(&object).unwrap(), inner);
    let frame = encode_event(&tree!({ "type": "ADDED", "object": object })).unwrap();
    let event = [bytes(1, "ADDED"), bytes(2, bytes(1, inner))].concat();
    assert_eq!(frame, [&[0, 0, 0, event.len() as u8], &event[..]].concat());
}

#[test]
fn a_value_that_is_one_of_several_is_in_the_field_of_its_shape() {
    let schema = |schema: Tree| {
        tree!({ "kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1", "spec": { "versions": [
            { "name": "v1", "served": false, "storage": true, "schema": { "openAPIV3Schema": schema },
              "subresources": { "status": {} } }] } })
    };
    let gvk = GroupVersionKind::new("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    for sample in [
        tree!({ "additionalProperties": false, "items": [{ "type": "string" }, {}] }),
        tree!({ "additionalProperties": true, "items": { "enum": [null, 1, "a"] } }),
        tree!({ "additionalProperties": { "default": { "a": [] } }, "dependencies": { "a": ["b"], "c": {} } }),
        tree!({ "x-kubernetes-preserve-unknown-fields": false, "maxLength": 0, "maximum": 0.5 }),
    ] {
        let body = encode(&schema(sample.clone())).unwrap();
        let read = object(&body, Notation::Protobuf, &gvk, FieldValidation::Strict).unwrap().tree;
        let version = &read.items_at(&["spec", "versions"])[0];
        assert_eq!(version.at(&["schema", "openAPIV3Schema"]), Some(&sample));
        assert_eq!(version.at(&["subresources", "status"]), Some(&Tree::object()));
        assert_eq!(version.bool_at(&["served"]), Some(false));
    }
}

#[test]
fn what_has_no_message_is_not_written() {
    let table = tree!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1" });
    assert_eq!(encode(&table), Err(EncodeError::Kind("Table".to_owned())));
    let pod = tree!({ "kind": "Pod", "apiVersion": "v1", "spec": { "hostNetwork": "yes" } });
    assert_eq!(encode(&pod), Err(EncodeError::Value("hostNetwork")));
    assert_eq!(encode_event(&tree!({ "type": "ADDED" })), Err(EncodeError::Value("object")));
}

/// What a sample is drawn from.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn object(&mut self, row: &'static Type, depth: u64) -> Tree {
        let mut tree = Tree::object();
        for field in row.fields().iter().filter(|field| !field.numbers().is_empty()) {
            if self.below(2 + depth) == 0 {
                let value = self.value(field.shape, depth + 1);
                let is_told = field.pointer && self.below(2) == 0;
                tree.insert(field.name, if is_told { zero(field.shape) } else { value });
            }
        }
        tree
    }

    fn value(&mut self, shape: Shape, depth: u64) -> Tree {
        let number = 1 + self.below(1 << 30) as i64;
        let second = jiff::Timestamp::new(number, 0).unwrap();
        match shape.resolve() {
            Shape::String => Tree::from(format!("text {number}")),
            Shape::Bytes => Tree::from("AP8="),
            Shape::Bool => Tree::Bool(true),
            Shape::Int32 | Shape::Int64 => Tree::from(if number % 2 == 0 { number } else { -number }),
            Shape::Double => Tree::Float(number as f64 + 0.5),
            Shape::Time => meta::rfc3339(second).into(),
            Shape::MicroTime => meta::rfc3339_micro(second + jiff::Span::new().microseconds(7)).into(),
            Shape::Quantity => Tree::from(format!("{number}m")),
            Shape::IntOrString if number % 2 == 0 => Tree::from("http"),
            Shape::IntOrString => Tree::from(number),
            Shape::Any if !shape.alternatives().is_empty() => {
                let all = shape.alternatives();
                let one = self.below(all.len() as u64) as usize;
                self.value(all[one].shape, depth + 1)
            }
            Shape::Object if shape.is_empty() => Tree::object(),
            Shape::Any | Shape::Object => tree!({ "any": [number, null] }),
            Shape::Struct(id) => self.object(id.get(), depth),
            Shape::Array(_) => {
                let shape = shape.items().unwrap();
                Tree::Array((0..=self.below(2)).map(|_| self.value(shape, depth)).collect())
            }
            Shape::Map(_) => {
                let mut tree = Tree::object();
                tree.insert("some/key", self.value(shape.values().unwrap(), depth));
                tree
            }
        }
    }
}

fn zero(shape: Shape) -> Tree {
    match shape.resolve() {
        Shape::Bool => Tree::Bool(false),
        // A whole number is written without a fraction, whatever it may have.
        Shape::Int32 | Shape::Int64 | Shape::Double => Tree::Int(0),
        _ => Tree::from(""),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_served_kind_survives_its_protobuf(seed in any::<u64>()) {
        let mut draw = Draw(seed);
        for row in served() {
            for kind in [&row.kind, &row.list_kind] {
                let gvk = GroupVersionKind::new(row.group.clone(), row.version.clone(), kind.clone());
                let known = by_gvk(&row.group, &row.version, kind).filter(|known| known.is_message());
                let Some(known) = known else { continue };
                let mut sample = draw.object(known, 0);
                meta::set_gvk(&mut sample, &gvk);
                decode::check(&mut sample, known).unwrap();
                let body = encode(&sample).unwrap();
                let read = object(&body, Notation::Protobuf, &gvk, FieldValidation::Strict).unwrap();
                prop_assert_eq!(read.tree, sample);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..CONFIG_MAP.len(),
        byte in any::<u8>(),
    ) {
        let mut changed = CONFIG_MAP.to_vec();
        changed[at] = byte;
        for body in [&changed, &envelope("v1", "Pod", &noise), &[MAGIC, &noise].concat(), &noise] {
            drop(value(body, Notation::Protobuf));
            drop(Envelope::read(body));
        }
    }
}
