//! A list of meta/v1 Conditions, wherever a status has one.

use super::at::At;
use super::field::FieldError;
use super::names::label_key;

const STATUSES: &[&str] = &["False", "True", "Unknown"];
const REASON_MAX: usize = 1024;
const MESSAGE_MAX: usize = 32 * 1024;

pub(crate) fn conditions(conditions: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut types = Vec::new();
    for condition in conditions.items() {
        let kind = condition.child("type");
        if types.contains(&kind.text()) {
            errors.push(FieldError::duplicate(&kind.path, kind.text()));
        }
        types.push(kind.text());
        let refuse = |why| FieldError::invalid(&kind.path, kind.text(), why);
        errors.extend(label_key(kind.text()).into_iter().map(refuse));
        let status = condition.child("status");
        if !STATUSES.contains(&status.text()) {
            errors.push(FieldError::not_supported(&status.path, status.text(), STATUSES));
        }
        let generation = condition.child("observedGeneration");
        if generation.number().is_some_and(|number| number < 0) {
            generation.invalid(errors, "must be greater than or equal to zero");
        }
        condition.child("lastTransitionTime").required(errors, "");
        let reason = condition.child("reason");
        if reason.required(errors, "") {
            reason.follows(errors, condition_reason);
            if reason.text().len() > REASON_MAX {
                errors.push(FieldError::too_long(&reason.path, REASON_MAX));
            }
        }
        let message = condition.child("message");
        if message.text().len() > MESSAGE_MAX {
            errors.push(FieldError::too_long(&message.path, MESSAGE_MAX));
        }
    }
}

/// `ReasonA` or `Reason_A,Reason:B`
fn condition_reason(reason: &str) -> Vec<String> {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_,:".contains(&byte);
    let is_end = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = reason.starts_with(|c: char| c.is_ascii_alphabetic())
        && reason.bytes().all(is_inner)
        && reason.bytes().next_back().is_some_and(is_end);
    if fits {
        return Vec::new();
    }
    vec!["a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')".to_owned()]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::tree::Tree;

    #[test]
    fn a_condition_says_since_when_and_why() {
        let json = r#"{"c":[{"type":"A","status":"True","reason":"Why_","lastTransitionTime":"2024-01-01T00:00:00Z"},
            {"type":"A","status":"Yes","reason":"why:","observedGeneration":-1},{}]}"#;
        let tree = Tree::from_json(json.as_bytes()).unwrap();
        let mut errors = Vec::new();
        conditions(&At::top(&tree, "c"), &mut errors);
        expect![[r#"
            c[1].type: Duplicate value: "A"
            c[1].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"
            c[1].observedGeneration: Invalid value: -1: must be greater than or equal to zero
            c[1].lastTransitionTime: Required value
            c[1].reason: Invalid value: "why:": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')
            c[2].type: Invalid value: "": name part must be non-empty
            c[2].type: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            c[2].status: Unsupported value: "": supported values: "False", "True", "Unknown"
            c[2].lastTransitionTime: Required value
            c[2].reason: Required value
        "#]].assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
    }
}
