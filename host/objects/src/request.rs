//! What a request asks for, by its method and address alone: a verb on a resource, or on a path that is none. As
//! `RequestInfo` of Kubernetes: authorization sees what the address says, whether there is such a resource or not.

use std::borrow::Cow;

use crate::selector::field::FieldSelector;

/// Below a namespace these are sub-resources of the namespace itself, everything else is a resource in it.
const OF_NAMESPACE: &[&str] = &["finalize", "status"];
/// Old prefixes that stand for a verb.
const VERB_PREFIXES: &[&str] = &["proxy", "watch"];
/// Sub-resources that are answered with a stream.
const CONNECT: &[&str] = &["attach", "exec", "log", "portforward", "proxy"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// `get`, `list`, …; the method in lower case where the path is no resource.
    pub verb: String,
    /// Decoded.
    pub path: String,
    /// Decoded `name=value` pairs, in their order.
    pub query: Vec<(String, String)>,
    pub resource: Option<ResourcePath>,
}

/// The parts of a path of objects; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePath {
    pub group: String,
    pub version: String,
    pub resource: String,
    pub subresource: String,
    /// Of a Namespace: its own name.
    pub namespace: String,
    pub name: String,
    /// What follows a sub-resource, without a slash at its begin: what a proxy asks for.
    pub tail: String,
}

impl RequestInfo {
    /// Reads the method, and the path and the query as they are on the wire.
    pub fn read(method: &str, path: &str, query: &str) -> Self {
        let path = decode(path).into_owned();
        let mut query = pairs(query);
        let mut verb = method.to_ascii_lowercase();
        let resource = ResourcePath::read(&path, method, &mut query, &mut verb);
        Self { verb, path, query, resource }
    }

    /// The first value of a name.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the answer is no object but a stream of somebody else.
    pub fn is_connect(&self) -> bool {
        self.resource.as_ref().is_some_and(|path| CONNECT.contains(&path.subresource.as_str()))
    }

    /// Whether the answer takes as long as its reader likes.
    pub fn is_long_running(&self) -> bool {
        self.verb == "watch" || self.is_connect()
    }
}

impl ResourcePath {
    /// `None` for what is no path of objects. Sets the verb of one that is, and what an old path says by its parts is
    /// said by the query.
    fn read(path: &str, method: &str, query: &mut Vec<(String, String)>, verb: &mut String) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, mut parts) = match parts.as_slice() {
            ["api", version, parts @ ..] if !parts.is_empty() => ("", *version, parts),
            ["apis", group, version, parts @ ..] if !parts.is_empty() => (*group, *version, parts),
            _ => return None,
        };
        let prefixed = parts.len() > 1 && VERB_PREFIXES.contains(&parts[0]);
        if prefixed {
            parts[0].clone_into(verb);
            parts = &parts[1..];
        } else {
            verb_of(method).clone_into(verb);
        }
        let mut namespace = "";
        if let ["namespaces", name, below @ ..] = parts {
            namespace = name;
            if below.first().is_some_and(|first| !OF_NAMESPACE.contains(first)) {
                parts = below;
            }
        }
        let part = |index: usize| parts.get(index).copied().unwrap_or_default().to_owned();
        let mut found = Self {
            group: group.to_owned(),
            version: version.to_owned(),
            resource: part(0),
            name: part(1),
            subresource: if prefixed { String::new() } else { part(2) },
            namespace: namespace.to_owned(),
            tail: parts.get(3..).unwrap_or_default().join("/"),
        };
        if found.name.is_empty() {
            found.settle_collection(query, verb);
        } else if verb == "watch" {
            query.insert(0, ("fieldSelector".to_owned(), format!("metadata.name={}", found.name)));
        }
        Some(found)
    }

    /// The verb of a collection, and the name where a field selector names one object.
    fn settle_collection(&mut self, query: &[(String, String)], verb: &mut String) {
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match verb.as_str() {
            "delete" => "deletecollection".clone_into(verb),
            "get" if value("watch").is_some_and(is_true) => "watch".clone_into(verb),
            "get" => "list".clone_into(verb),
            _ => {}
        }
        if matches!(verb.as_str(), "list" | "watch" | "deletecollection")
            && let Some(Ok(selector)) = value("fieldSelector").map(FieldSelector::parse)
            && let Some(name) = selector.required("metadata.name")
        {
            name.clone_into(&mut self.name);
        }
    }
}

fn verb_of(method: &str) -> &'static str {
    match method {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

/// As Kubernetes reads a bool of a query: whatever does not say no says yes.
pub fn is_true(value: &str) -> bool {
    !(value == "0" || value.eq_ignore_ascii_case("false"))
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let field = |text: &str| decode(&text.replace('+', " ")).into_owned();
    let texts = query.split('&').filter(|text| !text.is_empty());
    texts.map(|text| text.split_once('=').unwrap_or((text, ""))).map(|(k, v)| (field(k), field(v))).collect()
}

/// Percent-decoded (RFC 3986); what is no escape stays as it is.
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escape = (*first == b'%').then(|| after.get(..2)).flatten().and_then(hexadecimal);
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &after[2..] } else { after };
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(value(*high)? * 16 + value(*low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(method: &str, address: &str) -> RequestInfo {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        RequestInfo::read(method, path, query)
    }

    /// `verb group/version namespace resource/subresource name tail`, `-` for nothing; or the verb and path of what is
    /// no resource.
    fn brief(info: &RequestInfo) -> String {
        let Some(path) = &info.resource else { return format!("{} {}", info.verb, info.path) };
        let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let [verb, group, namespace, sub, name, tail] =
            [&info.verb, &path.group, &path.namespace, &path.subresource, &path.name, &path.tail]
                .map(|text| or_dash(text));
        format!("{verb} {group}/{} {namespace} {}/{sub} {name} {tail}", path.version, path.resource)
    }

    #[test]
    fn addresses_are_read_as_upstream_reads_them() {
        const TABLE: &[(&str, &str, &str)] = &[
            ("GET", "/api/v1/pods", "list -/v1 - pods/- - -"),
            ("GET", "/api/v1/pods?watch=true", "watch -/v1 - pods/- - -"),
            ("GET", "/api/v1/pods?watch=1", "watch -/v1 - pods/- - -"),
            ("GET", "/api/v1/pods?watch", "watch -/v1 - pods/- - -"),
            ("GET", "/api/v1/pods?watch=false", "list -/v1 - pods/- - -"),
            ("GET", "/api/v1/pods?watch=0", "list -/v1 - pods/- - -"),
            ("GET", "/api/v1/namespaces/n/pods", "list -/v1 n pods/- - -"),
            ("HEAD", "/api/v1/namespaces/n/pods/p", "get -/v1 n pods/- p -"),
            ("GET", "/api/v1/namespaces/n/pods/p?watch=true", "get -/v1 n pods/- p -"),
            ("GET", "/api/v1/namespaces/n/pods/p/log", "get -/v1 n pods/log p -"),
            ("POST", "/api/v1/namespaces/n/pods/p/exec?command=ls", "create -/v1 n pods/exec p -"),
            ("POST", "/api/v1/namespaces/n/pods", "create -/v1 n pods/- - -"),
            ("PUT", "/api/v1/namespaces/n/pods/p/status", "update -/v1 n pods/status p -"),
            ("PATCH", "/apis/apps/v1/namespaces/n/deployments/d", "patch apps/v1 n deployments/- d -"),
            ("DELETE", "/apis/apps/v1/namespaces/n/deployments/d", "delete apps/v1 n deployments/- d -"),
            (
                "DELETE",
                "/apis/apps/v1/namespaces/n/deployments",
                "deletecollection apps/v1 n deployments/- - -",
            ),
            ("OPTIONS", "/api/v1/pods", "- -/v1 - pods/- - -"),
            ("GET", "/api/v1/namespaces", "list -/v1 - namespaces/- - -"),
            ("GET", "/api/v1/namespaces/n", "get -/v1 n namespaces/- n -"),
            ("PUT", "/api/v1/namespaces/n/finalize", "update -/v1 n namespaces/finalize n -"),
            ("GET", "/api/v1/namespaces/n/status", "get -/v1 n namespaces/status n -"),
            ("GET", "/api/v1/nodes/m/proxy/stats/summary", "get -/v1 - nodes/proxy m stats/summary"),
            ("GET", "/api/v1/watch/namespaces/n/pods/p", "watch -/v1 n pods/- p -"),
            ("GET", "/api/v1/proxy/nodes/m", "proxy -/v1 - nodes/- m -"),
            ("GET", "/api/v1/pods?fieldSelector=metadata.name%3Dp", "list -/v1 - pods/- p -"),
            (
                "GET",
                "/api/v1/pods?watch=1&fieldSelector=metadata.name=p,spec.nodeName=m",
                "watch -/v1 - pods/- p -",
            ),
            ("GET", "/api/v1/pods?fieldSelector=metadata.name!=p", "list -/v1 - pods/- - -"),
            ("GET", "/api/v1/namespaces/n/configmaps/a%20b", "get -/v1 n configmaps/- a b -"),
            ("GET", "/api/v1/", "get /api/v1/"),
            ("GET", "/api", "get /api"),
            ("GET", "/apis/apps", "get /apis/apps"),
            ("POST", "/apis/apps/v1", "post /apis/apps/v1"),
            ("GET", "/", "get /"),
            ("GET", "/healthz", "get /healthz"),
            ("GET", "/openapi/v3/apis/apps/v1/x", "get /openapi/v3/apis/apps/v1/x"),
        ];
        for (method, address, wanted) in TABLE {
            assert_eq!(brief(&read(method, address)), *wanted, "{method} {address}");
        }
    }

    #[test]
    fn a_query_is_decoded_and_keeps_its_order() {
        let info = read("GET", "/api/v1/pods?labelSelector=a%3Db+c&x=%zz&&limit=");
        let wanted = [("labelSelector", "a=b c"), ("x", "%zz"), ("limit", "")];
        let read: Vec<_> = info.query.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(read, wanted);
    }

    #[test]
    fn an_old_path_of_one_object_watches_that_object_alone() {
        let info = read("GET", "/api/v1/watch/namespaces/n/pods/p?fieldSelector=metadata.name=q");
        assert_eq!(info.query[0], ("fieldSelector".to_owned(), "metadata.name=p".to_owned()));
    }

    #[test]
    fn streams_are_long_running() {
        for (address, long) in [
            ("/api/v1/pods?watch=1", true),
            ("/api/v1/namespaces/n/pods/p/log", true),
            ("/api/v1/nodes/m/proxy/metrics", true),
            ("/api/v1/pods", false),
            ("/healthz/log", false),
        ] {
            assert_eq!(read("GET", address).is_long_running(), long, "{address}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_address_is_read(path in "(/[a-z0-9%.:~*-]{0,6}){0,9}/?", query in "[a-zA-Z0-9=&%+.,!-]{0,40}") {
            for method in ["GET", "POST", "HEAD"] {
                let info = RequestInfo::read(method, &path, &query);
                proptest::prop_assert!(!info.verb.is_empty());
            }
        }
    }
}
