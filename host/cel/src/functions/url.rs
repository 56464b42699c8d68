//! URLs, read as Go's `net/url` reads them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{Row, row};
use crate::error::EvalError;
use crate::value::{Evaluated, Key, Map, Text, Value};

pub(super) const ROWS: &[Row] = &[
    row("url", "(string) -> url", |args, _| match args {
        [Value::String(text)] => Url::parse(text).map(|url| Value::Url(Arc::new(url))).map_err(|why| {
            EvalError::failed(format!(
                "URL parse error during conversion from string: parse {:?}: {why}",
                &**text
            ))
        }),
        _ => Err(EvalError::no_such_overload()),
    }),
    row("isURL", "(string) -> bool", |args, _| match args {
        [Value::String(text)] => Ok(Value::Bool(Url::parse(text).is_ok())),
        _ => Err(EvalError::no_such_overload()),
    }),
    row("getScheme", "url.() -> string", |args, _| part(args, |url| url.scheme.clone())),
    row("getHost", "url.() -> string", |args, _| part(args, |url| url.host.clone())),
    row("getHostname", "url.() -> string", |args, _| part(args, |url| url.hostname().to_owned())),
    row("getPort", "url.() -> string", |args, _| part(args, |url| url.port().to_owned())),
    row("getEscapedPath", "url.() -> string", |args, _| part(args, |url| url.path.clone())),
    row("getQuery", "url.() -> map(string, list(string))", query),
];

/// A URL; the path is as it was escaped.
#[derive(Clone, Debug)]
pub struct Url {
    scheme: String,
    opaque: String,
    user: Option<String>,
    host: String,
    path: String,
    query: Option<String>,
    fragment: Option<String>,
}

fn part<'a>(args: &[Value<'a>], part: fn(&Url) -> String) -> Evaluated<'a> {
    match args {
        [Value::Url(url)] => Ok(Value::from(part(url))),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn query<'a>(args: &[Value<'a>], _: &mut crate::cost::Meter) -> Evaluated<'a> {
    let [Value::Url(url)] = args else { return Err(EvalError::no_such_overload()) };
    let mut values: BTreeMap<String, Vec<Value<'a>>> = BTreeMap::new();
    for pair in url.query.as_deref().unwrap_or("").split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        // Pairs that cannot be read are passed over, as upstream.
        if let (false, Ok(key), Ok(value)) = (pair.contains(';'), unescape_query(key), unescape_query(value))
        {
            values.entry(key).or_default().push(Value::from(value));
        }
    }
    let entries = values.into_iter().map(|(key, values)| (Key::String(Text::from(key)), Value::list(values)));
    Ok(Value::Map(Map::Entries(Arc::new(entries.collect()))))
}

impl Url {
    /// An absolute URL or an absolute path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().any(|char| char < ' ' || char == '\u{7f}') {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text.is_empty() {
            return Err("empty url".to_owned());
        }
        let (text, fragment) = match text.split_once('#') {
            Some((text, fragment)) => (text, Some(unescape(fragment)?)),
            None => (text, None),
        };
        let (scheme, rest) = split_scheme(text)?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (rest, None),
        };
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            opaque: String::new(),
            user: None,
            host: String::new(),
            path: String::new(),
            query,
            fragment,
        };
        if !rest.starts_with('/') {
            if scheme.is_empty() {
                return Err("invalid URI for request".to_owned());
            }
            rest.clone_into(&mut url.opaque);
            return Ok(url);
        }
        let path = match rest.strip_prefix("//").filter(|_| !scheme.is_empty()) {
            Some(rest) => {
                let end = rest.find('/').unwrap_or(rest.len());
                url.set_authority(&rest[..end])?;
                &rest[end..]
            }
            None => rest,
        };
        unescape(path)?;
        url.path = escape_path(path);
        Ok(url)
    }

    fn set_authority(&mut self, authority: &str) -> Result<(), String> {
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                let is_valid =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
                if !user.bytes().all(is_valid) {
                    return Err("net/url: invalid userinfo".to_owned());
                }
                unescape(user)?;
                self.user = Some(user.to_owned());
                host
            }
            None => authority,
        };
        let port = match host.strip_prefix('[') {
            Some(rest) => match rest.rfind(']') {
                Some(end) => &rest[end + 1..],
                None => return Err("missing ']' in host".to_owned()),
            },
            None => host.rfind(':').map_or("", |colon| &host[colon..]),
        };
        let digits = port.strip_prefix(':').unwrap_or(if port.is_empty() { "" } else { "x" });
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("invalid port {port:?} after host"));
        }
        let is_valid = |char: char| {
            !char.is_ascii() || char.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:[]<>\"%".contains(char)
        };
        if let Some(char) = host.chars().find(|char| !is_valid(*char)) {
            return Err(format!("invalid character {:?} in host name", char.to_string()));
        }
        self.host = unescape(host)?;
        Ok(())
    }

    fn hostname(&self) -> &str {
        let host = match self.host.rfind(':') {
            Some(colon) if self.host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
                &self.host[..colon]
            }
            _ => &self.host,
        };
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
    }

    fn port(&self) -> &str {
        match self.host.rfind(':') {
            Some(colon) if self.host[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
                &self.host[colon + 1..]
            }
            _ => "",
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if !self.host.is_empty() || self.user.is_some() {
            f.write_str("//")?;
            if let Some(user) = &self.user {
                write!(f, "{user}@")?;
            }
        }
        write!(f, "{}{}{}", self.opaque, self.host, self.path)?;
        if let Some(query) = &self.query {
            write!(f, "?{query}")?;
        }
        self.fragment.as_ref().map_or(Ok(()), |fragment| write!(f, "#{fragment}"))
    }
}

/// The scheme, empty where there is none, and what follows its colon.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

/// Undoes `%xx`; bytes that are no UTF-8 are replaced.
fn unescape(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let hex = tail.get(..2).filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match byte {
            Some(byte) => bytes.push(byte),
            None => {
                let shown = String::from_utf8_lossy(&tail[..tail.len().min(2)]).into_owned();
                return Err(format!("invalid URL escape \"%{shown}\""));
            }
        }
        rest = &tail[2..];
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn unescape_query(text: &str) -> Result<String, String> {
    unescape(&text.replace('+', " "))
}

/// Escapes of a path whatever must be and is not.
fn escape_path(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/[]%".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
