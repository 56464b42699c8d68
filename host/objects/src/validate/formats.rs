//! The rules of what is written in few places: paths with a domain, headers, wildcards, percentages, identities.

use super::at::{in_range, refused};
use super::field::{FieldError, Path};
use super::names::{
    LABEL, SUBDOMAIN_MAX, dns1123_subdomain, is_label, is_lower, is_subdomain, is_word, max_characters, rule,
};

fn is_lower_dashed(byte: u8) -> bool {
    is_lower(byte) || b"-_".contains(&byte)
}

/// `*.example.com`
pub(crate) fn wildcard_subdomain(name: &str) -> Vec<String> {
    let mut messages = refused(name.len() > SUBDOMAIN_MAX, || max_characters(SUBDOMAIN_MAX));
    if !name.strip_prefix("*.").is_some_and(is_subdomain) {
        messages.push(rule(
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
            &format!("\\*\\.{LABEL}(\\.{LABEL})*"),
            &["*.example.com"],
        ));
    }
    messages
}

/// A search path of DNS, whose labels may begin with an underscore and contain some.
pub(crate) fn search_path(name: &str) -> Vec<String> {
    const SEARCH: &str = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
    let mut messages = refused(name.len() > SUBDOMAIN_MAX, || max_characters(SUBDOMAIN_MAX));
    let label = |label: &str| is_word(label.strip_prefix('_').unwrap_or(label), is_lower, is_lower_dashed);
    if !name.split('.').all(label) {
        messages.push(rule(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            &format!("{SEARCH}(\\.{SEARCH})*"),
            &["example.com"],
        ));
    }
    messages
}

/// The errors of `acme.io/foo`, a path below a domain.
pub(crate) fn domain_prefixed_path(path: &Path, text: &str) -> Vec<FieldError> {
    if text.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let (domain, rest) = text.split_once('/').unwrap_or((text, ""));
    if domain.is_empty() || rest.is_empty() {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return vec![FieldError::invalid(path, text, why)];
    }
    let mut errors: Vec<_> = dns1123_subdomain(domain)
        .into_iter()
        .map(|message| FieldError::invalid(path, domain, message))
        .collect();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    if !rest.bytes().all(allowed) {
        let why = rule("Invalid path", "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+", &[]);
        errors.push(FieldError::invalid(path, rest, why));
    }
    errors
}

pub(crate) fn http_header_name(name: &str) -> Vec<String> {
    let good = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    refused(!good, || {
        rule(
            "a valid HTTP header must consist of alphanumeric characters or '-'",
            "[-A-Za-z0-9]+",
            &["X-Header-Name"],
        )
    })
}

/// `25%`
pub(crate) fn percent(text: &str) -> Vec<String> {
    let digits = text.strip_suffix('%').unwrap_or_default();
    let good = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    refused(!good, || {
        rule(
            "a valid percent string must be a numeric string followed by an ending '%'",
            "[0-9]+%",
            &["1%", "93%"],
        )
    })
}

/// The number of a user or a group.
pub(crate) fn identity(number: i64) -> Vec<String> {
    let most = i64::from(i32::MAX);
    refused(!(0..=most).contains(&number), || in_range(0, most))
}

/// The name of a CSI driver: a subdomain of any case, short enough for a label.
pub(crate) fn csi_driver_name(path: &Path, name: &str) -> Vec<FieldError> {
    const MAX: usize = 63;
    if name.is_empty() {
        return vec![FieldError::required(path, "")];
    }
    let too_long = (name.len() > MAX).then(|| FieldError::too_long(path, MAX));
    let refused = dns1123_subdomain(&name.to_ascii_lowercase());
    let invalid = refused.into_iter().map(|message| FieldError::invalid(path, name, message));
    too_long.into_iter().chain(invalid).collect()
}

/// The name of a kernel parameter, with dots or slashes.
pub(crate) fn sysctl_name(name: &str) -> Vec<String> {
    const SEGMENT: &str = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
    let segment = |text: &str| is_word(text, is_lower, is_lower_dashed);
    let good = name.len() <= SUBDOMAIN_MAX && name.split(['.', '/']).all(segment);
    refused(!good, || {
        format!("must have at most {SUBDOMAIN_MAX} characters and match regex ^({SEGMENT}[\\./])*{SEGMENT}$")
    })
}

/// A name with dots or without, as label and subdomain rules tell them apart.
pub(crate) fn is_dns_label(name: &str) -> bool {
    name.len() <= 63 && is_label(name)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn what_does_not_fit_is_said_in_upstreams_words() {
        let messages = [
            wildcard_subdomain("*.a.b"),
            wildcard_subdomain("*a"),
            search_path("_tcp.a_b.c"),
            search_path("A"),
            http_header_name("X-A"),
            http_header_name("X A"),
            percent("10%"),
            percent("10"),
            identity(-1),
            sysctl_name("net/ipv4.tcp_syncookies"),
            sysctl_name("a..b"),
        ];
        expect![[r#"
            []
            ["a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]
            []
            ["a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"]
            []
            ["a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"]
            []
            ["a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"]
            ["must be between 0 and 2147483647, inclusive"]
            []
            ["must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"]
        "#]]
        .assert_eq(&messages.iter().map(|messages| format!("{messages:?}\n")).collect::<String>());
    }

    #[test]
    fn a_path_has_a_domain_before_it() {
        let path = Path::new("controller");
        let errors = ["a.b/c", "a", "/a", "A/b c", ""].map(|text| domain_prefixed_path(&path, text));
        let lines = errors.iter().flatten().map(|error| format!("{error}\n"));
        expect![[r#"
            controller: Invalid value: "a": must be a domain-prefixed path (such as "acme.io/foo")
            controller: Invalid value: "/a": must be a domain-prefixed path (such as "acme.io/foo")
            controller: Invalid value: "A": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            controller: Invalid value: "b c": Invalid path (regex used for validation is '[A-Za-z0-9/\-._~%!$&'()*+,;=:]+')
            controller: Required value
        "#]]
        .assert_eq(&lines.collect::<String>());
    }
}
