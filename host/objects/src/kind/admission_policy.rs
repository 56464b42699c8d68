//! Admission policies and their bindings. What their expressions say is not looked into: see [`crate::expressions`].

use super::match_rules::{failure_policy, match_conditions, match_resources, says};
use super::{Generation, Kind};
use crate::meta;
use crate::tree::Tree;
use crate::validate::{
    At, FieldError, conditions, dns1035_label, dns1123_subdomain, label_key, label_selector, path_segment,
};

const POLICY: Kind = Kind { unconditional_update: false, generation: Generation::Counts, ..Kind::GENERIC };

pub(super) const VALIDATING: Kind =
    Kind { validate: validating, validate_status: |new, _, errors| status(new, errors), ..POLICY };
pub(super) const MUTATING: Kind = Kind { validate: mutating, ..POLICY };

pub(super) const BINDING: Kind = Kind {
    validate: |binding, errors| {
        let spec = At::top(binding, "spec");
        bound(&spec, errors);
        mutable(&spec, "matchResources", errors);
    },
    ..POLICY
};
pub(super) const VALIDATING_BINDING: Kind = Kind {
    validate: |binding, errors| {
        let spec = At::top(binding, "spec");
        bound(&spec, errors);
        actions(&spec.child("validationActions"), errors);
    },
    ..POLICY
};

const REASONS: &[&str] = &["Forbidden", "Invalid", "RequestEntityTooLarge"];
const ACTIONS: &[&str] = &["Audit", "Deny", "Warn"];
const PATCHES: &[&str] = &["ApplyConfiguration", "JSONPatch"];
const NOT_SAID: &str = "expression is not specified";
const ANNOTATIONS_MAX: usize = 20;
const ANNOTATION_EXPRESSION_MAX: usize = 5 * 1024;

/// What both kinds of policies say.
fn policy(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    failure_policy(spec, errors);
    let parameters = spec.child("paramKind");
    if parameters.exists() {
        parameter_kind(&parameters, errors);
    }
    let constraints = spec.child("matchConstraints");
    if constraints.is_told(errors, "") {
        match_resources(&constraints, errors);
        constraints.child("resourceRules").required(errors, "");
    }
}

fn validating(policy: &Tree, errors: &mut Vec<FieldError>) {
    const ONE: &str = "validations or auditAnnotations must contain at least one item";
    let spec = At::top(policy, "spec");
    self::policy(&spec, errors);
    match_conditions(&spec.child("matchConditions"), errors);
    variables(&spec, errors);
    let (validations, annotations) = (spec.child("validations"), spec.child("auditAnnotations"));
    if validations.is_empty() && annotations.is_empty() {
        validations.required(errors, ONE);
        annotations.required(errors, ONE);
    }
    validations.items().for_each(|item| validation(&item, errors));
    if annotations.tree.items().len() > ANNOTATIONS_MAX {
        annotations.invalid(errors, format!("must not have more than {ANNOTATIONS_MAX} auditAnnotations"));
    }
    let mut keys = Vec::new();
    for annotation in annotations.items() {
        let key = annotation.child("key");
        let full = format!("{}/{}", meta::name(policy), key.text());
        let refuse = |why| FieldError::invalid(&key.path, full.as_str(), why);
        errors.extend(label_key(&full).into_iter().map(refuse));
        let value = annotation.child("valueExpression");
        if says(&value, "valueExpression is not specified", errors)
            && value.text().trim().len() > ANNOTATION_EXPRESSION_MAX
        {
            let why = format!("must not exceed {ANNOTATION_EXPRESSION_MAX} bytes in length");
            errors.push(FieldError::required(&value.path, why));
        }
        key.unique(errors, &mut keys);
    }
}

fn validation(validation: &At<'_>, errors: &mut Vec<FieldError>) {
    says(&validation.child("expression"), NOT_SAID, errors);
    for text in ["messageExpression", "message"].map(|field| validation.child(field)) {
        if !text.is_empty() && text.text().trim().is_empty() {
            text.invalid(errors, "must be non-empty if specified");
        }
    }
    let message = validation.child("message");
    if message.text().trim().contains(['\n', '\r']) {
        message.invalid(errors, "must not contain line breaks");
    }
    validation.child("reason").one_of(errors, REASONS);
}

fn mutating(policy: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(policy, "spec");
    self::policy(&spec, errors);
    mutable(&spec, "matchConstraints", errors);
    match_conditions(&spec.child("matchConditions"), errors);
    variables(&spec, errors);
    let mutations = spec.child("mutations");
    mutations.required(errors, "mutations must contain at least one item");
    mutations.items().for_each(|item| mutation(&item, errors));
    spec.child("reinvocationPolicy").exactly(errors, &["IfNeeded", "Never"]);
}

fn mutation(mutation: &At<'_>, errors: &mut Vec<FieldError>) {
    let kind = mutation.child("patchType");
    if !kind.required(errors, "") {
        return;
    }
    let (own, other) = match kind.text() {
        "JSONPatch" => ("jsonPatch", "applyConfiguration"),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
        unknown => {
            errors.push(FieldError::not_supported(&kind.path, unknown, PATCHES));
            return;
        }
    };
    let patch = mutation.child(own);
    if patch.is_told(errors, &format!("must be specified when patchType is {}", kind.text())) {
        says(&patch.child("expression"), "", errors);
    }
    if mutation.child(other).exists() {
        let why = format!("must not be specified when patchType is {}", kind.text());
        errors.push(FieldError::invalid(&mutation.path.child(other), format!("{{{other}}}"), why));
    }
}

/// A deletion has nothing to mutate.
fn mutable(spec: &At<'_>, field: &str, errors: &mut Vec<FieldError>) {
    const OPERATIONS: &[&str] = &["*", "CONNECT", "CREATE", "UPDATE"];
    let rules = spec.child(field).child("resourceRules");
    let path = rules.path.child("operations");
    for operation in rules.items().flat_map(|rule| rule.child("operations").items()) {
        if !OPERATIONS.contains(&operation.text()) {
            errors.push(FieldError::not_supported(&path, operation.text(), OPERATIONS));
        }
    }
}

fn parameter_kind(parameters: &At<'_>, errors: &mut Vec<FieldError>) {
    let (version, kind) = (parameters.child("apiVersion"), parameters.child("kind"));
    let mut refuse = |part: &str, refused: Vec<String>| {
        if !refused.is_empty() {
            errors.push(FieldError::invalid(&version.path, part, refused.join(",")));
        }
    };
    let parts: Vec<&str> = version.text().split('/').collect();
    match parts.as_slice() {
        ["", ""] => refuse(version.text(), vec!["version must be specified".to_owned()]),
        [""] => {
            version.required(errors, "");
        }
        [version] => refuse(version, dns1035_label(version)),
        [group, version] => {
            if !group.is_empty() {
                refuse(group, dns1123_subdomain(group));
            }
            match version.is_empty() {
                true => refuse(&parts.join("/"), vec!["version must be specified".to_owned()]),
                false => refuse(version, dns1035_label(version)),
            }
        }
        _ => refuse(version.text(), vec![format!("unexpected GroupVersion string: {}", version.text())]),
    }
    if kind.required(errors, "") {
        let refused = dns1035_label(&kind.text().to_ascii_lowercase());
        if !refused.is_empty() {
            let why = format!("may have mixed case, but should otherwise match: {}", refused.join(","));
            kind.invalid(errors, why);
        }
    }
}

fn variables(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    for variable in spec.child("variables").items() {
        let name = variable.child("name");
        if says(&name, "name is not specified", errors) && !is_identifier(name.text()) {
            name.invalid(errors, "must be a valid CEL identifier");
        }
        says(&variable.child("expression"), NOT_SAID, errors);
    }
}

/// Words that CEL keeps for itself.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

fn is_identifier(name: &str) -> bool {
    let is_start = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
    is_start
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        && !RESERVED.contains(&name)
}

fn bound(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    spec.child("policyName").name(errors, dns1123_subdomain);
    let parameters = spec.child("paramRef");
    if parameters.exists() {
        parameter(&parameters, errors);
    }
    match_resources(&spec.child("matchResources"), errors);
}

fn parameter(parameter: &At<'_>, errors: &mut Vec<FieldError>) {
    let [name, selector, missing] =
        ["name", "selector", "parameterNotFoundAction"].map(|field| parameter.child(field));
    name.follows(errors, path_segment);
    label_selector(&selector, errors);
    if !name.is_empty() && selector.exists() {
        for field in [&name, &selector] {
            errors.push(FieldError::forbidden(&field.path, "name and selector are mutually exclusive"));
        }
    }
    if name.is_empty() && !selector.exists() {
        errors.push(FieldError::required(&parameter.path, "one of name or selector must be specified"));
    }
    missing.exactly(errors, &["Deny", "Allow"]);
}

fn actions(actions: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for action in actions.items() {
        if !ACTIONS.contains(&action.text()) {
            errors.push(FieldError::not_supported(&action.path, action.text(), ACTIONS));
        }
        action.unique(errors, &mut seen);
    }
    if seen.contains(&"Deny") && seen.contains(&"Warn") {
        let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        actions.invalid(errors, why);
    }
    actions.required(errors, "at least one validation action is required");
}

fn status(policy: &Tree, errors: &mut Vec<FieldError>) {
    let status = At::top(policy, "status");
    for warning in status.child("typeChecking").child("expressionWarnings").items() {
        warning.child("warning").required(errors, "");
        says(&warning.child("fieldRef"), "", errors);
    }
    conditions(&status.child("conditions"), errors);
}
