//! Field names as identifiers: what no identifier may contain is spelled out between underscores.

use crate::parse::RESERVED;

/// What is spelled out, the longest first.
const SPELLINGS: &[(&str, &str)] =
    &[("__", "__underscores__"), (".", "__dot__"), ("-", "__dash__"), ("/", "__slash__")];

/// The identifier of a field; none where its name has characters that cannot be spelled.
pub fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|char: char| char.is_ascii_digit()) {
        return None;
    }
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let mut escaped = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(char) = rest.chars().next() {
        if let Some((plain, spelled)) = SPELLINGS.iter().find(|(plain, _)| rest.starts_with(plain)) {
            escaped.push_str(spelled);
            rest = &rest[plain.len()..];
        } else if char.is_ascii_alphanumeric() || char == '_' {
            escaped.push(char);
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    Some(escaped)
}

/// The field of an identifier; none where it spells out what is not known.
pub fn unescape(identifier: &str) -> Option<String> {
    if !identifier.contains("__") {
        return Some(identifier.to_owned());
    }
    let word = identifier.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    if let Some(word) = word.filter(|word| RESERVED.contains(word)) {
        return Some(word.to_owned());
    }
    let mut name = String::with_capacity(identifier.len());
    let mut rest = identifier;
    while let Some(start) = rest.find("__") {
        let word = rest[start + 2..].find('_').map(|end| &rest[start + 2..start + 2 + end]);
        let end = start + 2 + word.map_or(0, str::len);
        let is_spelling = word.is_some_and(|word| !word.is_empty()) && rest[end..].starts_with("__");
        if !is_spelling {
            name.push_str(&rest[..start + 1]);
            rest = &rest[start + 1..];
            continue;
        }
        let (plain, _) = SPELLINGS.iter().find(|(_, spelled)| *spelled == &rest[start..end + 2])?;
        name.push_str(&rest[..start]);
        name.push_str(plain);
        rest = &rest[end + 2..];
    }
    name.push_str(rest);
    Some(name)
}
