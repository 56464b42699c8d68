//! The rules in CEL of a schema, for who compiles them: each with its path, the schema of `self`, and what the place
//! in the schema says of its cost and of `oldSelf`.

use std::sync::Arc;

use objects::Tree;
use objects::validate::Path;

use crate::definition::Spec;
use crate::schema::{Additional, ListType, Rule, Schema, SchemaError, Type};

/// A rule and where it stands.
#[derive(Clone, Debug)]
pub struct RuleSite {
    /// The path of the rule: `….x-kubernetes-validations[0]`.
    pub path: Path,
    /// The schema of the value that the rule calls `self`.
    pub schema: Arc<Schema>,
    /// Which of the rules of that schema it is.
    pub index: usize,
    /// Whether `self` is an object with apiVersion, kind and metadata.
    pub is_resource: bool,
    /// The list within which values have no place that lasts: the rule must not use `oldSelf`.
    pub uncorrelatable: Option<Path>,
    /// How often the rule may run for one object; `None` where nothing bounds it.
    pub max_cardinality: Option<u64>,
}

impl RuleSite {
    pub fn rule(&self) -> &Rule {
        &self.schema.rules[self.index]
    }
}

/// A schema of a definition: of a version, or of all versions where they are alike.
#[derive(Clone, Debug)]
pub struct DefinitionSchema {
    /// The versions that have it.
    pub versions: Vec<String>,
    /// The path of `openAPIV3Schema`, as errors tell it.
    pub path: Path,
    pub schema: Arc<Schema>,
}

/// The schemas of a definition; [`crate::validate_definition`] tells better what is wrong with one that cannot be
/// read.
pub fn definition_schemas(crd: &Tree) -> Result<Vec<DefinitionSchema>, SchemaError> {
    let spec = Spec::of(crd);
    let mut found: Vec<DefinitionSchema> = Vec::new();
    for (index, version) in spec.versions().iter().enumerate() {
        let Some(tree) = version.at(&["schema", "openAPIV3Schema"]) else { continue };
        let name = version.str_at(&["name"]).unwrap_or_default().to_owned();
        if let Some(first) = found.first_mut().filter(|_| spec.shares_schema()) {
            first.versions.push(name);
            continue;
        }
        let path = Path::new("spec");
        let path = if spec.shares_schema() {
            path.child("validation")
        } else {
            path.child("versions").index(index).child("schema")
        };
        let (path, schema) = (path.child("openAPIV3Schema"), Schema::parse(tree)?);
        found.push(DefinitionSchema { versions: vec![name], path, schema });
    }
    Ok(found)
}

/// The rules of the schema of a resource, outer ones first. `path` is that of the schema.
pub fn rules(schema: &Arc<Schema>, path: &Path) -> Vec<RuleSite> {
    let mut sites = Vec::new();
    let root = Place { is_resource: true, uncorrelatable: None, cardinality: Some(1) };
    collect(schema, path, root, &mut sites);
    sites
}

#[derive(Clone)]
struct Place {
    is_resource: bool,
    uncorrelatable: Option<Path>,
    cardinality: Option<u64>,
}

fn collect(schema: &Arc<Schema>, path: &Path, place: Place, sites: &mut Vec<RuleSite>) {
    let rules = path.child("x-kubernetes-validations");
    sites.extend((0..schema.rules.len()).map(|index| RuleSite {
        path: rules.index(index),
        schema: schema.clone(),
        index,
        is_resource: place.is_resource || schema.embedded_resource,
        uncorrelatable: place.uncorrelatable.clone(),
        max_cardinality: place.cardinality,
    }));
    let elements = max_elements(schema);
    let cardinality = place.cardinality.and_then(|outer| Some(outer.saturating_mul(elements?)));
    let below = Place { is_resource: false, cardinality, ..place };
    for (name, property) in &schema.properties {
        collect(property, &path.child("properties").key(name.as_str()), below.clone(), sites);
    }
    if let Additional::Values(values) = &schema.additional {
        collect(values, &path.child("additionalProperties"), below.clone(), sites);
    }
    if let Some(items) = &schema.items {
        let lasting = matches!(schema.list, ListType::Map(_));
        let uncorrelatable = below.uncorrelatable.clone().or_else(|| (!lasting).then(|| path.clone()));
        collect(items, &path.child("items"), Place { uncorrelatable, ..below }, sites);
    }
}

/// How many values of each schema within there may be for one value.
fn max_elements(schema: &Schema) -> Option<u64> {
    let bound = |max: Option<i64>| max.map(|max| u64::try_from(max).unwrap_or(0));
    match schema.kind {
        Some(Type::Object) if schema.additional.is_stated() => bound(schema.checks().max_properties),
        Some(Type::Array) => bound(schema.checks().max_items),
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::Tree;
    use objects::validate::Path;

    use super::rules;
    use crate::schema::Schema;

    #[test]
    fn rules_are_listed_with_their_places() {
        let schema = Schema::parse(
            &Tree::from_json(
                br#"{"type":"object","x-kubernetes-validations":[{"rule":"a"},{"rule":"b","optionalOldSelf":true}],"properties":{
                    "list":{"type":"array","maxItems":3,"items":{"type":"object","x-kubernetes-validations":[{"rule":"c"}],"properties":{"m":{"type":"object","maxProperties":5,"additionalProperties":{"type":"string","x-kubernetes-validations":[{"rule":"d"}]}}}}},
                    "map":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["k"],"items":{"type":"object","x-kubernetes-embedded-resource":true,"x-kubernetes-validations":[{"rule":"e"}]}}}}"#,
            )
            .unwrap(),
        )
        .unwrap();
        let told: String = rules(&schema, &Path::new("schema"))
            .iter()
            .map(|site| {
                format!(
                    "{} {} resource={} times={:?} within={}\n",
                    site.rule().rule,
                    site.path,
                    site.is_resource,
                    site.max_cardinality,
                    site.uncorrelatable.as_ref().map(ToString::to_string).unwrap_or_default()
                )
            })
            .collect();
        expect![[r#"
            a schema.x-kubernetes-validations[0] resource=true times=Some(1) within=
            b schema.x-kubernetes-validations[1] resource=true times=Some(1) within=
            c schema.properties[list].items.x-kubernetes-validations[0] resource=false times=Some(3) within=schema.properties[list]
            d schema.properties[list].items.properties[m].additionalProperties.x-kubernetes-validations[0] resource=false times=Some(15) within=schema.properties[list]
            e schema.properties[map].items.x-kubernetes-validations[0] resource=true times=None within=
        "#]]
        .assert_eq(&told);
    }
}
