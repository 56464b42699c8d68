//! Flow schemas and priority levels: whose requests count as what, and how many of them run at a time.

use super::{Generation, Kind, keep_all_metadata};
use crate::flow_control::fixed_spec;
use crate::meta;
use crate::schema;
use crate::tree::Tree;
use crate::validate::{At, FieldError, Path, dns1123_label, dns1123_subdomain, same};

pub(super) const SCHEMA: Kind = Kind {
    generation: Generation::Counts,
    status: keep_all_metadata,
    validate: flow_schema,
    validate_status: |new, _, errors| conditions(&At::top(new, "status"), errors),
    ..Kind::GENERIC
};

pub(super) const LEVEL: Kind = Kind {
    generation: Generation::Counts,
    status: keep_all_metadata,
    validate: priority_level,
    validate_status: |new, _, errors| conditions(&At::top(new, "status"), errors),
    ..Kind::GENERIC
};

const EXEMPT: &str = "exempt";
const PRECEDENCE_MAX: i64 = 10_000;
const VERBS: &[&str] =
    &["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];

fn flow_schema(schema: &Tree, errors: &mut Vec<FieldError>) {
    let spec = At::top(schema, "spec");
    let precedence = spec.child("matchingPrecedence");
    let number = precedence.number().unwrap_or(0);
    let mut refuse = |why: String| errors.push(FieldError::invalid(&precedence.path, number, why));
    if number <= 0 {
        refuse("must be a positive value".to_owned());
    }
    if number > PRECEDENCE_MAX {
        refuse(format!("must not be greater than {PRECEDENCE_MAX}"));
    }
    if number == 1 && meta::name(schema) != EXEMPT {
        refuse("only the schema named 'exempt' may have matchingPrecedence 1".to_owned());
    }
    let method = spec.child("distinguisherMethod");
    let methods = &["ByNamespace", "ByUser"];
    if method.exists() && !methods.contains(&method.child("type").text()) {
        errors.push(FieldError::not_supported(&method.path.child("type"), method.tree.clone(), methods));
    }
    let level = spec.child("priorityLevelConfiguration").child("name");
    if level.required(errors, "must reference a priority level") {
        level.follows(errors, dns1123_subdomain);
    }
    for rule in spec.child("rules").items() {
        policy_rule(&rule, errors);
    }
    is_as_fixed(&spec, "FlowSchema", meta::name(schema), errors);
    conditions(&At::top(schema, "status"), errors);
}

fn policy_rule(rule: &At<'_>, errors: &mut Vec<FieldError>) {
    let subjects = rule.child("subjects");
    subjects.required(errors, "subjects must contain at least one value");
    subjects.items().for_each(|subject| self::subject(&subject, errors));
    let (resources, others) = (rule.child("resourceRules"), rule.child("nonResourceRules"));
    if resources.is_empty() && others.is_empty() {
        let why = "at least one of resourceRules and nonResourceRules has to be non-empty";
        errors.push(FieldError::required(&rule.path, why));
    }
    resources.items().for_each(|rule| resource_rule(&rule, errors));
    for rule in others.items() {
        verbs(&rule.child("verbs"), errors);
        let urls = rule.child("nonResourceURLs");
        if urls.required(errors, "nonResourceURLs must contain at least one value")
            && !is_wildcard(&urls, "non-resource URLs", errors)
        {
            urls.items().for_each(|url| url.refuse(errors, no_url(url.text()).into_iter().collect()));
        }
    }
}

/// A subject, which is told by the field of its kind and by no other.
fn subject(subject: &At<'_>, errors: &mut Vec<FieldError>) {
    const FIELDS: &[(&str, &str)] =
        &[("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];
    let kind = subject.child("kind");
    let Some((kind, own)) = FIELDS.iter().find(|row| row.0 == kind.text()) else {
        let kinds = &["Group", "ServiceAccount", "User"];
        errors.push(FieldError::not_supported(&kind.path, kind.text(), kinds));
        return;
    };
    let who = subject.child(own);
    if who.is_told(errors, &format!("{own} is required when subject kind is '{kind}'")) {
        let name = who.child("name");
        if name.required(errors, "") && *kind == "ServiceAccount" && name.text() != "*" {
            name.follows(errors, dns1123_subdomain);
        }
        if *kind == "ServiceAccount" {
            let namespace = who.child("namespace");
            namespace.required(errors, "must specify namespace for service account");
            namespace.follows(errors, dns1123_label);
        }
    }
    for (kind, field) in FIELDS.iter().filter(|row| row.1 != *own && subject.child(row.1).exists()) {
        let why = format!("{field} is forbidden when subject kind is not '{kind}'");
        errors.push(FieldError::forbidden(&subject.path.child(field), why));
    }
}

fn resource_rule(rule: &At<'_>, errors: &mut Vec<FieldError>) {
    verbs(&rule.child("verbs"), errors);
    for (field, one, several) in
        [("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")]
    {
        let list = rule.child(field);
        if list.required(errors, &format!("resource rules must supply at least one {one}")) {
            is_wildcard(&list, several, errors);
        }
    }
    let namespaces = rule.child("namespaces");
    if namespaces.is_empty() {
        if !rule.child("clusterScope").is_true() {
            let why = "resource rules that are not cluster scoped must supply at least one namespace";
            errors.push(FieldError::required(&namespaces.path, why));
        }
    } else if !is_wildcard(&namespaces, "namespaces", errors) {
        for namespace in namespaces.items() {
            let explain = |why| format!("each member of this list must be '*' or a DNS-1123 label; {why}");
            namespace.refuse(errors, dns1123_label(namespace.text()).into_iter().map(explain).collect());
        }
    }
}

/// Whether a list says that it stands for everything, by itself or wrongly with more.
fn is_wildcard(list: &At<'_>, what: &str, errors: &mut Vec<FieldError>) -> bool {
    let found = list.tree.items().iter().any(|item| item.as_str() == Some("*"));
    if found && list.tree.items().len() > 1 {
        list.invalid(errors, format!("if '*' is present, must not specify other {what}"));
    }
    found
}

fn verbs(verbs: &At<'_>, errors: &mut Vec<FieldError>) {
    if verbs.required(errors, "verbs must contain at least one value") && !is_wildcard(verbs, "verbs", errors)
    {
        let is_known = |verb: &Tree| VERBS.contains(&verb.as_str().unwrap_or_default());
        if !verbs.tree.items().iter().all(is_known) {
            errors.push(FieldError::not_supported(&verbs.path, verbs.tree.clone(), VERBS));
        }
    }
}

fn no_url(url: &str) -> Option<String> {
    let why = match url {
        "" => "must not be empty",
        "/" => return None,
        _ if !url.starts_with('/') => "must start with slash",
        _ if url.contains(' ') => "must not contain white-space",
        _ if url.contains("//") => "must not contain double slash",
        _ if url.matches('*').count() > 1 || url.contains('*') && !url.ends_with("/*") => {
            "wildcard can only do suffix matching"
        }
        _ => return None,
    };
    Some(why.to_owned())
}

fn priority_level(level: &Tree, errors: &mut Vec<FieldError>) {
    const PRESERVE: &str = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";
    let name = meta::name(level);
    if meta::annotation(level, PRESERVE).is_some() {
        let path = Path::new("metadata").child("annotations");
        errors.push(FieldError::forbidden(&path, format!("annotation '{PRESERVE}' is forbidden")));
    }
    let spec = At::top(level, "spec");
    let [kind, limited, exempt] = ["type", "limited", "exempt"].map(|field| spec.child(field));
    if (name == EXEMPT) != (kind.text() == "Exempt") {
        let why = "must be 'Exempt' if and only if `name` is 'exempt'";
        errors.push(FieldError::invalid(&kind.path, kind.text(), why));
    }
    match kind.text() {
        "Exempt" => {
            if limited.exists() {
                errors.push(FieldError::forbidden(&limited.path, "must be nil if the type is not Limited"));
            }
            shares(&exempt, errors);
        }
        "Limited" => {
            if exempt.exists() {
                errors.push(FieldError::forbidden(&exempt.path, "must be nil if the type is Limited"));
            }
            if limited.is_told(errors, "must not be empty when type is Limited") {
                self::limited(&limited, errors);
            }
        }
        other => errors.push(FieldError::not_supported(&kind.path, other, &["Exempt", "Limited"])),
    }
    is_as_fixed(&spec, "PriorityLevelConfiguration", name, errors);
    conditions(&At::top(level, "status"), errors);
}

fn shares(level: &At<'_>, errors: &mut Vec<FieldError>) {
    let shares = level.child("nominalConcurrencyShares");
    if shares.number().is_some_and(|number| number < 0) {
        shares.invalid(errors, "must be a non-negative integer");
    }
    level.child("lendablePercent").within(errors, 0, 100);
}

fn limited(level: &At<'_>, errors: &mut Vec<FieldError>) {
    shares(level, errors);
    let response = level.child("limitResponse");
    let (kind, queuing) = (response.child("type"), response.child("queuing"));
    match kind.text() {
        "Reject" if queuing.exists() => {
            let why = "must be nil if limited.limitResponse.type is not Limited";
            errors.push(FieldError::forbidden(&queuing.path, why));
        }
        "Reject" => {}
        "Queue" => {
            if queuing.is_told(errors, "must not be empty if limited.limitResponse.type is Limited") {
                self::queuing(&queuing, errors);
            }
        }
        other => errors.push(FieldError::not_supported(&kind.path, other, &["Queue", "Reject"])),
    }
    let borrowing = level.child("borrowingLimitPercent");
    if borrowing.number().is_some_and(|number| number < 0) {
        borrowing.invalid(errors, "if specified, must be a non-negative integer");
    }
}

const QUEUES_MAX: i64 = 10_000_000;
/// How many bits of a hash are there to deal a hand of queues with.
const HASH_BITS: i64 = 60;

fn queuing(queuing: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut refuse = |field: &str, number: i64, why: String| {
        errors.push(FieldError::invalid(&queuing.path.child(field), number, why));
    };
    let [length, queues, hand] =
        ["queueLengthLimit", "queues", "handSize"].map(|field| queuing.child(field).number().unwrap_or(0));
    if length <= 0 {
        refuse("queueLengthLimit", length, "must be positive".to_owned());
    }
    if queues <= 0 {
        refuse("queues", queues, "must be positive".to_owned());
    } else if queues > QUEUES_MAX {
        refuse("queues", queues, format!("must not be greater than {QUEUES_MAX}"));
    }
    let bits = ((queues as f64).log2() * hand as f64).ceil() as i64;
    if hand <= 0 {
        refuse("handSize", hand, "must be positive".to_owned());
    } else if hand > queues {
        refuse("handSize", hand, format!("should not be greater than queues ({queues})"));
    } else if bits > HASH_BITS {
        let why = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {HASH_BITS}"
        );
        refuse("handSize", hand, why);
    }
}

/// What every cluster has is as every cluster has it, but for how much the exempt level lends.
fn is_as_fixed(spec: &At<'_>, kind: &str, name: &str, errors: &mut Vec<FieldError>) {
    let Some(fixed) = fixed_spec(kind, name) else { return };
    let row =
        schema::by_name(&format!("flowcontrol.v1.{kind}Spec")).expect("the schema has what the table has");
    let mut has = spec.tree.clone();
    let exempt = fixed.get("exempt").filter(|_| name == EXEMPT);
    if let Some(exempt) = exempt {
        has.insert("exempt", exempt.clone());
    }
    if !same(&has, fixed, row) {
        let but = if exempt.is_some() { " except the 'spec.exempt' field" } else { "" };
        spec.invalid(errors, format!("spec of '{name}'{but} must equal the fixed value"));
    }
}

fn conditions(status: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut types = Vec::new();
    for kind in status.child("conditions").items().map(|condition| condition.child("type")) {
        kind.unique(errors, &mut types);
        kind.required(errors, "");
    }
}
