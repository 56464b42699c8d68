//! The rules of schemas in definitions that do not ask whether they are structural: what is not supported, what goes
//! with what, and how rules in CEL are written.

use std::collections::{HashMap, HashSet};

use objects::Tree;
use objects::validate::{FieldError, Path};

use crate::field_path::{Notation, resolve};
use crate::findings::Findings;
use crate::props::{Items, Props};
use crate::prune::META_FIELDS;
use crate::schema::Type;

/// What an update asks for: not what the definition broke already when an older release let it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Types are those of OpenAPI.
    pub(crate) known_types: bool,
    /// Items of sets are atomic.
    pub(crate) atomic_sets: bool,
    /// Keys of associative lists are always there.
    pub(crate) present_keys: bool,
}

impl Asked {
    pub(crate) const ALL: Self = Self { known_types: true, atomic_sets: true, present_keys: true };

    /// What is asked of a definition that had these schemas.
    pub(crate) fn beside<'a>(old: impl Iterator<Item = Props<'a>> + Clone) -> Self {
        let none =
            |ask: fn(Props<'_>) -> bool| !old.clone().any(|schema| schema.any(&mut |props| ask(props)));
        Self {
            known_types: none(|props| !props.kind().is_empty() && Type::parse(props.kind()).is_none()),
            atomic_sets: none(|props| split_set_item(props).is_some()),
            present_keys: none(|props| {
                let mut found = Findings::at(&Path::none());
                present_keys(props, &mut found);
                !found.errors.is_empty()
            }),
        }
    }
}

/// What is wrong with the schema of a version.
pub(crate) fn validate_rules(props: Props<'_>, path: &Path, asked: Asked) -> Vec<FieldError> {
    let mut found = Findings::at(path);
    Walk { asked, found: &mut found }.schema(props, &Place { root: true, ..Place::default() });
    found.errors
}

/// Where a schema stands.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    root: bool,
    /// Within apiVersion, kind or metadata of an object.
    in_metadata: bool,
    /// Why no default may stand here, and of which field.
    no_default: Option<(&'static str, &'a str)>,
}

struct Walk<'f> {
    asked: Asked,
    found: &'f mut Findings,
}

impl Walk<'_> {
    fn below(&mut self, name: &str, key: Option<&str>, props: Props<'_>, place: &Place<'_>) {
        let mark = self.found.trail.keyword(name, key);
        self.schema(props, &Place { root: false, ..*place });
        self.found.trail.back(mark);
    }

    fn schema(&mut self, props: Props<'_>, place: &Place<'_>) {
        self.keywords(props, place);
        if props.flag("uniqueItems") {
            let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
            self.found.forbidden("uniqueItems", detail);
        }
        self.fields(props, place);
        if let Some(not) = props.child("not") {
            self.below("not", None, not, place);
        }
        for junctor in ["allOf", "oneOf", "anyOf"] {
            for (index, branch) in props.branches(junctor).enumerate() {
                self.below(junctor, Some(&index.to_string()), branch, place);
            }
        }
        for (name, definition) in props.children("definitions") {
            self.below("definitions", Some(name), definition, place);
        }
        match props.items() {
            Items::One(item) => self.below("items", None, item, place),
            Items::Many(schemas) => {
                for (index, item) in schemas.iter().enumerate() {
                    self.below("items", Some(&index.to_string()), Props(item), place);
                }
            }
            Items::None => {}
        }
        for (name, dependency) in props.children("dependencies") {
            if matches!(dependency.0, Tree::Object(_)) {
                self.below("dependencies", Some(name), dependency, place);
            }
        }
        self.extensions(props);
        if self.asked.present_keys {
            present_keys(props, self.found);
        }
        for (index, rule) in props.branches("x-kubernetes-validations").enumerate() {
            self.found.within_at("x-kubernetes-validations", index, |found| cel_rule(rule, props, found));
        }
    }

    /// Keywords that are not supported.
    fn keywords(&mut self, props: Props<'_>, place: &Place<'_>) {
        let kind = props.kind();
        if self.asked.known_types && !kind.is_empty() && Type::parse(kind).is_none() {
            let types = Type::ALL.map(Type::as_str);
            self.found.push(FieldError::not_supported(&self.found.trail.path_of("type"), kind, &types));
        }
        if let (Some(_), Some((reason, field))) = (props.get("default"), place.no_default) {
            self.found.forbidden("default", format!("must not be set {reason}{field}"));
        }
        let present = |name: &str| match name {
            "id" | "patternProperties" | "definitions" => props.is_set(name),
            _ => props.get(name).is_some(),
        };
        for name in ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] {
            if present(name) {
                self.found.forbidden(name, format!("{name} is not supported"));
            }
        }
        if kind == "null" {
            self.found.forbidden("type", "type cannot be set to null, use nullable as an alternative");
        }
        if matches!(props.items(), Items::Many(schemas) if !schemas.is_empty()) {
            self.found.forbidden("items", "items must be a schema object and not an array");
        }
        if place.in_metadata && props.flag("x-kubernetes-embedded-resource") {
            self.found
                .forbidden("x-kubernetes-embedded-resource", "must not be used inside of resource meta");
        }
    }

    fn fields(&mut self, props: Props<'_>, place: &Place<'_>) {
        if let Some(additional) = props.get("additionalProperties") {
            if props.is_set("properties") && *additional != Tree::Bool(true) {
                let detail = "additionalProperties and properties are mutual exclusive";
                self.found.forbidden("additionalProperties", detail);
            }
            if let Some(values) = props.child("additionalProperties") {
                let mut within = *place;
                if place.in_metadata {
                    within.no_default = Some(("inside additionalProperties applying to object metadata", ""));
                }
                self.below("additionalProperties", None, values, &within);
            }
        }
        for (name, property) in props.properties() {
            let mut within = *place;
            if (place.root || props.flag("x-kubernetes-embedded-resource")) && META_FIELDS.contains(&name) {
                within.in_metadata = true;
                if place.root {
                    within.no_default = Some(("in top-level ", name));
                }
            }
            self.below("properties", Some(name), property, &within);
        }
    }

    /// What `x-kubernetes-` keywords ask of each other.
    fn extensions(&mut self, props: Props<'_>) {
        let found = &mut *self.found;
        if props.get("x-kubernetes-preserve-unknown-fields") == Some(&Tree::Bool(false)) {
            found.invalid("x-kubernetes-preserve-unknown-fields", false, "must be true or undefined");
        }
        if let Some(map_type) = props.get("x-kubernetes-map-type") {
            of_type(props, "object", "x-kubernetes-map-type", found);
            one_of(map_type, "x-kubernetes-map-type", &["atomic", "granular"], found);
        }
        let keys = props.list("x-kubernetes-list-map-keys");
        let list_type = props.get("x-kubernetes-list-type");
        if let Some(list_type) = list_type {
            if props.kind() != "array" {
                of_type(props, "array", "x-kubernetes-list-type", found);
            } else if let Some(keyword) = split_set_item(props).filter(|_| self.asked.atomic_sets) {
                // Upstream shows the list type of the item in both cases.
                let shown = props.item().and_then(|item| item.get("x-kubernetes-list-type"));
                found.within("items", |found| {
                    let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
                    found.invalid(keyword, shown.cloned().unwrap_or_default(), detail);
                });
            }
            one_of(list_type, "x-kubernetes-list-type", &["atomic", "set", "map"], found);
        }
        let is_map = list_type.and_then(Tree::as_str) == Some("map");
        if !keys.is_empty() && !is_map {
            let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
            match list_type {
                None => found.required("x-kubernetes-list-type", detail),
                Some(list_type) => found.invalid("x-kubernetes-list-type", list_type.clone(), detail),
            }
        }
        if is_map {
            list_map(props, keys, found);
        }
    }
}

fn of_type(props: Props<'_>, expected: &str, keyword: &str, found: &mut Findings) {
    let detail = format!("must be {expected} if {keyword} is specified");
    match props.kind() {
        kind if kind == expected => {}
        "" => found.required("type", detail),
        kind => found.invalid("type", kind, detail),
    }
}

fn one_of(value: &Tree, keyword: &str, supported: &[&str], found: &mut Findings) {
    if !value.as_str().is_some_and(|value| supported.contains(&value)) {
        found.push(FieldError::not_supported(&found.trail.path_of(keyword), value.clone(), supported));
    }
}

/// The keyword by which the items of a set are not atomic.
fn split_set_item(props: Props<'_>) -> Option<&'static str> {
    let item = props.item().filter(|_| props.text("x-kubernetes-list-type") == "set")?;
    match item.kind() {
        "array" => item
            .get("x-kubernetes-list-type")
            .filter(|list_type| list_type.as_str() != Some("atomic"))
            .map(|_| "x-kubernetes-list-type"),
        "object" => (item.text("x-kubernetes-map-type") != "atomic").then_some("x-kubernetes-map-type"),
        _ => None,
    }
}

/// The keys of an associative list are scalar fields of its items.
fn list_map(props: Props<'_>, keys: &[Tree], found: &mut Findings) {
    if keys.is_empty() {
        found.required("x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
    }
    let item = match props.items() {
        Items::None => {
            return found.required("items", "must have a schema if x-kubernetes-list-type is map");
        }
        Items::Many(schemas) => {
            let detail = "must only have a single schema if x-kubernetes-list-type is map";
            return found.invalid("items", Tree::Array(schemas.to_vec()), detail);
        }
        Items::One(item) => item,
    };
    if item.kind() != "object" {
        found.within("items", |found| {
            found.invalid(
                "type",
                item.kind(),
                "must be object if parent array's x-kubernetes-list-type is map",
            );
        });
        return;
    }
    let properties: HashMap<&str, Props<'_>> = item.properties().collect();
    let mut seen = HashSet::new();
    for name in keys.iter().map(|key| key.as_str().unwrap_or_default()) {
        let all = || Tree::Array(keys.to_vec());
        match properties.get(name) {
            Some(property) if ["array", "object"].contains(&property.kind()) => {
                found.within("items", |found| {
                    found.within_at("properties", name, |found| {
                        let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                        found.invalid("type", item.kind(), detail);
                    });
                })
            }
            Some(_) => {}
            None => found.invalid(
                "x-kubernetes-list-map-keys",
                all(),
                "entries must all be names of item properties",
            ),
        }
        if !seen.insert(name) {
            found.invalid("x-kubernetes-list-map-keys", all(), "must not contain duplicate entries");
        }
    }
}

/// Items of sets and associative lists are never null, and keys are there or have a default.
fn present_keys(props: Props<'_>, found: &mut Findings) {
    let list_type = props.text("x-kubernetes-list-type");
    let Some(item) = props.item().filter(|_| ["set", "map"].contains(&list_type)) else { return };
    let required: HashSet<&str> = item.texts("required").collect();
    let properties: HashMap<&str, Props<'_>> = item.properties().collect();
    found.within("items", |found| {
        if item.flag("nullable") {
            let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
            found.forbidden("nullable", detail);
        }
        for key in props.texts("x-kubernetes-list-map-keys").filter(|_| list_type == "map") {
            let Some(property) = properties.get(key) else { continue };
            found.within_at("properties", key, |found| {
                if !required.contains(key) && property.get("default").is_none() {
                    found.required(
                        "default",
                        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
                    );
                }
                if property.flag("nullable") {
                    let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
                    found.forbidden("nullable", detail);
                }
            });
        }
    });
}

/// A rule in CEL, as far as no compiler is needed to judge it.
fn cel_rule(rule: Props<'_>, schema: Props<'_>, found: &mut Findings) {
    const REASONS: [&str; 4] =
        ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
    let has_lines = |text: &str| text.contains(['\n', '\r']);
    let (text, message) = (rule.text("rule").trim(), rule.text("message"));
    if text.is_empty() {
        found.required("rule", "rule is not specified");
    } else if !message.is_empty() && message.trim().is_empty() {
        found.invalid("message", message, "must be non-empty if specified");
    } else if has_lines(message.trim()) {
        found.invalid("message", message, "must not contain line breaks");
    } else if has_lines(text) && message.is_empty() {
        found.required("message", "message must be specified if rule contains line breaks");
    }
    let expression = rule.text("messageExpression");
    if !expression.is_empty() && expression.trim().is_empty() {
        found.required("messageExpression", "messageExpression must be non-empty if specified");
    }
    if let Some(reason) =
        rule.get("reason").filter(|reason| !REASONS.contains(&reason.as_str().unwrap_or_default()))
    {
        found.push(FieldError::not_supported(&found.trail.path_of("reason"), reason.clone(), &REASONS));
    }
    let field = rule.text("fieldPath");
    if field.is_empty() {
        return;
    }
    if field.trim().is_empty() {
        found.invalid("fieldPath", field, "must be non-empty if specified");
    }
    if has_lines(field) {
        found.invalid("fieldPath", field, "must not contain line breaks");
    }
    if resolve(field, schema, Notation::DotsAndBrackets).is_err() {
        found.invalid("fieldPath", field, "must be a valid path");
    }
}

#[cfg(test)]
mod tests;
