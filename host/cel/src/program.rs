//! [`Program`]: an expression that is checked, and ready to be evaluated any number of times.

mod fold;
mod node;
mod plan;

use crate::ast::{Expr, Name};
use crate::check::{Checked, check};
use crate::cost::{self, Budget, EXPRESSION_LIMIT, Meter, Range};
use crate::declare::Declarations;
use crate::error::{CompileErrors, EvalError, Issues};
use crate::parse::parse;
use crate::types::Type;
use crate::value::Value;

use node::{Frame, Node};
pub(crate) use plan::Folding;
use plan::plan;

/// A compiled expression. It is shared freely between threads.
pub struct Program {
    root: Node,
    slots: usize,
    output: Type,
    estimate: Range,
    variables: Box<[Name]>,
}

/// The variables of one evaluation.
#[derive(Clone, Default)]
pub struct Activation<'a> {
    variables: Vec<(&'a str, Value<'a>)>,
}

impl<'a> Activation<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, name: &'a str, value: Value<'a>) -> Self {
        self.variables.push((name, value));
        self
    }

    fn find(&self, name: &str) -> Option<&Value<'a>> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

/// Parses and checks an expression.
pub fn compile(source: &str, declarations: &Declarations) -> Result<Program, CompileErrors> {
    compile_with(source, declarations, Folding::On)
}

pub(crate) fn compile_with(
    source: &str,
    declarations: &Declarations,
    folding: Folding,
) -> Result<Program, CompileErrors> {
    let mut issues = Issues::new(source);
    match checked(source, declarations, &mut issues) {
        Some((expr, checked)) => {
            let (root, slots) =
                plan(&expr, &checked, folding).map_err(|error| CompileErrors::planning(source, error))?;
            let output = checked.type_of(&expr).clone();
            let estimate = cost::estimate(&expr, &checked, declarations);
            Ok(Program { root, slots, output, estimate, variables: checked.variables() })
        }
        None => Err(issues.into_errors()),
    }
}

fn checked(source: &str, declarations: &Declarations, issues: &mut Issues<'_>) -> Option<(Expr, Checked)> {
    let (expr, nodes) = parse(source, issues)?;
    let checked = check(&expr, nodes, declarations, issues);
    issues.is_empty().then_some((expr, checked))
}

impl Program {
    /// The type of the result.
    pub fn output_type(&self) -> &Type {
        &self.output
    }

    /// Whether the expression speaks of a variable.
    pub fn mentions(&self, variable: &str) -> bool {
        self.variables.iter().any(|name| **name == *variable)
    }

    /// What an evaluation costs at least and at most, from what is known of the sizes of the variables.
    pub fn cost_estimate(&self) -> Range {
        self.estimate
    }

    /// Evaluates the expression and takes its cost from the budget, whatever comes of it.
    pub fn evaluate<'a>(
        &self,
        activation: &Activation<'a>,
        budget: &mut Budget,
    ) -> Result<Value<'a>, EvalError> {
        let mut meter = Meter::new(EXPRESSION_LIMIT);
        let result = self.run(activation, &mut meter);
        let spent = budget.spend(meter.cost());
        match result {
            Err(EvalError::CostExceeded) => Err(EvalError::CostExceeded),
            result => spent.and(result),
        }
    }

    pub(crate) fn run<'a>(
        &self,
        activation: &Activation<'a>,
        meter: &mut Meter,
    ) -> Result<Value<'a>, EvalError> {
        let mut frame = Frame::new(activation, self.slots, meter);
        self.root.evaluate(&mut frame)
    }
}
