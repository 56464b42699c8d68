//! OpenAPI of a version: the schemas of its kind and of its list, for the documents of versions 2 and 3.
//!
//! They are built from the definition itself, whose documentation the compiled schema does not have.

use objects::{Tree, tree};

use crate::props::Props;
use crate::schema::{SchemaError, Type};
use crate::structurality::{is_all_of_int_or_string, is_int_or_string, validate_structural};

/// Which version of OpenAPI is spoken. In version 2 there are no junctors and no nulls, and clients take whatever is
/// not listed for unknown: where unknown fields are preserved, it lists none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    V2,
    V3,
}

/// What the built-in documentation says of the fields that every kind has.
#[derive(Clone, Copy, Debug)]
pub struct Descriptions<'a> {
    pub api_version: &'a str,
    pub kind: &'a str,
    /// Of the metadata of an object.
    pub metadata: &'a str,
    /// Of the metadata of a list.
    pub list_metadata: &'a str,
}

/// The schemas of a version.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenApi {
    /// `com.example.stable.v1.CronTab`
    pub name: String,
    pub schema: Tree,
    pub list_name: String,
    pub list_schema: Tree,
}

/// Builds the schemas of a version; `None` where the definition does not have it.
pub fn openapi(
    crd: &Tree,
    version: &str,
    dialect: Dialect,
    descriptions: Descriptions<'_>,
) -> Option<OpenApi> {
    let tree =
        crd.items_at(&["spec", "versions"]).iter().find(|tree| tree.str_at(&["name"]) == Some(version))?;
    let text = |path: &[&str]| crd.str_at(path).unwrap_or_default();
    let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
    let list_kind = text(&["spec", "names", "listKind"]);
    let build = Build { dialect, descriptions };
    let preserve = crd.bool_at(&["spec", "preserveUnknownFields"]) == Some(true);
    let mut schema = build.object(tree.at(&["schema", "openAPIV3Schema"]).map(Props), preserve);
    let model = |kind: &str| {
        let reversed: Vec<&str> = group.rsplit('.').collect();
        format!("{}.{version}.{kind}", reversed.join("."))
    };
    let mut list_schema = build.list(&model(kind), kind, list_kind, text(&["spec", "names", "plural"]));
    for (schema, kind) in [(&mut schema, kind), (&mut list_schema, list_kind)] {
        schema.set_at(
            &["x-kubernetes-group-version-kind"],
            Tree::Array(vec![tree!({ "group": group, "kind": kind, "version": version })]),
        );
        let fields =
            tree.items_at(&["selectableFields"]).iter().filter_map(|field| field.str_at(&["jsonPath"]));
        let fields: Vec<Tree> =
            fields.map(|path| tree!({ "fieldPath": (path.strip_prefix('.').unwrap_or(path)) })).collect();
        if !fields.is_empty() {
            schema.set_at(&["x-kubernetes-selectable-fields"], Tree::Array(fields));
        }
    }
    Some(OpenApi { name: model(kind), schema, list_name: model(list_kind), list_schema })
}

/// Keywords that are the same in every dialect.
const COPIED: [&str; 24] = [
    "description",
    "title",
    "externalDocs",
    "example",
    "format",
    "pattern",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "uniqueItems",
    "enum",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-validations",
];

#[derive(Clone, Copy)]
struct Build<'a> {
    dialect: Dialect,
    descriptions: Descriptions<'a>,
}

impl Build<'_> {
    /// The schema of the kind. One that is not structural is told no further: clients would be misled.
    fn object(self, schema: Option<Props<'_>>, preserve: bool) -> Tree {
        let bare = || tree!({ "type": "object" });
        let Some(props) = schema.filter(|props| is_told(*props)) else { return bare() };
        let preserve = preserve || props.flag("x-kubernetes-preserve-unknown-fields");
        if self.dialect == Dialect::V2 && preserve {
            return bare();
        }
        let mut object = self.structure(props);
        self.type_meta(&mut object);
        object.set_at(&["properties", "metadata"], self.reference("ObjectMeta", self.descriptions.metadata));
        object
    }

    fn list(self, item: &str, kind: &str, list_kind: &str, plural: &str) -> Tree {
        const SEE: &str =
            "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md";
        let mut list = tree!({
            "type": "object",
            "description": (format!("{list_kind} is a list of {kind}")),
            "required": ["items"],
            "properties": {
                "items": {
                    "type": "array",
                    "description": (format!("List of {plural}. More info: {SEE}")),
                    "items": { "$ref": (self.reference_to(item)) }
                },
                "metadata": (self.reference("ListMeta", self.descriptions.list_metadata))
            }
        });
        self.type_meta(&mut list);
        list
    }

    fn type_meta(self, object: &mut Tree) {
        for (name, description) in
            [("apiVersion", self.descriptions.api_version), ("kind", self.descriptions.kind)]
        {
            let text = tree!({ "type": "string", "description": description });
            object.set_at(&["properties", name], text);
        }
    }

    fn reference_to(self, model: &str) -> String {
        match self.dialect {
            Dialect::V2 => format!("#/definitions/{model}"),
            Dialect::V3 => format!("#/components/schemas/{model}"),
        }
    }

    /// A reference with a description. In version 3 nothing may stand beside a reference.
    fn reference(self, name: &str, description: &str) -> Tree {
        let target = self.reference_to(&format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}"));
        match self.dialect {
            Dialect::V2 => tree!({ "$ref": target, "description": description }),
            Dialect::V3 => tree!({ "description": description, "allOf": [{ "$ref": target }] }),
        }
    }

    /// A node of the structure.
    fn structure(self, props: Props<'_>) -> Tree {
        let preserve = props.flag("x-kubernetes-preserve-unknown-fields");
        let v2 = self.dialect == Dialect::V2;
        // Clients of version 2 cannot cope with what is listed within an untyped or an open value.
        let opaque = v2 && (props.flag("nullable") || preserve);
        let mut out = Tree::object();
        let kind = props.kind();
        let untyped =
            v2 && (props.flag("nullable") || preserve && kind == "object" || opaque && kind == "array");
        if !kind.is_empty() && !untyped {
            out.insert("type", kind);
        }
        copy(props, &mut out);
        if preserve {
            out.insert("x-kubernetes-preserve-unknown-fields", true);
        }
        if !opaque {
            self.within(props, &mut out);
        }
        match props.get("additionalProperties") {
            Some(values @ Tree::Object(_)) => {
                out.insert("additionalProperties", self.structure(Props(values)));
            }
            Some(allowed) => drop(out.insert("additionalProperties", allowed.clone())),
            None => {}
        }
        if v2 {
            self.require_what_is_not_null(props, opaque, &mut out);
        } else {
            require(props, &mut out);
            junctors(props, &mut out);
            for keyword in ["nullable", "default"] {
                if let Some(value) = props.get(keyword).filter(|value| **value != Tree::Bool(false)) {
                    out.insert(keyword, value.clone());
                }
            }
        }
        if props.flag("x-kubernetes-embedded-resource") && !(v2 && preserve) {
            self.embedded(&mut out);
        }
        out
    }

    fn within(self, props: Props<'_>, out: &mut Tree) {
        if let Some(item) = props.item() {
            out.insert("items", self.structure(item));
        }
        let properties: Vec<_> =
            props.properties().map(|(name, property)| (name.into(), self.structure(property))).collect();
        if !properties.is_empty() {
            out.insert("properties", Tree::Object(properties.into_iter().collect()));
        }
    }

    /// A field that may be null is not required where null cannot be told.
    fn require_what_is_not_null(self, props: Props<'_>, opaque: bool, out: &mut Tree) {
        let nullable = |props: Option<Props<'_>>| props.is_some_and(|props| props.flag("nullable"));
        if nullable(props.child("additionalProperties")) {
            return;
        }
        let required = props.texts("required").filter(|name| opaque || !nullable(props.property(name)));
        let required: Vec<Tree> = required.map(Tree::from).collect();
        if !required.is_empty() {
            out.insert("required", Tree::Array(required));
        }
    }

    fn embedded(self, out: &mut Tree) {
        self.type_meta(out);
        out.set_at(&["properties", "metadata"], self.reference("ObjectMeta", self.descriptions.metadata));
        for name in ["kind", "apiVersion"] {
            let required = out.object_mut().entry("required", Tree::array);
            if let Tree::Array(names) = required
                && !names.iter().any(|known| known.as_str() == Some(name))
            {
                names.push(Tree::from(name));
            }
        }
    }
}

/// Whether a schema is fit to be told: it can be read, and is structural.
fn is_told(props: Props<'_>) -> bool {
    let readable = !props.any(&mut |below| {
        let unknown_type = !below.kind().is_empty() && Type::parse(below.kind()).is_none();
        unknown_type || SchemaError::unsupported(below.0).is_some()
    });
    readable && validate_structural(props, &objects::validate::Path::none()).is_empty()
}

fn copy(props: Props<'_>, out: &mut Tree) {
    for keyword in COPIED {
        let said = |value: &&Tree| !value.is_empty_value() || matches!(value, Tree::Int(_) | Tree::Float(_));
        if let Some(value) = props.get(keyword).filter(said) {
            out.insert(keyword, value.clone());
        }
    }
    if props.is_set("x-kubernetes-list-map-keys") {
        out.insert(
            "x-kubernetes-list-map-keys",
            Tree::Array(props.list("x-kubernetes-list-map-keys").to_vec()),
        );
    }
}

fn require(props: Props<'_>, out: &mut Tree) {
    if props.is_set("required") {
        out.insert("required", Tree::Array(props.list("required").to_vec()));
    }
}

/// `allOf`, `anyOf`, `oneOf` and `not`; an int-or-string says its two types in them.
fn junctors(props: Props<'_>, out: &mut Tree) {
    for junctor in ["allOf", "anyOf", "oneOf"] {
        let branches: Vec<Tree> = props.branches(junctor).map(branch).collect();
        if !branches.is_empty() {
            out.insert(junctor, Tree::Array(branches));
        }
    }
    if let Some(not) = props.child("not") {
        out.insert("not", branch(not));
    }
    if !props.flag("x-kubernetes-int-or-string") || is_int_or_string(props) || is_all_of_int_or_string(props)
    {
        return;
    }
    let types = tree!([{ "type": "integer" }, { "type": "string" }]);
    if out.get("anyOf").is_none() {
        out.insert("anyOf", types);
        return;
    }
    let all_of = out.object_mut().entry("allOf", Tree::array);
    if let Tree::Array(branches) = all_of {
        branches.insert(0, tree!({ "anyOf": types }));
    }
}

/// A branch of a junctor, in which only what validates is told.
fn branch(props: Props<'_>) -> Tree {
    let mut out = Tree::object();
    if !props.kind().is_empty() {
        out.insert("type", props.kind());
    }
    copy(props, &mut out);
    require(props, &mut out);
    junctors(props, &mut out);
    if let Some(item) = props.item() {
        out.insert("items", branch(item));
    }
    let properties: Vec<_> =
        props.properties().map(|(name, property)| (name.into(), branch(property))).collect();
    if !properties.is_empty() {
        out.insert("properties", Tree::Object(properties.into_iter().collect()));
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::Tree;

    use super::{Descriptions, Dialect, OpenApi, openapi};

    const WORDS: Descriptions<'static> =
        Descriptions { api_version: "V", kind: "K", metadata: "M", list_metadata: "L" };

    fn build(schema: &str, dialect: Dialect) -> OpenApi {
        let mut crd = crate::definition::tests::cron_tab();
        let schema = Tree::from_json(schema.as_bytes()).unwrap();
        let version = crd.at_mut(&["spec", "versions", "0"]).unwrap();
        version.set_at(&["schema", "openAPIV3Schema"], schema);
        openapi(&crd, "v1", dialect, WORDS).unwrap()
    }

    /// The properties of the kind, without those that every kind has.
    fn check(properties: &str, dialect: Dialect, expected: Expect) {
        let schema = format!(r#"{{"type":"object","properties":{properties}}}"#);
        let mut told = build(&schema, dialect).schema.remove("properties").unwrap();
        for name in ["apiVersion", "kind", "metadata"] {
            told.remove(name);
        }
        expected
            .assert_eq(&told.fields().map(|(name, value)| format!("{name} {value}\n")).collect::<String>());
    }

    #[test]
    fn a_kind_has_type_and_metadata_and_a_list() {
        let built = build(r#"{"type":"object","description":"A CronTab."}"#, Dialect::V3);
        expect![[r##"{"type":"object","description":"A CronTab.","properties":{"apiVersion":{"type":"string","description":"V"},"kind":{"type":"string","description":"K"},"metadata":{"description":"M","allOf":[{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]}},"x-kubernetes-group-version-kind":[{"group":"stable.example.com","kind":"CronTab","version":"v1"}],"x-kubernetes-selectable-fields":[{"fieldPath":"spec.image"}]}"##]]
        .assert_eq(&built.schema.to_json_string());
        assert_eq!(
            (built.name.as_str(), built.list_name.as_str()),
            ("com.example.stable.v1.CronTab", "com.example.stable.v1.CronTabList")
        );
        let list = build(r#"{"type":"object"}"#, Dialect::V2).list_schema;
        expect![[r##"{"type":"object","description":"CronTabList is a list of CronTab","required":["items"],"properties":{"items":{"type":"array","description":"List of crontabs. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md","items":{"$ref":"#/definitions/com.example.stable.v1.CronTab"}},"metadata":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta","description":"L"},"apiVersion":{"type":"string","description":"V"},"kind":{"type":"string","description":"K"}},"x-kubernetes-group-version-kind":[{"group":"stable.example.com","kind":"CronTabList","version":"v1"}],"x-kubernetes-selectable-fields":[{"fieldPath":"spec.image"}]}"##]]
        .assert_eq(&list.to_json_string());
    }

    const FIELDS: &str = r#"{
        "port":{"x-kubernetes-int-or-string":true},
        "ranged":{"x-kubernetes-int-or-string":true,"anyOf":[{"minimum":1},{"pattern":"a"}]},
        "maybe":{"type":"object","nullable":true,"properties":{"a":{"type":"string"}}},
        "open":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"string"}}},
        "outer":{"type":"object","required":["a","b"],"properties":{"a":{"type":"string","nullable":true},"b":{"type":"integer","default":1,"minimum":0}},"oneOf":[{"required":["a"]}]},
        "pod":{"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object"}}}}"#;

    #[test]
    fn version_3_tells_all() {
        check(
            FIELDS,
            Dialect::V3,
            expect![[r##"
            port {"x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]}
            ranged {"x-kubernetes-int-or-string":true,"anyOf":[{"minimum":1},{"pattern":"a"}],"allOf":[{"anyOf":[{"type":"integer"},{"type":"string"}]}]}
            maybe {"type":"object","properties":{"a":{"type":"string"}},"nullable":true}
            open {"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"string"}}}
            outer {"type":"object","properties":{"a":{"type":"string","nullable":true},"b":{"type":"integer","minimum":0,"default":1}},"required":["a","b"],"oneOf":[{"required":["a"]}]}
            pod {"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object"},"apiVersion":{"type":"string","description":"V"},"kind":{"type":"string","description":"K"},"metadata":{"description":"M","allOf":[{"$ref":"#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}]}},"required":["kind","apiVersion"]}
        "##]],
        );
    }

    #[test]
    fn version_2_leaves_out_what_its_clients_misread() {
        check(
            FIELDS,
            Dialect::V2,
            expect![[r##"
            port {"x-kubernetes-int-or-string":true}
            ranged {"x-kubernetes-int-or-string":true}
            maybe {}
            open {"x-kubernetes-preserve-unknown-fields":true}
            outer {"type":"object","properties":{"a":{},"b":{"type":"integer","minimum":0}},"required":["b"]}
            pod {"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object"},"apiVersion":{"type":"string","description":"V"},"kind":{"type":"string","description":"K"},"metadata":{"$ref":"#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta","description":"M"}},"required":["kind","apiVersion"]}
        "##]],
        );
        let open = r#"{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"string"}}}"#;
        assert_eq!(build(open, Dialect::V2).schema.get("properties"), None);
        assert!(build(open, Dialect::V3).schema.at(&["properties", "a"]).is_some());
    }

    #[test]
    fn what_is_not_structural_is_not_told() {
        let built = build(r#"{"type":"object","properties":{"a":{}}}"#, Dialect::V3);
        assert_eq!(built.schema.get("properties"), None);
    }
}
