//! The form in which a client wants objects. YAML is not offered, tables are JSON.

use http::HeaderMap;
use objects::resource::Resource;
use objects::schema::{self, Type};
use objects::status::Status;

use super::reply::{Encoding, JSON, PROTOBUF};
use crate::accept;
use crate::call::Output;

const FORMS: &[(&str, Output, Encoding)] = &[
    (JSON, Output::Objects, Encoding::Json),
    (PROTOBUF, Output::Objects, Encoding::Protobuf),
    ("application/json;g=meta.k8s.io;v=v1;as=Table", Output::Table, Encoding::Json),
    ("application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadata", Output::Metadata, Encoding::Json),
    ("application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList", Output::Metadata, Encoding::Json),
    (
        "application/vnd.kubernetes.protobuf;g=meta.k8s.io;v=v1;as=PartialObjectMetadata",
        Output::Metadata,
        Encoding::Protobuf,
    ),
    (
        "application/vnd.kubernetes.protobuf;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList",
        Output::Metadata,
        Encoding::Protobuf,
    ),
];

/// The first form that the client prefers of those that there are: protobuf of kinds that have messages, and of the
/// metadata of all.
pub(super) fn form(headers: &HeaderMap, resource: &Resource) -> Result<(Output, Encoding), Status> {
    let row = schema::by_gvk(&resource.group, &resource.version, &resource.kind);
    let is_message = row.is_some_and(Type::is_message);
    let is_offered =
        |output, encoding| is_message || encoding == Encoding::Json || output == Output::Metadata;
    let offered = || FORMS.iter().filter(|(_, output, encoding)| is_offered(*output, *encoding));
    let chosen = |range: &accept::MediaRange<'_>| offered().find(|(name, ..)| range.covers(name));
    let form = accept::ranges(headers).iter().find_map(chosen);
    let names: &[&str] = if is_message { &[JSON, PROTOBUF] } else { &[JSON] };
    form.map(|(_, output, encoding)| (*output, *encoding)).ok_or_else(|| Status::not_acceptable(names))
}

/// Whether the client takes JSON.
pub(super) fn json(headers: &HeaderMap) -> Result<(), Status> {
    let takes = accept::ranges(headers).iter().any(|range| range.covers(JSON));
    takes.then_some(()).ok_or_else(|| Status::not_acceptable(&[JSON]))
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    fn of(accept: &'static str, kind: &'static str) -> Option<(Output, Encoding)> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, header::HeaderValue::from_static(accept))]);
        let pods = objects::resource::by_kind("", "v1", "Pod").unwrap();
        form(&headers, &Resource { kind: kind.into(), ..(**pods).clone() }).ok()
    }

    #[test]
    fn the_form_is_what_the_client_prefers_of_what_there_is() {
        const OBJECTS: Option<(Output, Encoding)> = Some((Output::Objects, Encoding::Json));
        const BINARY: Option<(Output, Encoding)> = Some((Output::Objects, Encoding::Protobuf));
        const TABLE: Option<(Output, Encoding)> = Some((Output::Table, Encoding::Json));
        const METADATA: Option<(Output, Encoding)> = Some((Output::Metadata, Encoding::Json));
        const BINARY_METADATA: Option<(Output, Encoding)> = Some((Output::Metadata, Encoding::Protobuf));
        for (accept, pod, custom) in [
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", TABLE, TABLE),
            ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", OBJECTS, OBJECTS),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", METADATA, METADATA),
            ("application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1", None, None),
            (
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
                BINARY_METADATA,
                BINARY_METADATA,
            ),
            ("application/vnd.kubernetes.protobuf,application/json", BINARY, OBJECTS),
            ("application/vnd.kubernetes.protobuf;stream=watch", BINARY, None),
            ("application/json;stream=watch", OBJECTS, OBJECTS),
            ("*/*", OBJECTS, OBJECTS),
            ("application/yaml", None, None),
        ] {
            assert_eq!(of(accept, "Pod"), pod, "{accept}");
            assert_eq!(of(accept, "Widget"), custom, "{accept}");
        }
    }
}
