//! The form in which a client wants objects. Protobuf and YAML are not offered.

use http::HeaderMap;
use objects::status::Status;

use super::reply::JSON;
use crate::accept;
use crate::call::Output;

const FORMS: &[(&str, Output)] = &[
    (JSON, Output::Objects),
    ("application/json;g=meta.k8s.io;v=v1;as=Table", Output::Table),
    ("application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadata", Output::Metadata),
    ("application/json;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList", Output::Metadata),
];

/// The first form that the client prefers of those that there are.
pub(super) fn output(headers: &HeaderMap) -> Result<Output, Status> {
    let chosen = |range: &accept::MediaRange<'_>| FORMS.iter().find(|(name, _)| range.covers(name));
    let form = accept::ranges(headers).iter().find_map(chosen);
    form.map(|(_, output)| *output).ok_or_else(|| Status::not_acceptable(&[JSON]))
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

    fn of(accept: &'static str) -> Option<Output> {
        let headers = HeaderMap::from_iter([(header::ACCEPT, header::HeaderValue::from_static(accept))]);
        output(&headers).ok()
    }

    #[test]
    fn the_form_is_what_the_client_prefers_of_what_there_is() {
        for (accept, wanted) in [
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Some(Output::Table)),
            ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Some(Output::Objects)),
            ("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", Some(Output::Metadata)),
            ("application/vnd.kubernetes.protobuf,application/json", Some(Output::Objects)),
            ("application/json;stream=watch", Some(Output::Objects)),
            ("*/*", Some(Output::Objects)),
            ("application/vnd.kubernetes.protobuf", None),
        ] {
            assert_eq!(of(accept), wanted, "{accept}");
        }
    }
}
