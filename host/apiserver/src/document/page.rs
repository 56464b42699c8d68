//! Which document a path names, and in which forms it can be had.

use http::HeaderMap;
use objects::resource::GroupVersion;

use crate::accept;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Page {
    /// `/api`
    Versions,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/VERSION`, `/apis/GROUP/VERSION`
    Resources(GroupVersion),
    /// `/openapi/v2`
    OpenApi2,
    /// `/openapi/v3`
    OpenApi3,
    /// `/openapi/v3/api/VERSION`, `/openapi/v3/apis/GROUP/VERSION`
    OpenApi3Of(GroupVersion),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Json,
    /// Aggregated discovery, in a version of its group.
    Aggregated(&'static str),
    Protobuf,
}

/// The media types of each form. Of two of one form the first is what it is answered as: an `@`, with which clients
/// ask, is not allowed in a media type, and Go's parser refuses it.
const MEDIA_TYPES: &[(&str, Form)] = &[
    ("application/json", Form::Json),
    ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", Form::Aggregated("v2")),
    (
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        Form::Aggregated("v2beta1"),
    ),
    ("application/com.github.proto-openapi.spec.v2.v1.0+protobuf", Form::Protobuf),
    ("application/com.github.proto-openapi.spec.v2@v1.0+protobuf", Form::Protobuf),
];

impl Page {
    pub(super) fn read(path: &str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
        if segments.contains(&"") {
            return None;
        }
        let of = |group: &str, version: &str| GroupVersion::new(group.to_owned(), version.to_owned());
        Some(match *segments.as_slice() {
            ["api"] => Self::Versions,
            ["api", version] => Self::Resources(of("", version)),
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group(group.to_owned()),
            ["apis", group, version] => Self::Resources(of(group, version)),
            ["openapi", "v2"] => Self::OpenApi2,
            ["openapi", "v3"] => Self::OpenApi3,
            ["openapi", "v3", "api", version] => Self::OpenApi3Of(of("", version)),
            ["openapi", "v3", "apis", group, version] => Self::OpenApi3Of(of(group, version)),
            _ => return None,
        })
    }

    /// The form that the request prefers of those that there are.
    pub(super) fn choose(&self, headers: &HeaderMap) -> Option<Form> {
        let ranges = accept::ranges(headers);
        ranges.iter().find_map(|range| {
            let mut offered = self.offered();
            offered.find(|(media_type, _)| range.covers(media_type)).map(|(_, form)| *form)
        })
    }

    pub(super) fn media_types(&self) -> Vec<&'static str> {
        self.offered().map(|(media_type, _)| *media_type).collect()
    }

    /// Whether its address may carry the hash of its content, as the index of OpenAPI v3 gives it.
    pub(super) fn is_hashed(&self) -> bool {
        matches!(self, Self::OpenApi3Of(_))
    }

    fn offered(&self) -> impl Iterator<Item = &'static (&'static str, Form)> {
        MEDIA_TYPES.iter().filter(|(_, form)| match form {
            Form::Json => true,
            Form::Aggregated(_) => matches!(self, Self::Versions | Self::Groups),
            Form::Protobuf => *self == Self::OpenApi2,
        })
    }
}

impl Form {
    pub(super) fn media_type(self) -> &'static str {
        MEDIA_TYPES.iter().find(|(_, form)| *form == self).map_or("application/json", |(name, _)| name)
    }
}
