//! Whether a schema is structural: every value has one place in it that says its type, and value validations only
//! narrow what those places say.

mod complete;

use objects::tree;
use objects::validate::{FieldError, Path};

use crate::findings::Findings;
use crate::props::Props;
use crate::schema::Patterns;

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// What keeps a schema from being structural, sorted as upstream sorts it.
pub(crate) fn validate_structural(props: Props<'_>, path: &Path) -> Vec<FieldError> {
    let mut walk = Walk { patterns: Patterns::default(), found: Findings::at(path) };
    walk.structure(props, Level::Root);
    complete::validate(props, &mut walk.found);
    let mut errors = walk.found.errors;
    errors.sort_by_cached_key(ToString::to_string);
    errors
}

struct Walk {
    patterns: Patterns,
    found: Findings,
}

impl Walk {
    fn within(&mut self, name: &str, key: Option<&str>, walk: impl FnOnce(&mut Self)) {
        let mark = self.found.trail.keyword(name, key);
        walk(self);
        self.found.trail.back(mark);
    }

    fn structure(&mut self, props: Props<'_>, level: Level) {
        let (embedded, int_or_string) =
            (props.flag("x-kubernetes-embedded-resource"), props.flag("x-kubernetes-int-or-string"));
        let preserve = props.flag("x-kubernetes-preserve-unknown-fields");
        if props.kind() == "array" && props.item().is_none() {
            self.found.required("items", "must be specified");
        }
        if let Some(item) = props.item() {
            self.within("items", None, |walk| walk.structure(item, Level::Item));
        }
        for (name, property) in props.properties() {
            self.within("properties", Some(name), |walk| walk.structure(property, Level::Field));
        }
        if props.get("additionalProperties").is_some() {
            if level == Level::Root {
                self.found.forbidden("additionalProperties", "must not be used at the root");
            }
            if let Some(values) = props.child("additionalProperties") {
                self.within("additionalProperties", None, |walk| walk.structure(values, Level::Field));
            }
            if embedded {
                let detail = "must not be used if x-kubernetes-embedded-resource is set";
                self.found.forbidden("additionalProperties", detail);
            }
        }
        if int_or_string {
            for (name, set) in [
                ("x-kubernetes-preserve-unknown-fields", preserve),
                ("x-kubernetes-embedded-resource", embedded),
            ] {
                if set {
                    self.found.invalid(name, true, "must be false if x-kubernetes-int-or-string is true");
                }
            }
        }
        self.values(props, is_int_or_string(props), is_all_of_int_or_string(props));
        self.kind(props, level);
        self.metadata(props, level);
        if embedded && !preserve && !props.is_set("properties") {
            self.found.required(
                "properties",
                "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
            );
        }
    }

    fn kind(&mut self, props: Props<'_>, level: Level) {
        let kind = props.kind();
        let untyped =
            props.flag("x-kubernetes-int-or-string") || props.flag("x-kubernetes-preserve-unknown-fields");
        if props.flag("x-kubernetes-embedded-resource") && kind != "object" {
            let detail = "must be object if x-kubernetes-embedded-resource is true";
            if kind.is_empty() {
                self.found.required("type", detail);
            } else {
                self.found.invalid("type", kind, detail);
            }
        } else if kind.is_empty() && !untyped {
            self.found.required(
                "type",
                match level {
                    Level::Root => "must not be empty at the root",
                    Level::Item => "must not be empty for specified array items",
                    Level::Field => "must not be empty for specified object fields",
                },
            );
        }
        if level == Level::Root && !kind.is_empty() && kind != "object" {
            self.found.invalid("type", kind, "must be object at the root");
        }
    }

    /// The metadata of an object is implied: of the root's no more than the names may be narrowed.
    fn metadata(&mut self, props: Props<'_>, level: Level) {
        let is_object = level == Level::Root || props.flag("x-kubernetes-embedded-resource");
        for name in ["kind", "apiVersion"] {
            let Some(property) =
                props.property(name).filter(|property| is_object && property.kind() != "string")
            else {
                continue;
            };
            self.found.within_at("properties", name, |found| {
                found.invalid("type", property.kind(), "must be string");
            });
        }
        let Some(metadata) = props.property("metadata") else { return };
        self.found.within_at("properties", "metadata", |found| {
            if is_object && metadata.kind() != "object" {
                found.invalid("type", metadata.kind(), "must be object");
            }
            if level == Level::Root && !restricts_names_alone(metadata) {
                found.push(FieldError::forbidden(
                    &found.trail.path(),
                    "must not specify anything other than name and generateName, but metadata is implicitly specified",
                ));
            }
        });
    }

    /// Value validations of a node; `skip_any_of` where they are those of an int-or-string.
    fn values(&mut self, props: Props<'_>, skip_any_of: bool, skip_all_of: bool) {
        if !skip_any_of {
            for (index, branch) in props.branches("anyOf").enumerate() {
                self.within("anyOf", Some(&index.to_string()), |walk| walk.nested(branch, false));
            }
        }
        for (index, branch) in props.branches("allOf").enumerate() {
            let skip = skip_all_of && index == 0;
            self.within("allOf", Some(&index.to_string()), |walk| walk.nested(branch, skip));
        }
        for (index, branch) in props.branches("oneOf").enumerate() {
            self.within("oneOf", Some(&index.to_string()), |walk| walk.nested(branch, false));
        }
        if let Some(not) = props.child("not") {
            self.within("not", None, |walk| walk.nested(not, false));
        }
        let pattern = props.text("pattern");
        if !pattern.is_empty()
            && let Err(error) = self.patterns.get(pattern)
        {
            let detail = format!("must be a valid regular expression, but isn't: {error}");
            self.found.invalid("pattern", pattern, detail);
        }
    }

    /// A branch of a junctor, or what is within one: it may say no structure of its own.
    fn nested(&mut self, props: Props<'_>, skip_any_of: bool) {
        /// What must not be said, and how that is told.
        const FORBIDDEN: [(&str, &str); 12] = [
            ("type", "must be empty to be structural"),
            ("default", "must be undefined to be structural"),
            ("title", "must be empty to be structural"),
            ("description", "must be empty to be structural"),
            ("nullable", "must be false to be structural"),
            ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
            ("x-kubernetes-embedded-resource", "must be false to be structural"),
            ("x-kubernetes-int-or-string", "must be false to be structural"),
            ("x-kubernetes-list-map-keys", "must be empty to be structural"),
            ("x-kubernetes-list-type", "must be undefined to be structural"),
            ("x-kubernetes-map-type", "must be undefined to be structural"),
            ("x-kubernetes-validations", "must be empty to be structural"),
        ];
        self.values(props, skip_any_of, false);
        if let Some(item) = props.item() {
            self.within("items", None, |walk| walk.nested(item, false));
        }
        for (name, property) in props.properties() {
            self.within("properties", Some(name), |walk| walk.nested(property, false));
        }
        for (name, detail) in FORBIDDEN {
            // A default is said whatever its value, the others only where they are no zero value.
            if if name == "default" { props.get(name).is_some() } else { props.is_set(name) } {
                self.found.forbidden(name, detail);
            }
        }
        if props.child("additionalProperties").is_some() || props.flag("additionalProperties") {
            self.found.forbidden("additionalProperties", "must be undefined to be structural");
        }
        if props.property("metadata").is_some() {
            self.found.within_at("properties", "metadata", |found| {
                let path = found.trail.path();
                found.push(FieldError::forbidden(&path, "must not be specified in a nested context"));
            });
        }
    }
}

/// `anyOf: [{type: integer}, {type: string}]`
pub(crate) fn is_int_or_string(props: Props<'_>) -> bool {
    matches!(props.list("anyOf"), [one, two] if *one == tree!({ "type": "integer" }) && *two == tree!({ "type": "string" }))
}

/// The same as the first of `allOf`.
pub(crate) fn is_all_of_int_or_string(props: Props<'_>) -> bool {
    props.branches("allOf").next().is_some_and(is_int_or_string)
}

fn restricts_names_alone(metadata: Props<'_>) -> bool {
    let names = || metadata.properties().all(|(name, _)| ["name", "generateName"].contains(&name));
    metadata.0.fields().all(|(keyword, value)| match keyword {
        "type" | "default" => true,
        "properties" => names(),
        _ => value.is_empty_value(),
    })
}

#[cfg(test)]
mod tests;
