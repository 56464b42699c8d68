//! The form in which a client wants objects. There is no protobuf of tables.

use http::{HeaderMap, header};
use objects::request::RequestInfo;
use objects::resource::{Resource, Verb};
use objects::schema::{self, Type};
use objects::status::Status;

use super::reply::{Encoding, JSON, PROTOBUF, YAML};
use crate::accept;
use crate::call::{MetaVersion, Output};

/// The media type of a document of meta.k8s.io.
macro_rules! meta {
    ($encoding:literal, $version:literal, $kind:literal) => {
        concat!($encoding, ";g=meta.k8s.io;v=", $version, ";as=", $kind)
    };
}

const TABLE: Output = Output::Table(MetaVersion::V1);
const METADATA: Output = Output::Metadata(MetaVersion::V1);
const OLD_TABLE: Output = Output::Table(MetaVersion::V1beta1);
const OLD_METADATA: Output = Output::Metadata(MetaVersion::V1beta1);

#[rustfmt::skip]
const FORMS: &[(&str, Output, Encoding)] = &[
    (JSON, Output::Objects, Encoding::Json),
    (YAML, Output::Objects, Encoding::Yaml),
    (PROTOBUF, Output::Objects, Encoding::Protobuf),
    (meta!("application/json", "v1", "Table"), TABLE, Encoding::Json),
    (meta!("application/json", "v1", "PartialObjectMetadata"), METADATA, Encoding::Json),
    (meta!("application/json", "v1", "PartialObjectMetadataList"), METADATA, Encoding::Json),
    (meta!("application/json", "v1beta1", "Table"), OLD_TABLE, Encoding::Json),
    (meta!("application/json", "v1beta1", "PartialObjectMetadata"), OLD_METADATA, Encoding::Json),
    (meta!("application/json", "v1beta1", "PartialObjectMetadataList"), OLD_METADATA, Encoding::Json),
    (meta!("application/yaml", "v1", "Table"), TABLE, Encoding::Yaml),
    (meta!("application/yaml", "v1", "PartialObjectMetadata"), METADATA, Encoding::Yaml),
    (meta!("application/yaml", "v1", "PartialObjectMetadataList"), METADATA, Encoding::Yaml),
    (meta!("application/yaml", "v1beta1", "Table"), OLD_TABLE, Encoding::Yaml),
    (meta!("application/yaml", "v1beta1", "PartialObjectMetadata"), OLD_METADATA, Encoding::Yaml),
    (meta!("application/yaml", "v1beta1", "PartialObjectMetadataList"), OLD_METADATA, Encoding::Yaml),
    (meta!("application/vnd.kubernetes.protobuf", "v1", "PartialObjectMetadata"), METADATA, Encoding::Protobuf),
    (meta!("application/vnd.kubernetes.protobuf", "v1", "PartialObjectMetadataList"), METADATA, Encoding::Protobuf),
];

/// The first form that the client prefers of those that there are: protobuf of kinds that have messages, and of the
/// metadata of all.
pub(super) fn form(
    headers: &HeaderMap,
    resource: &Resource,
    verb: Verb,
) -> Result<(Output, Encoding), Status> {
    let row = schema::by_gvk(&resource.group, &resource.version, &resource.kind);
    let is_message = row.is_some_and(Type::is_message);
    // What is answered but not kept has no columns.
    let has_columns = !resource.is_virtual() || verb != Verb::Create;
    let is_offered = |output, encoding| match encoding {
        _ if matches!(output, Output::Table(_)) && !has_columns => false,
        // A stream of documents is not written in YAML.
        Encoding::Yaml => verb != Verb::Watch,
        Encoding::Protobuf => is_message || output != Output::Objects,
        Encoding::Json | Encoding::Pretty => true,
    };
    let offered = || FORMS.iter().filter(|(_, output, encoding)| is_offered(*output, *encoding));
    let chosen = |range: &accept::MediaRange<'_>| offered().find(|(name, ..)| range.covers(name));
    let form = accept::ranges(headers).iter().find_map(chosen);
    let names: &[&str] = match (is_message, verb) {
        (true, Verb::Watch) => &[JSON, PROTOBUF],
        (true, _) => &[JSON, YAML, PROTOBUF],
        (false, Verb::Watch) => &[JSON],
        (false, _) => &[JSON, YAML],
    };
    form.map(|(_, output, encoding)| (*output, *encoding)).ok_or_else(|| Status::not_acceptable(names))
}

/// How a client wants to be told of what went wrong: as objects, where it takes them in a form that there is.
pub(super) fn of_refusals(headers: &HeaderMap, info: &RequestInfo) -> Encoding {
    let plain = || FORMS.iter().filter(|(_, output, _)| *output == Output::Objects);
    let chosen = |range: &accept::MediaRange<'_>| plain().find(|(name, ..)| range.covers(name));
    let encoding = accept::ranges(headers).iter().find_map(chosen).map_or(Encoding::Json, |form| form.2);
    for_reader(encoding, headers, info)
}

/// The form in which the client reads it, where that is JSON.
pub(super) fn for_reader(encoding: Encoding, headers: &HeaderMap, info: &RequestInfo) -> Encoding {
    let reader = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    match encoding {
        Encoding::Json if is_pretty(info.query_value("pretty"), reader) => Encoding::Pretty,
        encoding => encoding,
    }
}

/// Whether JSON is to be written for people: who asks says so, or reads it in a terminal or browser.
fn is_pretty(asked: Option<&str>, user_agent: &str) -> bool {
    const READERS: &[&str] = &["curl", "Wget", "Mozilla/5.0"];
    match asked {
        Some(text) => !["false", "0"].contains(&text),
        None => READERS.iter().any(|reader| user_agent.starts_with(reader)),
    }
}

/// Whether the client takes JSON.
pub(super) fn json(headers: &HeaderMap) -> Result<(), Status> {
    let takes = accept::ranges(headers).iter().any(|range| range.covers(JSON));
    takes.then_some(()).ok_or_else(|| Status::not_acceptable(&[JSON]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &'static str, kind: &'static str) -> Option<(Output, Encoding)> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, header::HeaderValue::from_static(accept))]);
        let pods = objects::resource::by_kind("", "v1", "Pod").unwrap();
        form(&headers, &Resource { kind: kind.into(), ..(**pods).clone() }, Verb::Get).ok()
    }

    #[test]
    fn what_is_answered_but_not_kept_has_no_table() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let headers = HeaderMap::from_iter([(header::ACCEPT, header::HeaderValue::from_static(table))]);
        let review = objects::resource::by_kind("authorization.k8s.io", "v1", "SelfSubjectAccessReview");
        let refused = form(&headers, review.unwrap(), Verb::Create).unwrap_err();
        assert_eq!(refused.code, 406);
        let components = objects::resource::by_kind("", "v1", "ComponentStatus").unwrap();
        assert_eq!(form(&headers, components, Verb::List), Ok((TABLE, Encoding::Json)));
    }

    #[test]
    fn a_refusal_is_told_in_the_form_that_objects_are_wanted_in() {
        let info = RequestInfo::read("GET", "/api/v1/pods", "");
        for (accept, expected) in [
            ("application/vnd.kubernetes.protobuf,application/json", Encoding::Protobuf),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Encoding::Json),
            ("application/yaml", Encoding::Yaml),
            ("text/html", Encoding::Json),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT, header::HeaderValue::from_static(accept))]);
            assert_eq!(of_refusals(&headers, &info), expected, "{accept}");
        }
    }

    #[test]
    fn json_is_indented_for_those_who_read_it() {
        for (asked, reader, expected) in [
            (None, "curl/8.0", true),
            (None, "kubectl/v1.32", false),
            (Some("false"), "curl/8.0", false),
            (Some("true"), "kubectl/v1.32", true),
        ] {
            assert_eq!(is_pretty(asked, reader), expected, "{asked:?} {reader}");
        }
    }

    #[test]
    fn the_form_is_what_the_client_prefers_of_what_there_is() {
        const OBJECTS: Option<(Output, Encoding)> = Some((Output::Objects, Encoding::Json));
        const BINARY: Option<(Output, Encoding)> = Some((Output::Objects, Encoding::Protobuf));
        const YAML: Option<(Output, Encoding)> = Some((Output::Objects, Encoding::Yaml));
        let json = |output| Some((output, Encoding::Json));
        for (accept, pod, custom) in [
            ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", json(OLD_TABLE), json(OLD_TABLE)),
            (
                "application/yaml;as=Table;v=v1;g=meta.k8s.io",
                Some((TABLE, Encoding::Yaml)),
                Some((TABLE, Encoding::Yaml)),
            ),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", json(TABLE), json(TABLE)),
            ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", OBJECTS, OBJECTS),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                json(METADATA),
                json(METADATA),
            ),
            ("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1", None, None),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
                Some((METADATA, Encoding::Protobuf)),
                Some((METADATA, Encoding::Protobuf)),
            ),
            ("application/vnd.kubernetes.protobuf,application/json", BINARY, OBJECTS),
            ("application/vnd.kubernetes.protobuf;stream=watch", BINARY, None),
            ("application/json;stream=watch", OBJECTS, OBJECTS),
            ("*/*", OBJECTS, OBJECTS),
            ("application/yaml", YAML, YAML),
            ("text/html", None, None),
        ] {
            assert_eq!(of(accept, "Pod"), pod, "{accept}");
            assert_eq!(of(accept, "Widget"), custom, "{accept}");
        }
    }
}
