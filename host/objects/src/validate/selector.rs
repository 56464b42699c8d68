//! Label selectors, node selectors, and maps of labels, wherever they stand.

use super::at::At;
use super::field::FieldError;
use super::names::{dns1123_subdomain, label_key, label_value};

const NO_OPERATOR: &str = "not a valid selector operator";

/// Whether a label value that no label can have may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Labels,
    Any,
}

/// A meta/v1 LabelSelector; nothing is as good as an empty one.
pub(crate) fn label_selector(selector: &At<'_>, errors: &mut Vec<FieldError>) {
    labels(&selector.child("matchLabels"), errors);
    for expression in selector.child("matchExpressions").items() {
        requirement(&expression, Values::Labels, &[], errors);
    }
}

/// A requirement on a label: a key, an operator and its values. `more` are operators with a single number.
fn requirement(at: &At<'_>, values: Values, more: &[&str], errors: &mut Vec<FieldError>) {
    let (operator, wanted) = (at.child("operator"), at.child("values"));
    if more.contains(&operator.text()) {
        if wanted.tree.items().len() != 1 {
            let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
            errors.push(FieldError::required(&wanted.path, why));
        }
    } else if !known_operator(at, errors) {
        errors.push(FieldError::invalid(&operator.path, operator.text(), NO_OPERATOR));
    }
    key_and_values(at, values, errors);
}

/// Whether the operator is one that every selector has; whether there are values follows from it.
fn known_operator(at: &At<'_>, errors: &mut Vec<FieldError>) -> bool {
    let values = at.child("values");
    match at.child("operator").text() {
        "In" | "NotIn" => {
            values.required(errors, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" => {
            values.absent(errors, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        _ => return false,
    }
    true
}

fn key_and_values(at: &At<'_>, values: Values, errors: &mut Vec<FieldError>) {
    let key = at.child("key");
    let refused = |message| FieldError::invalid(&key.path, key.text(), message);
    errors.extend(label_key(key.text()).into_iter().map(refused));
    if values == Values::Labels {
        at.child("values").items().for_each(|value| value.refuse(errors, label_value(value.text())));
    }
}

/// A map of labels, as metadata and node selectors have one.
pub(crate) fn labels(map: &At<'_>, errors: &mut Vec<FieldError>) {
    for (key, value) in map.entries() {
        let refuse = |text: &str, message| FieldError::invalid(&map.path, text, message);
        errors.extend(label_key(key).into_iter().map(|message| refuse(key, message)));
        errors.extend(label_value(value.text()).into_iter().map(|message| refuse(value.text(), message)));
    }
}

/// Annotations, whose keys are of any case and whose sizes together are bounded.
pub(crate) fn annotations(map: &At<'_>, errors: &mut Vec<FieldError>) {
    const MAX: usize = 256 * 1024;
    for (key, _) in map.entries() {
        let refused = label_key(&key.to_ascii_lowercase());
        errors.extend(refused.into_iter().map(|message| FieldError::invalid(&map.path, key, message)));
    }
    if map.entries().map(|(key, value)| key.len() + value.text().len()).sum::<usize>() > MAX {
        errors.push(FieldError::too_long(&map.path, MAX));
    }
}

/// A core/v1 NodeSelector, any of whose terms selects.
pub(crate) fn node_selector(selector: &At<'_>, errors: &mut Vec<FieldError>) {
    let terms = selector.child("nodeSelectorTerms");
    terms.required(errors, "must have at least one node selector term");
    for term in terms.items() {
        node_selector_term(&term, Values::Labels, errors);
    }
}

pub(crate) fn node_selector_term(term: &At<'_>, values: Values, errors: &mut Vec<FieldError>) {
    for expression in term.child("matchExpressions").items() {
        requirement(&expression, values, &["Gt", "Lt"], errors);
    }
    for field in term.child("matchFields").items() {
        field_requirement(&field, errors);
    }
}

/// A requirement on the name of a node, the one field that it can be of.
fn field_requirement(at: &At<'_>, errors: &mut Vec<FieldError>) {
    let (key, operator, values) = (at.child("key"), at.child("operator"), at.child("values"));
    if !["In", "NotIn"].contains(&operator.text()) {
        errors.push(FieldError::invalid(&operator.path, operator.text(), NO_OPERATOR));
    } else if values.tree.items().len() != 1 {
        let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
        errors.push(FieldError::required(&values.path, why));
    }
    if key.text() == "metadata.name" {
        values.items().for_each(|value| value.refuse(errors, dns1123_subdomain(value.text())));
    } else {
        errors.push(FieldError::invalid(&key.path, key.text(), "not a valid field selector key"));
    }
}

/// What a SubjectAccessReview says of the selector of a request. Operators that this release does not know pass: a
/// newer client may ask with them.
pub(crate) fn asked_label_requirement(at: &At<'_>, errors: &mut Vec<FieldError>) {
    known_operator(at, errors);
    key_and_values(at, Values::Labels, errors);
}

/// As [`asked_label_requirement`], of fields, whose names and values have no rules.
pub(crate) fn asked_field_requirement(at: &At<'_>, errors: &mut Vec<FieldError>) {
    at.child("key").required(errors, "must be specified");
    known_operator(at, errors);
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
