//! The rules of label selectors and node selectors, wherever an object has one.

use super::at::At;
use super::field::FieldError;
use super::names::{dns1123_subdomain, label_key, label_value};

const NO_OPERATOR: &str = "not a valid selector operator";

pub(crate) fn label_selector(selector: &At<'_>, errors: &mut Vec<FieldError>) {
    labels(&selector.child("matchLabels"), errors);
    for requirement in selector.child("matchExpressions").items() {
        let (operator, values) = (requirement.child("operator"), requirement.child("values"));
        match operator.text() {
            "In" | "NotIn" => wanted(&values, errors),
            "Exists" | "DoesNotExist" => unwanted(&values, errors),
            other => errors.push(FieldError::invalid(&operator.path, other, NO_OPERATOR)),
        }
        key_and_values(&requirement, errors);
    }
}

/// Labels as a template or a selector has them: what is wrong is told of the map, not of its key.
pub(crate) fn labels(map: &At<'_>, errors: &mut Vec<FieldError>) {
    for (key, value) in map.entries() {
        let refuse = |text: &str, message| FieldError::invalid(&map.path, text, message);
        errors.extend(label_key(key).into_iter().map(|message| refuse(key, message)));
        errors.extend(label_value(value.text()).into_iter().map(|message| refuse(value.text(), message)));
    }
}

pub(crate) fn node_selector(selector: &At<'_>, errors: &mut Vec<FieldError>) {
    let terms = selector.child("nodeSelectorTerms");
    if terms.required(errors, "must have at least one node selector term") {
        for term in terms.items() {
            node_selector_term(&term, errors);
        }
    }
}

fn node_selector_term(term: &At<'_>, errors: &mut Vec<FieldError>) {
    for requirement in term.child("matchExpressions").items() {
        let (operator, values) = (requirement.child("operator"), requirement.child("values"));
        match operator.text() {
            "In" | "NotIn" => wanted(&values, errors),
            "Exists" | "DoesNotExist" => unwanted(&values, errors),
            "Gt" | "Lt" if values.tree.items().len() == 1 => {}
            "Gt" | "Lt" => {
                let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.push(FieldError::required(&values.path, why));
            }
            other => errors.push(FieldError::invalid(&operator.path, other, NO_OPERATOR)),
        }
        key_and_values(&requirement, errors);
    }
    for requirement in term.child("matchFields").items() {
        let (operator, values) = (requirement.child("operator"), requirement.child("values"));
        match operator.text() {
            "In" | "NotIn" if values.tree.items().len() == 1 => {}
            "In" | "NotIn" => {
                let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
                errors.push(FieldError::required(&values.path, why));
            }
            other => errors.push(FieldError::invalid(&operator.path, other, NO_OPERATOR)),
        }
        let key = requirement.child("key");
        if key.text() == "metadata.name" {
            values.items().for_each(|value| value.refuse(errors, dns1123_subdomain(value.text())));
        } else {
            errors.push(FieldError::invalid(&key.path, key.text(), "not a valid field selector key"));
        }
    }
}

/// What a SubjectAccessReview says of the selector of a request. Operators that this release does not know pass: a
/// newer client may ask with them.
pub(crate) fn asked_label_requirement(requirement: &At<'_>, errors: &mut Vec<FieldError>) {
    known_values(requirement, errors);
    key_and_values(requirement, errors);
}

/// As [`asked_label_requirement`], of fields, whose names and values have no rules.
pub(crate) fn asked_field_requirement(requirement: &At<'_>, errors: &mut Vec<FieldError>) {
    requirement.child("key").required(errors, "must be specified");
    known_values(requirement, errors);
}

fn known_values(requirement: &At<'_>, errors: &mut Vec<FieldError>) {
    let values = requirement.child("values");
    match requirement.child("operator").text() {
        "In" | "NotIn" => wanted(&values, errors),
        "Exists" | "DoesNotExist" => unwanted(&values, errors),
        _ => {}
    }
}

fn wanted(values: &At<'_>, errors: &mut Vec<FieldError>) {
    values.required(errors, "must be specified when `operator` is 'In' or 'NotIn'");
}

fn unwanted(values: &At<'_>, errors: &mut Vec<FieldError>) {
    if !values.is_empty() {
        let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        errors.push(FieldError::forbidden(&values.path, why));
    }
}

fn key_and_values(requirement: &At<'_>, errors: &mut Vec<FieldError>) {
    let key = requirement.child("key");
    errors.extend(
        label_key(key.text()).into_iter().map(|message| FieldError::invalid(&key.path, key.text(), message)),
    );
    requirement.child("values").items().for_each(|value| value.refuse(errors, label_value(value.text())));
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::tree::Tree;

    fn check(rule: fn(&At<'_>, &mut Vec<FieldError>), json: &str, expected: Expect) {
        let tree = Tree::from_json(json.as_bytes()).unwrap();
        let mut errors = Vec::new();
        rule(&At::top(&tree, "s"), &mut errors);
        expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    }

    #[test]
    fn the_values_of_a_requirement_fit_its_operator() {
        let json = r#"{"s":{"matchLabels":{"a b":"c d"},"matchExpressions":[{"key":"a","operator":"In"},
            {"key":"a","operator":"Exists","values":["b"]},{"key":"","operator":"x"},
            {"key":"a","operator":"NotIn","values":["b","c d"]}]}}"#;
        check(
            label_selector,
            json,
            expect![[r#"
            s.matchLabels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            s.matchLabels: Invalid value: "c d": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
            s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'
            s.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'
            s.matchExpressions[2].operator: Invalid value: "x": not a valid selector operator
            s.matchExpressions[2].key: Invalid value: "": name part must be non-empty
            s.matchExpressions[2].key: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            s.matchExpressions[3].values[1]: Invalid value: "c d": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')
        "#]],
        );
        let json = r#"{"s":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"a","operator":"Gt","values":["1","2"]}],
            "matchFields":[{"key":"metadata.name","operator":"In","values":["A"]},{"key":"x","operator":"Exists"}]}]}}"#;
        check(
            node_selector,
            json,
            expect![[r#"
            s.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'
            s.nodeSelectorTerms[0].matchFields[0].values[0]: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            s.nodeSelectorTerms[0].matchFields[1].operator: Invalid value: "Exists": not a valid selector operator
            s.nodeSelectorTerms[0].matchFields[1].key: Invalid value: "x": not a valid field selector key
        "#]],
        );
        check(
            node_selector,
            r#"{"s":{}}"#,
            expect![[r#"
            s.nodeSelectorTerms: Required value: must have at least one node selector term
        "#]],
        );
    }
}
