//! Names that definitions of a group claim, and the conditions that follow: what the controllers of upstream decide.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use objects::validate::Path;
use objects::{Object, Tree, meta, tree};

use crate::definition::{self, Approval, approval, is_condition_true, refused_ca_bundle};
use crate::props::Props;
use crate::schema::SchemaError;
use crate::structurality::validate_structural;

/// A condition of a definition, without its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `NamesAccepted`, `Established`, …
    pub kind: Cow<'static, str>,
    pub status: Cow<'static, str>,
    pub reason: Cow<'static, str>,
    pub message: String,
}

impl Condition {
    fn new(
        kind: &'static str,
        status: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { kind: kind.into(), status: status.into(), reason: reason.into(), message: message.into() }
    }

    /// The condition of a kind that a definition has.
    pub fn of(crd: &Tree, kind: &str) -> Option<Self> {
        let condition = definition::condition(crd, kind)?;
        let text = |name: &str| condition.str_at(&[name]).unwrap_or_default().to_owned();
        Some(Self {
            kind: text("type").into(),
            status: text("status").into(),
            reason: text("reason").into(),
            message: text("message"),
        })
    }

    /// Sets the condition in the status of a definition; the time changes with the status alone.
    pub fn set(&self, crd: &mut Tree, now: Timestamp) {
        let time = meta::rfc3339(now);
        let fields = tree!({
            "lastTransitionTime": time,
            "message": (self.message.as_str()),
            "reason": (self.reason.as_ref()),
            "status": (self.status.as_ref()),
            "type": (self.kind.as_ref())
        });
        let list = crd.make(&["status", "conditions"]);
        if !matches!(list, Tree::Array(_)) {
            *list = Tree::array();
        }
        let Tree::Array(list) = list else { return };
        let Some(old) = list.iter_mut().find(|old| old.str_at(&["type"]) == Some(&self.kind)) else {
            return list.push(fields);
        };
        let since =
            old.get("lastTransitionTime").filter(|_| old.str_at(&["status"]) == Some(&self.status)).cloned();
        *old = fields;
        if let Some(since) = since {
            old.insert("lastTransitionTime", since);
        }
    }

    /// Removes the condition of a kind.
    pub fn remove(crd: &mut Tree, kind: &str) {
        if let Some(list) = crd.at_mut(&["status", "conditions"]).and_then(Tree::as_array_mut) {
            list.retain(|condition| condition.str_at(&["type"]) != Some(kind));
        }
    }
}

/// What becomes of the names that a definition asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Naming {
    /// `status.acceptedNames`
    pub accepted: Tree,
    pub names_accepted: Condition,
    pub established: Condition,
}

/// Decides on the names of a definition among all definitions. `None` where nothing changes. After a change the
/// other definitions of the group are to be looked at again: names may have become free.
pub fn accept_names<'a>(crd: &Tree, all: impl IntoIterator<Item = &'a Tree>) -> Option<Naming> {
    let nothing = Tree::object();
    let requested = crd.at(&["spec", "names"]).unwrap_or(&nothing);
    let accepted = crd.at(&["status", "acceptedNames"]).unwrap_or(&nothing);
    if said(requested) == said(accepted) {
        return None;
    }
    let group = crd.at(&["spec", "group"]);
    let mut taken = Taken::default();
    taken.add(accepted);
    all.into_iter()
        .filter(|other| other.at(&["spec", "group"]) == group)
        .filter_map(|other| other.at(&["status", "acceptedNames"]))
        .for_each(|names| taken.add(names));

    let mut names = said(accepted);
    let mut conflict = None;
    for (field, used, reason) in [
        ("plural", &taken.resources, "PluralConflict"),
        ("singular", &taken.resources, "SingularConflict"),
        ("shortNames", &taken.resources, "ShortNamesConflict"),
        ("kind", &taken.kinds, "KindConflict"),
        ("listKind", &taken.kinds, "ListKindConflict"),
    ] {
        match in_use(requested, accepted, field, used) {
            Some(message) => conflict = Some(Condition::new("NamesAccepted", "False", reason, message)),
            None => copy(&mut names, requested, field),
        }
    }
    copy(&mut names, requested, "categories");
    let names_accepted = conflict
        .unwrap_or_else(|| Condition::new("NamesAccepted", "True", "NoConflicts", "no conflicts found"));
    if names == said(accepted) && Condition::of(crd, "NamesAccepted").as_ref() == Some(&names_accepted) {
        return None;
    }
    let mut established = Condition::of(crd, "Established").unwrap_or_else(|| {
        Condition::new("Established", "False", "NotAccepted", "not all names are accepted")
    });
    if established.status != "True" && names_accepted.status == "True" {
        let message = "the initial names have been accepted";
        established = Condition::new("Established", "False", "Installing", message);
    }
    Some(Naming { accepted: Tree::Object(names), names_accepted, established })
}

/// The condition that makes a definition served: its names are accepted, its webhook can be trusted. `None` where
/// that is not to be decided, or is already.
pub fn establish(crd: &Tree) -> Option<Condition> {
    if !is_condition_true(crd, "NamesAccepted") || is_condition_true(crd, "Established") {
        return None;
    }
    let bundle = crd.str_at(&["spec", "conversion", "webhook", "clientConfig", "caBundle"]);
    Some(if bundle.and_then(refused_ca_bundle).is_some() {
        let message = "The conversion webhook CABundle is invalid";
        Condition::new("Established", "False", "InvalidCABundle", message)
    } else {
        let message = "the initial names have been accepted";
        Condition::new("Established", "True", "InitialNamesAccepted", message)
    })
}

/// What is not structural about a definition; `None` where everything is, and where there is to be no condition.
pub fn non_structural_schema(crd: &Tree) -> Option<Condition> {
    const KIND: &str = "NonStructuralSchema";
    let mut told = Vec::new();
    if crd.bool_at(&["spec", "preserveUnknownFields"]) == Some(true) {
        told.push("spec.preserveUnknownFields: Invalid value: true: must be false".to_owned());
    }
    for (index, version) in crd.items_at(&["spec", "versions"]).iter().enumerate() {
        let Some(schema) = version.at(&["schema", "openAPIV3Schema"]).map(Props) else { continue };
        let mut unread = None;
        schema.any(&mut |props| {
            unread = SchemaError::unsupported(props.0);
            unread.is_some()
        });
        if let Some(error) = unread {
            let name = version.str_at(&["name"]).unwrap_or_default();
            let message = format!("failed to check validation schema for version {name}: {error}");
            return Some(Condition::new(KIND, "Unknown", "StructuralError", message));
        }
        let path = Path::new("spec").child("versions").index(index).children(&["schema", "openAPIV3Schema"]);
        told.extend(validate_structural(schema, &path).iter().map(ToString::to_string));
    }
    (!told.is_empty()).then(|| Condition::new(KIND, "True", "Violations", aggregate(told)))
}

/// Whether the API of a community group was approved; `None` for other groups.
pub fn api_approval(crd: &Tree) -> Option<Condition> {
    const KIND: &str = "KubernetesAPIApprovalPolicyConformant";
    let (state, why) = approval(crd)?;
    let (status, reason) = match state {
        Approval::Approved => ("True", "ApprovedAnnotation"),
        Approval::Bypassed => ("False", "UnapprovedAnnotation"),
        Approval::Missing => ("False", "MissingAnnotation"),
        Approval::Invalid => ("False", "InvalidAnnotation"),
    };
    Some(Condition::new(KIND, status, reason, why))
}

#[derive(Default)]
struct Taken<'a> {
    resources: BTreeSet<&'a str>,
    kinds: BTreeSet<&'a str>,
}

impl<'a> Taken<'a> {
    fn add(&mut self, names: &'a Tree) {
        self.resources.extend(
            ["plural", "singular", "shortNames"].into_iter().flat_map(|field| self::names(names, field)),
        );
        self.kinds.extend(["kind", "listKind"].into_iter().flat_map(|field| self::names(names, field)));
    }
}

/// Which names of a field are in use by others.
fn in_use(requested: &Tree, accepted: &Tree, field: &str, used: &BTreeSet<&str>) -> Option<String> {
    let own: BTreeSet<&str> = names(accepted, field).collect();
    let others = names(requested, field).filter(|name| !own.contains(name) && used.contains(name));
    let told: Vec<String> = others.map(|name| format!("{name:?} is already in use")).collect();
    (!told.is_empty()).then(|| aggregate(told))
}

/// The name, or the names, of a field.
fn names<'a>(names: &'a Tree, field: &str) -> impl Iterator<Item = &'a str> {
    let value = names.get(field);
    value.into_iter().chain(value.map(Tree::items).unwrap_or_default()).filter_map(Tree::as_str)
}

/// Several messages as one.
fn aggregate(mut messages: Vec<String>) -> String {
    let mut seen = BTreeSet::new();
    messages.retain(|message| seen.insert(message.clone()));
    match messages.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// The names that say something.
fn said(names: &Tree) -> Object {
    let pairs = names.fields().filter(|(_, value)| !value.is_empty_value());
    pairs.map(|(name, value)| (name.into(), value.clone())).collect()
}

fn copy(names: &mut Object, requested: &Tree, field: &str) {
    match requested.get(field).filter(|value| !value.is_empty_value()) {
        Some(value) => drop(names.insert(field, value.clone())),
        None => drop(names.remove(field)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use objects::{Tree, meta, tree};

    use super::{Condition, accept_names, establish, non_structural_schema};

    fn definition(plural: &str, names: Tree, accepted: Tree) -> Tree {
        tree!({ "metadata": { "name": plural }, "spec": { "group": "example.com", "names": names }, "status": { "acceptedNames": accepted } })
    }

    fn names(plural: &str, kind: &str, short: &[&str]) -> Tree {
        let short: Vec<&str> = short.to_vec();
        tree!({ "plural": plural, "singular": (kind.to_lowercase()), "shortNames": short, "kind": kind, "listKind": (format!("{kind}List")) })
    }

    fn check(crd: &Tree, all: &[&Tree], expected: Expect) {
        let told = match accept_names(crd, all.iter().copied()) {
            Some(naming) => {
                let of = |condition: &Condition| {
                    format!(
                        "{} {} {} {}",
                        condition.kind, condition.status, condition.reason, condition.message
                    )
                };
                format!("{}\n{}\n{}\n", naming.accepted, of(&naming.names_accepted), of(&naming.established))
            }
            None => "nothing changes\n".to_owned(),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn free_names_are_accepted() {
        let crd = definition("foos", names("foos", "Foo", &["f"]), Tree::object());
        check(
            &crd,
            &[],
            expect![[r#"
                {"plural":"foos","singular":"foo","shortNames":["f"],"kind":"Foo","listKind":"FooList"}
                NamesAccepted True NoConflicts no conflicts found
                Established False Installing the initial names have been accepted
            "#]],
        );
        let names = names("foos", "Foo", &["f"]);
        check(&definition("foos", names.clone(), names), &[], expect![["nothing changes\n"]]);
    }

    #[test]
    fn names_in_use_are_not_accepted_and_the_others_are() {
        let mine = names("bars", "Bar", &["b", "f", "foos"]);
        let other = definition("foos", Tree::object(), names("foos", "Foo", &["f"]));
        let crd = definition("bars", mine, Tree::object());
        check(
            &crd,
            &[&other],
            expect![[r#"
                {"plural":"bars","singular":"bar","kind":"Bar","listKind":"BarList"}
                NamesAccepted False ShortNamesConflict ["f" is already in use, "foos" is already in use]
                Established False NotAccepted not all names are accepted
            "#]],
        );
        let crd = definition("bars", names("bars", "Foo", &[]), Tree::object());
        check(
            &crd,
            &[&other],
            expect![[r#"
                {"plural":"bars"}
                NamesAccepted False ListKindConflict "FooList" is already in use
                Established False NotAccepted not all names are accepted
            "#]],
        );
        let mut elsewhere = other.clone();
        elsewhere.set_at(&["spec", "group"], "other.example.com");
        assert_eq!(accept_names(&crd, [&elsewhere]).unwrap().names_accepted.status, "True");
    }

    #[test]
    fn a_definition_is_established_once_its_names_are_accepted() {
        let mut crd = definition("foos", names("foos", "Foo", &[]), Tree::object());
        assert_eq!(establish(&crd), None);
        let naming = accept_names(&crd, []).unwrap();
        let at = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap();
        naming.names_accepted.set(&mut crd, at(0));
        naming.established.set(&mut crd, at(0));
        let established = establish(&crd).unwrap();
        established.set(&mut crd, at(60));
        established.set(&mut crd, at(120));
        expect![[r#"[{"lastTransitionTime":"1970-01-01T00:00:00Z","message":"no conflicts found","reason":"NoConflicts","status":"True","type":"NamesAccepted"},{"lastTransitionTime":"1970-01-01T00:01:00Z","message":"the initial names have been accepted","reason":"InitialNamesAccepted","status":"True","type":"Established"}]"#]]
        .assert_eq(&crd.at(&["status", "conditions"]).unwrap().to_json_string());
        assert_eq!(establish(&crd), None);
        assert_eq!(meta::name(&crd), "foos");
    }

    #[test]
    fn what_is_not_structural_is_a_condition() {
        let crd = |schema: Tree| tree!({ "spec": { "versions": [{ "name": "v1", "schema": { "openAPIV3Schema": schema } }] } });
        assert_eq!(non_structural_schema(&crd(tree!({ "type": "object" }))), None);
        let condition = non_structural_schema(&crd(tree!({ "properties": { "a": {} } }))).unwrap();
        expect![[r#"[spec.versions[0].schema.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields, spec.versions[0].schema.openAPIV3Schema.type: Required value: must not be empty at the root]"#]]
        .assert_eq(&condition.message);
        let condition = non_structural_schema(&crd(tree!({ "not": { "$ref": "#/a" } }))).unwrap();
        expect!["failed to check validation schema for version v1: OpenAPIV3Schema '$ref' is not supported"]
            .assert_eq(&condition.message);
    }
}
