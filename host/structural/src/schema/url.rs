//! URLs as Go's `net/url` reads them, as far as validation asks.

/// The parts of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) user: Option<&'a str>,
    pub(crate) host: &'a str,
    pub(crate) query: &'a str,
    pub(crate) fragment: &'a str,
}

impl<'a> Url<'a> {
    /// Reads a URL; the error is the reason that Go gives.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
        Ok(Self { fragment, ..Self::without_fragment(text)? })
    }

    /// What `ParseRequestURI` reads: a URL that names a resource, or an absolute path.
    pub(crate) fn parse_request(text: &'a str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("empty url".to_owned());
        }
        let url = Self::without_fragment(text)?;
        if url.scheme.is_empty() && !text.starts_with('/') && text != "*" {
            return Err("invalid URI for request".to_owned());
        }
        Ok(url)
    }

    fn without_fragment(text: &'a str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let (scheme, rest) = scheme(text)?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self { scheme, query, ..Self::default() };
        if !rest.starts_with('/') {
            // Behind a scheme it is opaque; without one its first segment must not look like a scheme.
            let segment = rest.split('/').next().unwrap_or_default();
            return match scheme {
                "" if segment.contains(':') => {
                    Err("first path segment in URL cannot contain colon".to_owned())
                }
                "" => escapes(rest).map(|()| url),
                _ => Ok(url),
            };
        }
        let path = match rest.strip_prefix("//").filter(|_| !rest.starts_with("///")) {
            Some(authority) => {
                let (authority, path) = authority.split_at(authority.find('/').unwrap_or(authority.len()));
                (url.user, url.host) = self::authority(authority)?;
                path
            }
            None => rest,
        };
        escapes(path)?;
        Ok(url)
    }
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
    match end {
        Some(0) if text.starts_with(':') => Err("missing protocol scheme".to_owned()),
        Some(end) if text[end..].starts_with(':') && text.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            Ok((&text[..end], &text[end + 1..]))
        }
        _ => Ok(("", text)),
    }
}

/// User information and host; the host keeps its port.
fn authority(text: &str) -> Result<(Option<&str>, &str), String> {
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, text),
    };
    if let Some(literal) = host.strip_prefix('[') {
        let Some((_, port)) = literal.split_once(']') else { return Err("missing ']' in host".to_owned()) };
        valid_port(port)?;
    } else if let Some(colon) = host.rfind(':') {
        valid_port(&host[colon..])?;
    }
    if let Some(bad) = host.chars().find(|c| " \"<>\\^`{|}".contains(*c)) {
        return Err(format!("invalid character {bad:?} in host name").replace('\'', "\""));
    }
    Ok((user, host))
}

fn valid_port(port: &str) -> Result<(), String> {
    let digits = port.strip_prefix(':').unwrap_or(port);
    let valid = port.is_empty() || port.starts_with(':') && digits.bytes().all(|byte| byte.is_ascii_digit());
    if valid { Ok(()) } else { Err(format!("invalid port {port:?} after host")) }
}

/// Every percent sign begins an escape.
fn escapes(path: &str) -> Result<(), String> {
    let bytes = path.as_bytes();
    for (at, _) in path.match_indices('%') {
        let hex = bytes.get(at + 1..at + 3).unwrap_or_default();
        if hex.len() < 2 || !hex.iter().all(u8::is_ascii_hexdigit) {
            let shown = path.get(at..(at + 3).min(path.len())).unwrap_or("%");
            return Err(format!("invalid URL escape {shown:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn urls_have_their_parts() {
        let url = Url::parse("https://me:pw@example.com:8443/a/b?c=d#e").unwrap();
        assert_eq!((url.scheme, url.user, url.host), ("https", Some("me:pw"), "example.com:8443"));
        assert_eq!((url.query, url.fragment), ("c=d", "e"));
        assert_eq!(Url::parse("https://[::1]:80/").unwrap().host, "[::1]:80");
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in ["://a", "https://a b/", "https://a:x/", "/a%zz", "https://[::1/", "a\n", "a:b/%"] {
            let refused = Url::parse(text).is_err();
            assert_eq!(refused, text != "a:b/%", "{text}");
        }
        for (text, is_request) in [("/a", true), ("a", false), ("", false), ("mailto:x", true), ("*", true)] {
            assert_eq!(Url::parse_request(text).is_ok(), is_request, "{text}");
        }
    }
}
