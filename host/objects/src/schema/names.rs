//! Short names of types and the names that OpenAPI documents give them.

/// The packages outside `io.k8s.api`, by the first word of a short name.
const PACKAGES: &[(&str, &str)] = &[
    ("meta.", "io.k8s.apimachinery.pkg.apis.meta."),
    ("resource.Quantity", "io.k8s.apimachinery.pkg.api.resource.Quantity"),
    ("intstr.", "io.k8s.apimachinery.pkg.util.intstr."),
    ("runtime.", "io.k8s.apimachinery.pkg.runtime."),
    ("version.", "io.k8s.apimachinery.pkg.version."),
    ("apiregistration.", "io.k8s.kube-aggregator.pkg.apis.apiregistration."),
    ("apiextensions.", "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions."),
];

const API: &str = "io.k8s.api.";

/// `io.k8s.api.core.v1.PodSpec` of `core.v1.PodSpec`.
pub fn openapi_name(short: &str) -> String {
    for (prefix, package) in PACKAGES {
        if let Some(rest) = short.strip_prefix(prefix) {
            return format!("{package}{rest}");
        }
    }
    format!("{API}{short}")
}

pub(super) fn short(openapi_name: &str) -> Option<String> {
    for (prefix, package) in PACKAGES {
        if let Some(rest) = openapi_name.strip_prefix(package) {
            return Some(format!("{prefix}{rest}"));
        }
    }
    openapi_name.strip_prefix(API).map(str::to_owned)
}
