//! Paths and operations as OpenAPI writes them.

use objects::tree::Object;
use objects::{Tree, tree};

use super::Dialect;
use super::model::Model;
use super::operation::{Body, Operation, Path};
use super::parameter::Parameter;
use super::schema::gvk;
use crate::rest;

const JSON: &str = "application/json";
const EVENTS: &str = "application/json;stream=watch";
const TEXT: &str = "text/plain";
const ANY: &str = "*/*";

/// What the codes of answers mean.
const CODES: &[(&str, &str)] = &[("200", "OK"), ("201", "Created"), ("202", "Accepted")];

impl<'a> Path<'a> {
    /// What its operations name.
    pub(super) fn models(&self) -> impl Iterator<Item = Model<'a>> {
        self.operations
            .iter()
            .flat_map(|operation| operation.takes.schema().into_iter().chain(operation.gives))
    }

    pub(super) fn to_tree(&self, dialect: Dialect) -> Tree {
        let mut tree = Tree::object();
        for operation in &self.operations {
            tree.insert(operation.method, operation.to_tree(dialect));
        }
        if !self.parameters.is_empty() {
            tree.insert("parameters", trees(&self.parameters, dialect));
        }
        tree
    }
}

impl Operation<'_> {
    fn to_tree(&self, dialect: Dialect) -> Tree {
        let mut tree = tree!({ "operationId": (&self.id), "tags": [(&self.tag)] });
        let mut parameters = trees(&self.parameters, dialect);
        match dialect {
            Dialect::Version2 => {
                tree.insert("schemes", vec!["https"]);
                tree.insert("produces", self.produces());
                tree.insert("consumes", self.takes.media_types());
                if let Some(schema) = self.takes.schema() {
                    let schema = dialect.reference(&schema);
                    let body = tree!({ "name": "body", "in": "body", "required": (self.takes.is_required()), "schema": schema });
                    parameters.push(body);
                }
            }
            Dialect::Version3 => {
                if let Some(schema) = self.takes.schema() {
                    let content = contents(self.takes.media_types(), &dialect.reference(&schema));
                    let body = tree!({ "required": (self.takes.is_required()), "content": content });
                    tree.insert("requestBody", body);
                }
            }
        }
        if !parameters.is_empty() {
            tree.insert("parameters", parameters);
        }
        tree.insert("responses", self.responses(dialect));
        if let Some(target) = &self.target {
            tree.insert("x-kubernetes-action", target.action);
            let kind = gvk(&target.group, &target.version, &target.kind);
            tree.insert("x-kubernetes-group-version-kind", kind);
        }
        tree
    }

    fn responses(&self, dialect: Dialect) -> Tree {
        let text = || tree!({ "type": "string" });
        let schema = self.gives.map_or_else(text, |model| dialect.reference(&model));
        let mut responses = Tree::object();
        for (code, meaning) in CODES.iter().filter(|(code, _)| self.codes.contains(code)) {
            let mut response = tree!({ "description": (*meaning) });
            match dialect {
                Dialect::Version2 => response.insert("schema", schema.clone()),
                Dialect::Version3 => response.insert("content", contents(self.produces(), &schema)),
            };
            responses.insert(*code, response);
        }
        responses.insert("401", tree!({ "description": "Unauthorized" }));
        responses
    }

    fn produces(&self) -> Vec<&'static str> {
        match (self.gives, self.streams) {
            (None, _) => vec![TEXT, ANY],
            (Some(_), false) => vec![JSON],
            (Some(_), true) => vec![JSON, EVENTS],
        }
    }
}

impl<'a> Body<'a> {
    fn schema(self) -> Option<Model<'a>> {
        match self {
            Self::None => None,
            Self::Object(model) | Self::Options(model) | Self::Patch(model, _) => Some(model),
        }
    }

    fn media_types(self) -> Vec<&'static str> {
        match self {
            Self::Patch(_, object) => rest::patch_types(object).collect(),
            Self::None | Self::Object(_) | Self::Options(_) => vec![ANY],
        }
    }

    fn is_required(self) -> bool {
        matches!(self, Self::Object(_) | Self::Patch(..))
    }
}

fn trees(parameters: &[Parameter], dialect: Dialect) -> Vec<Tree> {
    parameters.iter().map(|parameter| parameter.to_tree(dialect)).collect()
}

/// One schema in several media types.
fn contents(media_types: Vec<&'static str>, schema: &Tree) -> Object {
    media_types.into_iter().map(|name| (name.into(), tree!({ "schema": (schema.clone()) }))).collect()
}
