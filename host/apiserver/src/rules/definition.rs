//! What is wrong with the rules of a definition: that they do not compile, or could cost too much.

use std::collections::HashMap;

use cel::{ESTIMATE_LIMIT, Program, TOTAL_ESTIMATE_LIMIT};
use objects::validate::{FieldError, Path};
use objects::{Tree, tree};
use structural::{DefinitionSchema, RuleSite, definition_schemas, rules};

use super::{Compiled, Node, Rules, schema_of};

/// The most bytes of a request.
const MAX_REQUEST: u64 = 3 << 20;
/// How many of the rules that cost most are told of where all together cost too much.
const MOST_EXPENSIVE: usize = 4;

/// What is wrong with the rules of a definition, written over an old one or new; `errors` are what else is wrong: the
/// rules of a schema are not looked at before that is right.
pub(crate) fn definition_errors(crd: &Tree, old: Option<&Tree>, errors: &[FieldError]) -> Vec<FieldError> {
    // What cannot be read is wrong already.
    let Ok(schemas) = definition_schemas(crd) else { return Vec::new() };
    let is_right = |schema: &&DefinitionSchema| {
        let path = schema.path.to_string();
        errors.iter().all(|error| !error.field.to_string().starts_with(&path))
    };
    let mut found = Vec::new();
    for of in schemas.iter().filter(is_right) {
        let version = of.versions.first().map_or("", String::as_str);
        let Some(tree) = schema_in(crd, version) else { continue };
        let Some(Rules(root)) = Rules::compile(&of.schema, tree) else { continue };
        let sites = rules(&of.schema, &of.path);
        let audit = Audit {
            sites: sites.iter().map(|site| (site.path.to_string(), site)).collect(),
            // What was taken once is not too expensive now.
            is_unchanged: old.and_then(|old| schema_in(old, version)) == Some(tree),
            total: 0,
            expensive: Vec::new(),
            errors: Vec::new(),
        };
        found.extend(audit.run(&root, &of.path));
    }
    found
}

fn schema_in<'t>(crd: &'t Tree, version: &str) -> Option<&'t Tree> {
    let versions = crd.items_at(&["spec", "versions"]);
    schema_of(versions.iter().find(|tree| tree.str_at(&["name"]) == Some(version))?)
}

struct Audit<'s> {
    /// Where the rules stand, by their paths.
    sites: HashMap<String, &'s RuleSite>,
    is_unchanged: bool,
    total: u64,
    expensive: Vec<(u64, Path)>,
    errors: Vec<FieldError>,
}

impl Audit<'_> {
    fn run(mut self, root: &Node, path: &Path) -> Vec<FieldError> {
        self.node(root, path);
        if self.total > TOTAL_ESTIMATE_LIMIT {
            let why =
                "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            self.errors.extend(self.expensive.iter().map(|(_, path)| FieldError::forbidden(path, why)));
            let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
            let why = too_expensive(what, self.total, TOTAL_ESTIMATE_LIMIT);
            self.errors.push(FieldError::forbidden(path, why));
        }
        self.errors
    }

    /// The rules within come first.
    fn node(&mut self, node: &Node, path: &Path) {
        if let Some(values) = &node.values {
            self.node(values, &path.child("additionalProperties"));
        }
        for (name, property) in &node.properties {
            self.node(property, &path.child("properties").key(name));
        }
        if let Some(items) = &node.items {
            self.node(items, &path.child("items"));
        }
        let path = path.child("x-kubernetes-validations");
        match &node.view {
            Some(view) => {
                let unbounded = MAX_REQUEST / (view.min_bytes() + 1);
                for (index, compiled) in node.rules.iter().enumerate() {
                    self.rule(compiled, &path.index(index), unbounded);
                }
            }
            None if !node.schema.rules.is_empty() => {
                let why = "internal error: failed to construct type information for x-kubernetes-validations rules: unable to convert structural schema to CEL declarations";
                self.errors.push(FieldError::internal(&path, why));
            }
            None => {}
        }
    }

    fn rule(&mut self, compiled: &Compiled, path: &Path, unbounded: u64) {
        let Some(site) = self.sites.get(&path.to_string()).copied() else { return };
        let Compiled { rule, program, message, .. } = compiled;
        let (at_rule, at_message) = (path.child("rule"), path.child("messageExpression"));
        let shown = || {
            tree!({
                "Rule": (&*rule.rule), "Message": (&*rule.message), "MessageExpression": (&*rule.message_expression),
                "Reason": (rule.reason.as_deref()), "FieldPath": (&*rule.field_path),
                "OptionalOldSelf": (rule.optional_old_self)
            })
        };
        match program {
            Some(Ok(program)) => {
                let times = site.max_cardinality.unwrap_or(unbounded);
                self.cost("estimated rule cost", &at_rule, most(program).saturating_mul(times));
            }
            Some(Err(why)) => self.errors.push(FieldError::invalid(&at_rule, shown(), why.as_str())),
            None => {}
        }
        match message {
            Some(Ok(message)) => self.cost("estimated messageExpression cost", &at_message, most(message)),
            Some(Err(why)) => self.errors.push(FieldError::invalid(&at_message, shown(), why.as_str())),
            None => {}
        }
        match (&site.uncorrelatable, rule.optional_old_self) {
            (Some(within), _) if compiled.uses_old() => {
                let why = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
                );
                self.errors.push(FieldError::invalid(&at_rule, &*rule.rule, why));
            }
            (_, Some(optional)) if !compiled.uses_old() => {
                let why = "may not be set if oldSelf is not used in rule";
                self.errors.push(FieldError::invalid(&path.child("optionalOldSelf"), optional, why));
            }
            _ => {}
        }
    }

    /// Counts what an expression costs at most.
    fn cost(&mut self, what: &str, path: &Path, cost: u64) {
        if cost > ESTIMATE_LIMIT && !self.is_unchanged {
            self.errors.push(FieldError::forbidden(path, too_expensive(what, cost, ESTIMATE_LIMIT)));
        }
        self.total = self.total.saturating_add(cost);
        if cost >= TOTAL_ESTIMATE_LIMIT / 100 {
            self.expensive.push((cost, path.clone()));
            self.expensive.sort_by_key(|(cost, _)| std::cmp::Reverse(*cost));
            self.expensive.truncate(MOST_EXPENSIVE);
        }
    }
}

fn most(program: &Program) -> u64 {
    program.cost_estimate().max
}

fn too_expensive(what: &str, cost: u64, limit: u64) -> String {
    let factor = cost as f64 / limit as f64;
    let factor = match factor {
        100.0.. if factor > 100.0 => "more than 100x".to_owned(),
        1.5.. => format!("{factor:.1}x"),
        _ => format!("{factor:.6}x"),
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}
