//! The rules in CEL of custom resources (`x-kubernetes-validations`): compiled once for a schema, told of in its
//! definition, and held against every object that is written.

mod definition;
mod evaluate;

use std::sync::Arc;

use cel::{Declarations, Program, SchemaRef, Type};
use objects::Tree;
use objects::validate::Path;
use structural::{CustomResource, Rule, Schema};

pub(crate) use definition::definition_errors;

const SELF: &str = "self";
const OLD_SELF: &str = "oldSelf";

/// The rules of a schema and of all schemas within it.
pub(crate) struct Rules(Node);

/// A schema that has rules, or has some within.
struct Node {
    schema: Arc<Schema>,
    /// What expressions see of it; `None` where they may not look.
    view: Option<SchemaRef>,
    rules: Vec<Compiled>,
    /// By name.
    properties: Vec<(Box<str>, Node)>,
    values: Option<Box<Node>>,
    items: Option<Box<Node>>,
}

/// A rule, compiled as far as it could be.
struct Compiled {
    rule: Rule,
    /// `None` for a blank rule.
    program: Option<Result<Program, String>>,
    message: Option<Result<Program, String>>,
    /// Where below its schema the rule says its errors are.
    field: Option<Path>,
}

impl Rules {
    /// The rules of the schema of a resource, which was read from the tree; `None` where it has none.
    pub(crate) fn compile(schema: &Arc<Schema>, tree: &Tree) -> Option<Self> {
        Node::compile(schema, tree, true).map(Self)
    }
}

/// The rules of each version of a definition; versions whose schemas are alike have theirs in common.
pub(crate) fn of_versions(crd: &Tree, compiled: &CustomResource) -> Vec<Option<Arc<Rules>>> {
    let mut known: Vec<(&Tree, Option<Arc<Rules>>)> = Vec::new();
    let mut all = Vec::new();
    for (version, tree) in compiled.versions.iter().zip(crd.items_at(&["spec", "versions"])) {
        let (Some(schema), Some(tree)) = (&version.schema, schema_of(tree)) else {
            all.push(None);
            continue;
        };
        let alike = known.iter().find(|(known, _)| *known == tree).map(|(_, rules)| rules.clone());
        let rules = alike.unwrap_or_else(|| {
            let rules = Rules::compile(schema, tree).map(Arc::new);
            known.push((tree, rules.clone()));
            rules
        });
        all.push(rules);
    }
    all
}

fn schema_of(version: &Tree) -> Option<&Tree> {
    version.at(&["schema", "openAPIV3Schema"])
}

impl Node {
    fn compile(schema: &Arc<Schema>, tree: &Tree, is_resource: bool) -> Option<Self> {
        let below = |schema: &Arc<Schema>, tree: Option<&Tree>| {
            Self::compile(schema, tree?, schema.embedded_resource)
        };
        let properties: Vec<(Box<str>, Self)> = schema
            .properties
            .iter()
            .filter_map(|(name, property)| {
                let tree = tree.get("properties").and_then(|tree| tree.get(name.as_str()));
                Some((name.as_str().into(), below(property, tree)?))
            })
            .collect();
        let values = schema.additional.schema().and_then(|of| below(of, tree.get("additionalProperties")));
        let items = schema.items.as_ref().and_then(|of| below(of, tree.get("items")));
        if schema.rules.is_empty() && properties.is_empty() && values.is_none() && items.is_none() {
            return None;
        }
        let has_rules = !schema.rules.is_empty();
        let view = if has_rules { cel::schema::structural(tree, is_resource) } else { None };
        let rules = match &view {
            Some(view) => schema.rules.iter().map(|rule| Compiled::of(rule, view, tree)).collect(),
            None => Vec::new(),
        };
        let (values, items) = (values.map(Box::new), items.map(Box::new));
        Some(Self { schema: Arc::clone(schema), view, rules, properties, values, items })
    }

    /// Its type, as errors show it for a value.
    fn kind(&self) -> &'static str {
        self.schema.kind.map_or("", |kind| kind.as_str())
    }
}

impl Compiled {
    fn of(rule: &Rule, view: &SchemaRef, tree: &Tree) -> Self {
        let declarations = Declarations::new().schema(SELF, view);
        let declarations = match rule.optional_old_self {
            Some(true) => declarations.variable(OLD_SELF, Type::optional(Type::of(view))),
            _ => declarations.schema(OLD_SELF, view),
        };
        let compile = |text: &str| cel::compile(text, &declarations);
        let program = (!rule.rule.trim().is_empty()).then(|| match compile(&rule.rule) {
            Ok(program) if matches!(program.output_type(), Type::Bool) => Ok(program),
            Ok(_) => Err("cel expression must evaluate to a bool".to_owned()),
            Err(errors) => Err(format!("{}: {errors}", errors.step())),
        });
        // The message of a rule that is none is not looked at.
        let has_message = !rule.message_expression.is_empty() && matches!(program, Some(Ok(_)));
        let message = has_message.then(|| match compile(&rule.message_expression) {
            Ok(program) if matches!(program.output_type(), Type::String) => Ok(program),
            Ok(_) => Err("messageExpression must evaluate to a string".to_owned()),
            Err(errors) => {
                let step = errors.step();
                let step = step.strip_prefix("program ").unwrap_or(step);
                Err(format!("messageExpression {step}: {errors}"))
            }
        });
        let field = structural::field_path(&rule.field_path, tree);
        Self { rule: rule.clone(), program, message, field }
    }

    /// Whether it is about a change.
    fn uses_old(&self) -> bool {
        matches!(&self.program, Some(Ok(program)) if program.mentions(OLD_SELF))
    }

    /// How errors call the rule.
    fn name(&self) -> &str {
        let Rule { rule, message, .. } = &self.rule;
        if message.is_empty() { rule.trim() } else { message.trim() }
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rules")
    }
}
