//! Containers of a pod: what all have in common, and what regular ones, those that initialize and ephemeral ones may have.

use super::volume::Volume;
use super::{env, mounts, probe, resources, security};
use crate::tree::Tree;
use crate::validate::{At, FieldError, dns1123_label, port_name, port_number};

pub(super) const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];
pub(in crate::kind) const PROTOCOLS: &[&str] = &["SCTP", "TCP", "UDP"];
const MESSAGE_POLICIES: &[&str] = &["File", "FallbackToLogsOnError"];
const RESTART_POLICIES: &[&str] = &["Always", "Never", "OnFailure"];
const PROBES: &[&str] = &["livenessProbe", "readinessProbe", "startupProbe"];
const RESIZED: &[&str] = &["cpu", "memory"];
const RESIZE_POLICIES: &[&str] = &["NotRequired", "RestartContainer"];
const RULES_MAX: usize = 20;
const EXIT_CODES_MAX: usize = 255;

/// What an ephemeral container has, beside the container that it is for.
const EPHEMERAL_FIELDS: &[&str] = &[
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "envFrom",
    "env",
    "volumeMounts",
    "volumeDevices",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
    "targetContainerName",
];

/// What containers look at in the specification around them.
pub(super) struct Context<'a> {
    pub(super) volumes: Vec<Volume<'a>>,
    /// The names of the resource claims of the pod.
    pub(super) claims: Vec<&'a str>,
    pub(super) grace: Option<i64>,
    /// `linux`, `windows` or empty.
    pub(super) os: &'a str,
    pub(super) restart_policy: &'a str,
    pub(super) host_users: bool,
}

pub(super) fn all(spec: &At<'_>, context: &Context<'_>, errors: &mut Vec<FieldError>) {
    let (containers, initial) = (spec.child("containers"), spec.child("initContainers"));
    regular(&containers, context, errors);
    let regular_names: Vec<&str> =
        containers.items().map(|container| container.child("name").text()).collect();
    self::initial(&initial, &regular_names, context, errors);
    let names: Vec<&str> =
        containers.items().chain(initial.items()).map(|container| container.child("name").text()).collect();
    ephemeral(&spec.child("ephemeralContainers"), &names, context, errors);
}

fn regular(containers: &At<'_>, context: &Context<'_>, errors: &mut Vec<FieldError>) {
    if !containers.required(errors, "") {
        return;
    }
    let mut names = Vec::new();
    for container in containers.items() {
        common(&container, context, errors);
        unique(&container, &mut names, errors);
        lives(&container, context, errors);
        restart_policy(&container, errors);
    }
    host_ports_are_free(containers.items(), errors);
}

fn initial(containers: &At<'_>, regular: &[&str], context: &Context<'_>, errors: &mut Vec<FieldError>) {
    let mut names = regular.to_vec();
    for container in containers.items() {
        common(&container, context, errors);
        let is_sidecar = container.child("restartPolicy").text() == "Always";
        if container.child("restartPolicy").exists() {
            restart_policy(&container, errors);
        } else if !container.child("restartPolicyRules").is_empty() {
            let why = "must specify restartPolicy when restart rules are used";
            errors.push(FieldError::required(&container.path.child("restartPolicy"), why));
        }
        if !container.child("name").is_empty() {
            unique(&container, &mut names, errors);
        }
        host_ports_are_free(std::iter::once(container.clone()), errors);
        if is_sidecar {
            lives(&container, context, errors);
            continue;
        }
        for field in ["lifecycle"].iter().chain(PROBES).map(|field| container.child(field)) {
            if field.exists() {
                field.forbidden(errors, "may not be set for init containers without restartPolicy=Always");
            }
        }
        for policy in container.child("resizePolicy").items().map(|policy| policy.child("restartPolicy")) {
            if policy.text() == "RestartContainer" {
                let why = "must not be set to 'RestartContainer' for non-sidecar initContainers";
                policy.invalid(errors, why);
            }
        }
    }
}

fn ephemeral(containers: &At<'_>, others: &[&str], context: &Context<'_>, errors: &mut Vec<FieldError>) {
    let mut names = others.to_vec();
    for container in containers.items() {
        common(&container, context, errors);
        trimmed_image(&container, errors);
        unique(&container, &mut names, errors);
        let target = container.child("targetContainerName");
        if !target.is_empty() && !others.contains(&target.text()) {
            errors.push(FieldError::not_found(&target.path, target.text()));
        }
        const WHY: &str = "cannot be set for an Ephemeral Container";
        for (field, value) in container.tree.fields() {
            if !EPHEMERAL_FIELDS.contains(&field) && !value.is_empty_value() {
                errors.push(FieldError::forbidden(&container.path.child(field), WHY));
            }
        }
        for mount in container.child("volumeMounts").items() {
            mount.child("subPath").absent(errors, WHY);
            mount.child("subPathExpr").absent(errors, WHY);
        }
    }
}

/// What is refused of a container of a pod, but not of one in a template.
pub(super) fn trimmed_image(container: &At<'_>, errors: &mut Vec<FieldError>) {
    let image = container.child("image");
    if image.text().trim() != image.text() {
        image.invalid(errors, "must not have leading or trailing whitespace");
    }
}

fn unique<'a>(container: &At<'a>, names: &mut Vec<&'a str>, errors: &mut Vec<FieldError>) {
    let name = container.child("name");
    if names.contains(&name.text()) {
        errors.push(FieldError::duplicate(&name.path, name.text()));
    } else {
        names.push(name.text());
    }
}

fn common(container: &At<'_>, context: &Context<'_>, errors: &mut Vec<FieldError>) {
    container.child("name").name(errors, dns1123_label);
    container.child("image").required(errors, "");
    container.child("terminationMessagePolicy").exactly(errors, MESSAGE_POLICIES);
    ports(&container.child("ports"), errors);
    env::variables(&container.child("env"), errors);
    env::sources(&container.child("envFrom"), errors);
    mounts::mounts(container, &context.volumes, errors);
    mounts::devices(container, &context.volumes, errors);
    container.child("imagePullPolicy").exactly(errors, PULL_POLICIES);
    resources::of_container(&container.child("resources"), &context.claims, errors);
    resize_policy(&container.child("resizePolicy"), context.restart_policy, errors);
    security::of_container(&container.child("securityContext"), context.host_users, errors);
}

fn lives(container: &At<'_>, context: &Context<'_>, errors: &mut Vec<FieldError>) {
    probe::lifecycle(&container.child("lifecycle"), context, errors);
    for probe in PROBES.iter().map(|probe| container.child(probe)).filter(At::exists) {
        probe::probe(&probe, context, errors);
    }
}

fn ports(ports: &At<'_>, errors: &mut Vec<FieldError>) {
    let mut names = Vec::new();
    for port in ports.items() {
        let name = port.child("name");
        if port_name(name.text()).is_empty() {
            name.unique(errors, &mut names);
        } else {
            name.follows(errors, port_name);
        }
        if port.child("containerPort").required(errors, "") {
            port.child("containerPort").counts(errors, port_number);
        }
        if !port.child("hostPort").is_empty() {
            port.child("hostPort").counts(errors, port_number);
        }
        port.child("protocol").exactly(errors, PROTOCOLS);
    }
}

fn host_ports_are_free<'a>(containers: impl Iterator<Item = At<'a>>, errors: &mut Vec<FieldError>) {
    let mut taken = Vec::new();
    for port in containers.flat_map(|container| container.child("ports").items()) {
        let host = port.child("hostPort");
        if host.is_empty() {
            continue;
        }
        let (protocol, address) = (port.child("protocol").text(), port.child("hostIP").text());
        let claim = format!("{protocol}/{address}/{}", host.number().unwrap_or_default());
        if taken.contains(&claim) {
            errors.push(FieldError::duplicate(&host.path, claim));
        } else {
            taken.push(claim);
        }
    }
}

/// Upstream names the list alone where an item is not as it must be.
fn resize_policy(policies: &At<'_>, restart_policy: &str, errors: &mut Vec<FieldError>) {
    let mut seen = Vec::new();
    for item in policies.items() {
        let (resource, policy) = (item.child("resourceName").text(), item.child("restartPolicy").text());
        if seen.contains(&resource) {
            errors.push(FieldError::duplicate(&item.path, resource));
        }
        seen.push(resource);
        for (text, supported) in [(resource, RESIZED), (policy, RESIZE_POLICIES)] {
            let text = Tree::from(text);
            At { path: policies.path.clone(), tree: &text }.exactly(errors, supported);
        }
        if restart_policy == "Never" && policy != "NotRequired" {
            let why = "must be 'NotRequired' when pod `restartPolicy` is 'Never'";
            errors.push(FieldError::invalid(&policies.path, policy, why));
        }
    }
}

fn restart_policy(container: &At<'_>, errors: &mut Vec<FieldError>) {
    const ACTIONS: &[&str] = &["Restart", "RestartAllContainers"];
    let (policy, rules) = (container.child("restartPolicy"), container.child("restartPolicyRules"));
    if !policy.exists() && !rules.is_empty() {
        let why = "must specify restartPolicy when restart rules are used";
        errors.push(FieldError::required(&policy.path, why));
    }
    policy.if_set_one_of(errors, RESTART_POLICIES);
    rules.at_most(errors, RULES_MAX);
    for rule in rules.items() {
        let action = rule.child("action");
        if !ACTIONS.contains(&action.text()) {
            errors.push(FieldError::not_supported(&action.path, action.text(), ACTIONS));
        }
        let codes = rule.child("exitCodes");
        if !codes.exists() {
            errors.push(FieldError::required(&codes.path, "must be specified"));
            continue;
        }
        let operator = codes.child("operator");
        if !["In", "NotIn"].contains(&operator.text()) {
            errors.push(FieldError::not_supported(&operator.path, operator.text(), &["In", "NotIn"]));
        }
        codes.child("values").at_most(errors, EXIT_CODES_MAX);
    }
}
