//! The rules of names, label keys and values, and ports. Each rule gives the messages of what it refuses.

pub(super) const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const LABEL_MAX: usize = 63;
pub(super) const SUBDOMAIN_MAX: usize = 253;
const PORT_NAME_MAX: usize = 15;
const LABEL_KEY: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_KEY_RULE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_KEY_EXAMPLES: &[&str] = &["MyName", "my.name", "123-abc"];

/// Which rule the names of a kind follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    Subdomain,
    Label,
    Dns1035Label,
    /// Whatever can be one segment of a path, as RBAC allows.
    PathSegment,
    /// An IP address in its canonical form.
    IpAddress,
}

impl NameRule {
    pub fn check(self, name: &str) -> Vec<String> {
        match self {
            Self::Subdomain => dns1123_subdomain(name),
            Self::Label => dns1123_label(name),
            Self::Dns1035Label => dns1035_label(name),
            Self::PathSegment => path_segment(name),
            Self::IpAddress => super::address::canonical_ip(name),
        }
    }

    /// The rule for the prefix of a generated name, which may end with a dash.
    pub fn check_prefix(self, prefix: &str) -> Vec<String> {
        match prefix.strip_suffix('-') {
            Some(head) if !head.is_empty() && self != Self::PathSegment => {
                let end = head.char_indices().next_back().map_or(0, |(at, _)| at);
                self.check(&format!("{}a", &head[..end]))
            }
            _ => self.check(prefix),
        }
    }
}

/// A message with the regular expression and examples, as upstream composes it.
pub(super) fn rule(message: &str, regex: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{regex}')");
    }
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

pub(super) fn max_characters(len: usize) -> String {
    format!("must be no more than {len} characters")
}

pub(super) fn max_bytes(len: usize) -> String {
    format!("must be no more than {len} bytes")
}

/// Begins and ends with what `edge` accepts, with `inner` between.
pub(super) fn is_word(text: &str, edge: fn(u8) -> bool, inner: fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if edge(*first) && edge(*last))
        && bytes.iter().all(|byte| inner(*byte))
}

pub(super) fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

pub(super) fn is_label(text: &str) -> bool {
    is_word(text, is_lower, |byte| is_lower(byte) || byte == b'-')
}

pub(super) fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

pub fn dns1123_label(name: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if name.len() > LABEL_MAX {
        messages.push(max_characters(LABEL_MAX));
    }
    if !is_label(name) {
        messages.push(if is_subdomain(name) {
            "must not contain dots".to_owned()
        } else {
            rule(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
                LABEL,
                &["my-name", "123-abc"],
            )
        });
    }
    messages
}

pub fn dns1123_subdomain(name: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if name.len() > SUBDOMAIN_MAX {
        messages.push(max_characters(SUBDOMAIN_MAX));
    }
    if !is_subdomain(name) {
        messages.push(rule(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
            &format!("{LABEL}(\\.{LABEL})*"),
            &["example.com"],
        ));
    }
    messages
}

pub fn dns1035_label(name: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if name.len() > LABEL_MAX {
        messages.push(max_characters(LABEL_MAX));
    }
    if !is_label(name) || name.starts_with(|c: char| c.is_ascii_digit()) {
        messages.push(rule(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
            "[a-z]([-a-z0-9]*[a-z0-9])?",
            &["my-name", "abc-123"],
        ));
    }
    messages
}

pub fn path_segment(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    ['/', '%'].iter().filter(|c| name.contains(**c)).map(|c| format!("may not contain '{c}'")).collect()
}

fn is_label_key_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)
}

/// A label or annotation key: a name with an optional subdomain before a slash.
pub fn label_key(key: &str) -> Vec<String> {
    let mut messages = Vec::new();
    let parts: Vec<&str> = key.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        ["", name] => {
            messages.push("prefix part must be non-empty".to_owned());
            name
        }
        [prefix, name] => {
            let refused = dns1123_subdomain(prefix);
            messages.extend(refused.into_iter().map(|message| format!("prefix part {}", in_bytes(&message))));
            name
        }
        _ => {
            let message = rule(&format!("a valid label key {LABEL_KEY_RULE}"), LABEL_KEY, LABEL_KEY_EXAMPLES);
            messages.push(format!(
                "{message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
            ));
            return messages;
        }
    };
    if name.is_empty() {
        messages.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_MAX {
        messages.push(format!("name part {}", max_bytes(LABEL_MAX)));
    }
    if !is_word(name, |byte| byte.is_ascii_alphanumeric(), is_label_key_char) {
        messages.push(format!("name part {}", rule(LABEL_KEY_RULE, LABEL_KEY, LABEL_KEY_EXAMPLES)));
    }
    messages
}

/// Lengths within label keys are counted, and named, in bytes.
fn in_bytes(message: &str) -> String {
    if message == max_characters(SUBDOMAIN_MAX) { max_bytes(SUBDOMAIN_MAX) } else { message.to_owned() }
}

pub fn label_value(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > LABEL_MAX {
        messages.push(max_bytes(LABEL_MAX));
    }
    if !value.is_empty() && !is_word(value, |byte| byte.is_ascii_alphanumeric(), is_label_key_char) {
        messages.push(rule(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
            &format!("({LABEL_KEY})?"),
            &["MyValue", "my_value", "12345"],
        ));
    }
    messages
}

/// The key of a ConfigMap or Secret.
pub fn config_map_key(key: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if key.len() > SUBDOMAIN_MAX {
        messages.push(max_characters(SUBDOMAIN_MAX));
    }
    if key.is_empty() || !key.bytes().all(is_label_key_char) {
        messages.push(rule(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            "[-._a-zA-Z0-9]+",
            &["key.name", "KEY_NAME", "key-name"],
        ));
    }
    match key {
        "." | ".." => messages.push(format!("must not be '{key}'")),
        _ if key.starts_with("..") => messages.push("must not start with '..'".to_owned()),
        _ => {}
    }
    messages
}

pub fn env_var_name(name: &str) -> Vec<String> {
    if name.is_empty() {
        return vec!["environment variable name must be non-empty".to_owned()];
    }
    if name.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
        return Vec::new();
    }
    vec![
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
            .to_owned(),
    ]
}

pub fn port_name(name: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if name.len() > PORT_NAME_MAX {
        messages.push(max_characters(PORT_NAME_MAX));
    }
    if name.is_empty() || !name.bytes().all(|byte| is_lower(byte) || byte == b'-') {
        messages.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        messages.push("must contain at least one letter (a-z)".to_owned());
    }
    if name.contains("--") {
        messages.push("must not contain consecutive hyphens".to_owned());
    }
    if name.starts_with('-') || name.ends_with('-') {
        messages.push("must not begin or end with a hyphen".to_owned());
    }
    messages
}

pub fn port_number(port: i64) -> Vec<String> {
    super::at::refused(!(1..=65_535).contains(&port), || super::at::in_range(1, 65_535))
}

/// For how long a token may be asked for.
pub fn token_seconds(seconds: i64) -> Vec<String> {
    const MIN: i64 = 10 * 60;
    const MAX: i64 = 1 << 32;
    let why = match seconds {
        ..MIN => "may not specify a duration less than 10 minutes",
        MIN..=MAX => return Vec::new(),
        _ => "may not specify a duration larger than 2^32 seconds",
    };
    vec![why.to_owned()]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn check(rule: fn(&str) -> Vec<String>, names: &[&str]) -> String {
        names.iter().map(|name| format!("{name:?} {}\n", rule(name).join("; "))).collect()
    }

    #[test]
    fn names_are_refused_in_upstreams_words() {
        expect![[r#"
            "a" 
            "my-name" 
            "A" a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')
            "a.b" must not contain dots
        "#]]
        .assert_eq(&check(dns1123_label, &["a", "my-name", "A", "a.b"]));
        expect![[r#"
            "a.b-c.d" 
            "a..b" a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
        "#]]
        .assert_eq(&check(dns1123_subdomain, &["a.b-c.d", "a..b"]));
        assert_eq!(dns1123_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert!(NameRule::Label.check_prefix("web-").is_empty() && !NameRule::Label.check("web-").is_empty());
    }

    #[test]
    fn label_keys_have_a_prefix_part_and_a_name_part() {
        expect![[r#"
            "app.kubernetes.io/name" 
            "/a" prefix part must be non-empty
            "a/" name part must be non-empty; name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')
            "a/b/c" a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')
        "#]]
        .assert_eq(&check(label_key, &["app.kubernetes.io/name", "/a", "a/", "a/b/c"]));
        assert_eq!(label_value(&"a".repeat(64)), ["must be no more than 63 bytes"]);
        assert!(label_value("").is_empty() && !label_value("a b").is_empty());
    }

    #[test]
    fn keys_and_ports_are_checked() {
        assert!(config_map_key("a_B.c-1").is_empty());
        assert_eq!(config_map_key(".."), ["must not be '..'"]);
        assert_eq!(port_name("1"), ["must contain at least one letter (a-z)"]);
        assert_eq!(port_number(0), ["must be between 1 and 65535, inclusive"]);
        assert!(env_var_name("A B.c").is_empty() && !env_var_name("A=B").is_empty());
        assert_eq!(path_segment("a/b%"), ["may not contain '/'", "may not contain '%'"]);
    }
}
