//! What only Windows has, and what pods of one operating system must not say of the other.

use crate::validate::{At, FieldError, dns1123_subdomain};

const SPEC_MAX: usize = 64 * 1024;
const DOMAIN_MAX: usize = 256;
const USER_MAX: usize = 104;
const CANNOT: &str = "cannot be set for a windows pod";

/// What a Windows pod cannot have in its specification, in the order of upstream; the first path is of the pod.
const NOT_OF_PODS: &[&[&str]] = &[
    &["securityContext", "appArmorProfile"],
    &["securityContext", "seLinuxOptions"],
    &["hostUsers"],
    &["hostPID"],
    &["hostIPC"],
    &["securityContext", "seccompProfile"],
    &["securityContext", "fsGroup"],
    &["securityContext", "fsGroupChangePolicy"],
    &["securityContext", "sysctls"],
    &["shareProcessNamespace"],
    &["securityContext", "runAsUser"],
    &["securityContext", "runAsGroup"],
    &["securityContext", "supplementalGroups"],
    &["securityContext", "supplementalGroupsPolicy"],
    &["securityContext", "seLinuxChangePolicy"],
];

const NOT_OF_CONTAINERS: &[&str] = &[
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
];

/// The rules of the operating system that the specification names.
pub(super) fn of_system(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    let system = spec.child("os");
    if !system.exists() || !system.child("name").required(errors, "") {
        return;
    }
    let contexts = || super::spec::containers(spec).map(|container| container.child("securityContext"));
    match system.child("name").text() {
        "linux" => {
            for context in std::iter::once(spec.child("securityContext")).chain(contexts()) {
                let options = context.child("windowsOptions");
                if options.exists() {
                    options.forbidden(errors, "windows options cannot be set for a linux pod");
                }
            }
        }
        "windows" => {
            let of_pod = NOT_OF_PODS.iter().map(|path| spec.children(path));
            let of_containers = contexts()
                .flat_map(|context| NOT_OF_CONTAINERS.iter().map(move |field| context.child(field)));
            // A plain `false` says nothing.
            let is_set = |at: &At<'_>| {
                at.exists()
                    && (at.tree.as_bool().is_none()
                        || at.is_true()
                        || !["hostPID", "hostIPC"].iter().any(|field| at.path.to_string().ends_with(field)))
            };
            for at in of_pod.chain(of_containers).filter(is_set) {
                at.forbidden(errors, CANNOT);
            }
        }
        other => errors.push(FieldError::not_supported(&system.path, other, &["linux", "windows"])),
    }
}

pub(super) fn options(options: &At<'_>, errors: &mut Vec<FieldError>) {
    let name = options.child("gmsaCredentialSpecName");
    if name.exists() {
        name.refuse(errors, dns1123_subdomain(name.text()));
    }
    let spec = options.child("gmsaCredentialSpec");
    match spec.text().len() {
        0 if spec.exists() => spec.invalid(errors, "gmsaCredentialSpec cannot be an empty string"),
        len if len > SPEC_MAX => spec.invalid(errors, "gmsaCredentialSpec size must be under 64 KiB"),
        _ => {}
    }
    let user = options.child("runAsUserName");
    if user.exists() {
        user_name(&user, errors);
    }
}

/// `DOMAIN\\user`
fn user_name(at: &At<'_>, errors: &mut Vec<FieldError>) {
    let parts: Vec<&str> = at.text().split('\\').collect();
    let (domain, user) = match parts.as_slice() {
        _ if at.text().is_empty() => return at.invalid(errors, "runAsUserName cannot be an empty string"),
        _ if at.text().contains(|c: char| c.is_ascii_control()) => {
            return at.invalid(errors, "runAsUserName cannot contain control characters");
        }
        [user] => (None, *user),
        [domain, user] => (Some(*domain), *user),
        _ => return at.invalid(errors, "runAsUserName cannot contain more than one backslash"),
    };
    if domain.is_some_and(|domain| domain.len() >= DOMAIN_MAX) {
        at.invalid(errors, "runAsUserName's Domain length must be under 256 characters");
    }
    if domain.is_some_and(|domain| !is_net_bios(domain) && !is_dns(domain)) {
        at.invalid(errors, "runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    }
    if user.is_empty() {
        at.invalid(errors, "runAsUserName's User cannot be empty");
    } else if user.len() > USER_MAX {
        at.invalid(errors, "runAsUserName's User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.chars().all(|c| ". ".contains(c)) {
        at.invalid(errors, "runAsUserName's User cannot contain only periods or spaces");
    }
    if user.contains(|c| "\"/\\:;|=,+*?<>@[]".contains(c)) {
        let why = r#"runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[]"#;
        at.invalid(errors, why);
    }
}

fn is_net_bios(domain: &str) -> bool {
    let count = domain.chars().count();
    (1..=15).contains(&count) && !domain.starts_with('.') && !domain.contains(|c| "\\/:*?\"<>|".contains(c))
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    })
}

/// Containers that are processes of the host: all of a pod, in the network of the host, or none.
pub(super) fn host_processes(spec: &At<'_>, errors: &mut Vec<FieldError>) {
    const FIELD: &[&str] = &["securityContext", "windowsOptions", "hostProcess"];
    let of_pod = spec.children(FIELD).tree.as_bool();
    let (mut count, mut processes) = (0, 0);
    for container in super::spec::containers(spec) {
        count += 1;
        let own = container.children(FIELD);
        if let (Some(of_pod), Some(of_container)) = (of_pod, own.tree.as_bool())
            && of_pod != of_container
        {
            let why = format!("pod hostProcess value must be identical if both are specified, was {of_pod}");
            own.invalid(errors, why);
        }
        processes += usize::from(own.tree.as_bool().or(of_pod) == Some(true));
    }
    if processes == 0 {
        return;
    }
    if processes != count {
        let why =
            "If pod contains any hostProcess containers then all containers must be HostProcess containers";
        errors.push(FieldError::invalid(&spec.path, "", why));
    }
    if !spec.child("hostNetwork").is_true() {
        let why = "hostNetwork must be true if pod contains any hostProcess containers";
        errors.push(FieldError::invalid(&spec.path.child("hostNetwork"), false, why));
    }
}
