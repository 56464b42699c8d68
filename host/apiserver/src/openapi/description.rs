//! What types and fields are for, as the build script found it in the documentation of k8s-openapi.

use std::collections::HashMap;

use objects::schema::{Field, Type};

const DEFLATED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptions"));
const END_OF_KEY: char = '\u{1f}';
const END_OF_RECORD: char = '\u{1e}';

/// Whose fields `apiVersion` and `kind` are described; k8s-openapi has none in its kinds.
const OF_KINDS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
/// The one list that k8s-openapi has for all kinds.
const OF_LISTS: &str = "io.k8s.List";
/// Whose metadata is described as that of every kind.
const OF_OBJECTS: &str = "io.k8s.api.core.v1.Pod";

/// Inflated while a document is made; several times as large as what is kept.
pub(super) struct Descriptions(HashMap<String, String>);

impl Descriptions {
    pub(super) fn read() -> Self {
        let bytes = miniz_oxide::inflate::decompress_to_vec(DEFLATED).expect("build.rs deflated it");
        let text = String::from_utf8(bytes).expect("build.rs deflated a text");
        let records = text.split_terminator(END_OF_RECORD).filter_map(|record| record.split_once(END_OF_KEY));
        Self(records.map(|(key, description)| (key.to_owned(), description.to_owned())).collect())
    }

    pub(super) fn of_type(&self, row: &Type) -> Option<&str> {
        self.first([Some(row.openapi_name()), list(row).map(str::to_owned)])
    }

    pub(super) fn of_field(&self, row: &Type, field: &Field) -> Option<&str> {
        let kind = row.gvks().next().map(|_| OF_KINDS);
        let own = row.openapi_name();
        let owners = [Some(own.as_str()), list(row), kind];
        self.first(owners.map(|owner| Some(format!("{} {}", owner?, field.name))))
    }

    /// What is said of fields that kinds have without a row of theirs.
    pub(super) fn of_every_kind(&self) -> structural::Descriptions<'_> {
        let of = |owner: &str, field: &str| {
            self.0.get(&format!("{owner} {field}")).map(String::as_str).unwrap_or_default()
        };
        structural::Descriptions {
            api_version: of(OF_KINDS, "apiVersion"),
            kind: of(OF_KINDS, "kind"),
            metadata: of(OF_OBJECTS, "metadata"),
            list_metadata: of(OF_LISTS, "metadata"),
        }
    }

    fn first(&self, keys: impl IntoIterator<Item = Option<String>>) -> Option<&str> {
        keys.into_iter().flatten().find_map(|key| self.0.get(&key)).map(String::as_str)
    }
}

fn list(row: &Type) -> Option<&'static str> {
    (row.field("items").is_some() && row.gvks().next().is_some()).then_some(OF_LISTS)
}

#[cfg(test)]
mod tests {
    use objects::schema;

    use super::Descriptions;

    #[test]
    fn types_fields_lists_and_the_fields_of_every_kind_are_described() {
        let descriptions = Descriptions::read();
        let mentions = |type_name: &str, field: &str, word: &str| {
            let row = schema::by_name(type_name).unwrap();
            let text = match row.field(field) {
                Some(field) => descriptions.of_field(row, field),
                None => descriptions.of_type(row),
            };
            assert!(text.is_some_and(|text| text.contains(word)), "{type_name} {field}: {text:?}");
        };
        mentions("core.v1.Pod", "", "containers");
        mentions("core.v1.Pod", "kind", "REST");
        mentions("core.v1.PodStatus", "podIPs", "podIPs");
        mentions("core.v1.PodList", "", "List");
        mentions("core.v1.PodList", "items", "objects");
        mentions("core.v1.EndpointPort", "port", "port");
        let every = descriptions.of_every_kind();
        for text in [every.api_version, every.kind, every.metadata, every.list_metadata] {
            assert!(text.contains("More info"), "{every:?}");
        }
    }

    #[test]
    fn nearly_every_field_is_described() {
        let descriptions = Descriptions::read();
        let fields =
            || schema::types().iter().flat_map(|row| row.fields().iter().map(move |field| (row, field)));
        let described = fields().filter(|(row, field)| descriptions.of_field(row, field).is_some());
        let percent = described.count() * 100 / fields().count();
        assert!(percent >= 95, "{percent} % of the fields are described");
    }

    #[test]
    fn a_description_is_plain_text() {
        let descriptions = Descriptions::read();
        assert!(descriptions.0.values().all(|text| !text.contains("\\<") && !text.contains("\\[")));
    }
}
