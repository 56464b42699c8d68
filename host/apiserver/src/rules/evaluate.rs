//! Objects against their rules.

use cel::{Activation, Budget, EvalError, Value};
use objects::Tree;
use objects::validate::{FieldError, Path};
use structural::Old;

use super::{Compiled, Node, OLD_SELF, Rules, SELF};

/// The most bytes of a message that an expression gives.
const MAX_MESSAGE: usize = 5 << 10;
const SPENT: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// What the rules say of an object.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) errors: Vec<FieldError>,
    /// What is wrong, and was before.
    pub(crate) warnings: Vec<String>,
}

/// No rule is evaluated any more.
struct Stop;

/// The old value in the place of a new one.
#[derive(Clone, Copy, Default)]
struct Past<'a> {
    /// `None` where there is none, or no place that lasts.
    own: Option<Old<'a>>,
    /// The nearest value around that has an old one: both.
    around: Option<(Old<'a>, &'a Tree)>,
}

impl<'a> Past<'a> {
    fn within(self, new: &'a Tree, own: impl FnOnce(Old<'a>) -> Option<Old<'a>>) -> Self {
        match self.own {
            Some(old) => Self { own: own(old), around: Some((old, new)) },
            None => self,
        }
    }

    /// Whether what is wrong with the value was wrong before.
    fn is_same(self, new: &Tree) -> bool {
        match (self.own, self.around) {
            (Some(old), _) => old.is_same(new),
            (None, Some((old, new))) => old.is_same(new),
            (None, None) => false,
        }
    }
}

impl Rules {
    /// Holds an object, written over an old one or new, against the rules.
    pub(crate) fn check(&self, tree: &Tree, old: Option<&Tree>) -> Verdict {
        let Self(root) = self;
        let mut walk = Walk { budget: Budget::default(), verdict: Verdict::default() };
        let own = old.map(|tree| Old { tree, schema: &root.schema });
        let _stopped = walk.node(root, tree, Past { own, around: None }, None).is_err();
        walk.verdict
    }
}

struct Walk {
    budget: Budget,
    verdict: Verdict,
}

impl Walk {
    /// The path is `None` for the whole object.
    fn node<'a>(
        &mut self,
        node: &'a Node,
        tree: &'a Tree,
        past: Past<'a>,
        path: Option<&Path>,
    ) -> Result<(), Stop> {
        if tree.is_null() {
            return Ok(());
        }
        self.rules(node, tree, past, path)?;
        if let Some(values) = &node.values {
            for (name, value) in tree.fields() {
                let path = path.map_or_else(|| Path::new(&format!("[{name}]")), |path| path.key(name));
                self.node(values, value, past.within(tree, |old| old.field(name)), Some(&path))?;
            }
        }
        for (name, property) in &node.properties {
            let Some(value) = tree.get(name) else { continue };
            let path = child(path, name);
            self.node(property, value, past.within(tree, |old| old.field(name)), Some(&path))?;
        }
        if let (Some(below), Tree::Array(items)) = (&node.items, tree) {
            let old = past.own.map(Old::items);
            for (index, item) in items.iter().enumerate() {
                let path = path.map_or_else(|| Path::new(&format!("[{index}]")), |path| path.index(index));
                let own = old.as_ref().and_then(|old| old.get(item));
                self.node(below, item, past.within(tree, |_| own), Some(&path))?;
            }
        }
        Ok(())
    }

    fn rules(&mut self, node: &Node, tree: &Tree, past: Past<'_>, path: Option<&Path>) -> Result<(), Stop> {
        let (Some(view), Some(_)) = (&node.view, node.rules.first()) else { return Ok(()) };
        let at = path.cloned().unwrap_or_else(Path::none);
        let wrong = |detail: String| FieldError::invalid(&at, node.kind(), detail);
        if self.budget.remaining() == 0 {
            self.verdict.errors.push(wrong(SPENT.to_owned()));
            return Err(Stop);
        }
        let old = past.own.map(|old| old.tree).filter(|tree| !tree.is_null());
        let value = Value::from_tree(tree, Some(view));
        let old_value = old.map(|tree| Value::from_tree(tree, Some(view))).transpose();
        let (value, old_value) = match (value, old_value) {
            (Ok(value), Ok(old)) => (value, old),
            (Err(error), _) | (_, Err(error)) => {
                let told = |rule: &Compiled| wrong(format!("{error} evaluating rule: {}", rule.name()));
                self.verdict.errors.extend(node.rules.iter().map(told));
                return Ok(());
            }
        };
        let variables = Activation::new().with(SELF, value);
        let optional = variables.clone().with(OLD_SELF, Value::optional(old_value.clone()));
        let variables = match old_value.filter(|_| node.rules.iter().any(Compiled::uses_old)) {
            Some(old) => variables.with(OLD_SELF, old),
            None => variables,
        };
        for compiled in &node.rules {
            let is_optional = compiled.rule.optional_old_self == Some(true);
            let program = match &compiled.program {
                None => continue,
                Some(Err(why)) => {
                    self.verdict.errors.push(wrong(format!("rule compile error: {why}")));
                    continue;
                }
                // A rule about a change is not for what has no old value.
                Some(Ok(_)) if compiled.uses_old() && old.is_none() && !is_optional => continue,
                Some(Ok(program)) => program,
            };
            let result = program.evaluate(if is_optional { &optional } else { &variables }, &mut self.budget);
            match result {
                Ok(value) if value.as_bool() == Some(true) => {}
                Ok(_) => self.failed(compiled, node, tree, past, path, &variables)?,
                Err(error) => {
                    let name = compiled.name();
                    let is_last = !matches!(error, EvalError::Failed(_));
                    self.verdict.errors.push(wrong(match error {
                        EvalError::BudgetExceeded => SPENT.to_owned(),
                        EvalError::CostExceeded => format!("'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {name}"),
                        EvalError::Failed(why) if why.starts_with("no such overload") => format!("'{why}': call arguments did not match a supported operator, function or macro signature for rule: {name}"),
                        EvalError::Failed(why) => format!("{why} evaluating rule: {name}"),
                    }));
                    if is_last {
                        return Err(Stop);
                    }
                }
            }
        }
        Ok(())
    }

    /// Tells of a rule that does not hold.
    fn failed(
        &mut self,
        compiled: &Compiled,
        node: &Node,
        tree: &Tree,
        past: Past<'_>,
        path: Option<&Path>,
        variables: &Activation<'_>,
    ) -> Result<(), Stop> {
        let at = match &compiled.field {
            Some(field) => child(path, &field.to_string()),
            None => path.cloned().unwrap_or_else(Path::none),
        };
        let (error, next) = match self.message(compiled, variables) {
            Err(why) => (FieldError::invalid(&at, node.kind(), why), Err(Stop)),
            Ok(detail) => {
                let value = Some(tree).filter(|tree| !matches!(tree, Tree::Object(_) | Tree::Array(_)));
                let error = match (compiled.rule.reason.as_deref(), value) {
                    (Some("FieldValueForbidden"), _) => FieldError::forbidden(&at, detail),
                    (Some("FieldValueRequired"), _) => FieldError::required(&at, detail),
                    (Some("FieldValueDuplicate"), Some(value)) => FieldError::duplicate(&at, value.clone()),
                    (Some("FieldValueDuplicate"), None) => FieldError::duplicate_unshown(&at),
                    (_, Some(value)) => FieldError::invalid(&at, value.clone(), detail),
                    (_, None) => FieldError::invalid_unshown(&at, detail),
                };
                (error, Ok(()))
            }
        };
        if !compiled.uses_old() && past.is_same(tree) {
            self.verdict.warnings.push(error.to_string());
        } else {
            self.verdict.errors.push(error);
        }
        next
    }

    /// What is told of a rule that does not hold; an error ends the evaluation of all.
    fn message(&mut self, compiled: &Compiled, variables: &Activation<'_>) -> Result<String, String> {
        let source = &compiled.rule.message_expression;
        let made = match &compiled.message {
            Some(Ok(program)) => program.evaluate(variables, &mut self.budget),
            _ => return Ok(compiled.message_or_default()),
        };
        match made {
            Ok(value) => {
                let text = value.as_str().unwrap_or_default().trim();
                let is_fit = !text.is_empty() && text.len() <= MAX_MESSAGE && !text.contains('\n');
                Ok(if is_fit { text.to_owned() } else { compiled.message_or_default() })
            }
            Err(EvalError::Failed(_)) => Ok(compiled.message_or_default()),
            Err(EvalError::BudgetExceeded) => Err("messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run".to_owned()),
            Err(EvalError::CostExceeded) => Err(format!("no further validation rules will be run due to call cost exceeds limit for messageExpression: {source:?}")),
        }
    }
}

impl Compiled {
    fn message_or_default(&self) -> String {
        if self.rule.message.is_empty() {
            format!("failed rule: {}", self.name())
        } else {
            self.name().to_owned()
        }
    }
}

fn child(path: Option<&Path>, name: &str) -> Path {
    path.map_or_else(|| Path::new(name), |path| path.child(name))
}
