//! The CEL expressions of webhooks and policies: compiled when they are read, and told of when they are written.

use cel::{Activation, Budget, Declarations, EvalError, Program, SchemaRef, Type, Value, compile, schema};
use objects::Tree;
use objects::expressions::{Role, expressions};
use objects::resource::Resource;
use objects::validate::FieldError;

/// A variable that earlier expressions made, with its type.
pub(super) type Declared = (String, Type);

/// An expression; one that does not compile fails whenever it is evaluated.
pub(super) struct Expression {
    text: String,
    program: Result<Program, CompileError>,
}

/// Why an expression cannot be evaluated, in upstream's words.
enum CompileError {
    Expression(String),
    /// What is worked out once went wrong, which upstream takes for a fault of its own.
    Program(String),
}

/// The budget is spent: nothing more is evaluated.
pub(super) struct Spent(pub(super) &'static str);

impl Spent {
    pub(super) const BUDGET: Self =
        Self("validation failed due to running out of cost budget, no further validation rules will be run");
}

impl Expression {
    /// `variables` are those that it may speak of; match conditions are made before there are any.
    pub(super) fn compile(text: &str, role: Role<'_>, has_params: bool, variables: &[Declared]) -> Self {
        let program = match compile(text, &declarations(role, has_params, variables)) {
            Ok(program) => match misfit(role, program.output_type()) {
                Some(why) => Err(CompileError::Expression(why)),
                None => Ok(program),
            },
            Err(errors) if errors.issues().is_empty() => {
                Err(CompileError::Program(format!("{}: {errors}", errors.step())))
            }
            Err(errors) => Err(CompileError::Expression(format!("{}: {errors}", errors.step()))),
        };
        Self { text: text.to_owned(), program }
    }

    /// The match conditions of a webhook or a policy.
    pub(super) fn conditions(owner: &Tree, has_params: bool) -> Vec<Self> {
        let text = |tree: &Tree| tree.str_at(&["expression"]).unwrap_or_default().to_owned();
        let compile = |tree| Self::compile(&text(tree), Role::MatchCondition, has_params, &[]);
        owner.items_at(&["matchConditions"]).iter().map(compile).collect()
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The type of what it gives; anything where it does not compile.
    pub(super) fn output(&self) -> Type {
        self.program.as_ref().map_or(Type::Dyn, |program| program.output_type().clone())
    }

    /// What a variable is, for the expressions that speak of it.
    pub(super) fn variable<'a>(
        &self,
        name: &str,
        activation: &Activation<'a>,
        budget: &mut Budget,
    ) -> Result<Value<'a>, EvalError> {
        let (why, error) = match &self.program {
            Ok(program) => match program.evaluate(activation, budget) {
                Ok(value) => return Ok(value),
                Err(error) => ("fails to evaluate", error.to_string()),
            },
            Err(error) => ("fails to compile", error.text().to_owned()),
        };
        Err(EvalError::failed(format!("composited variable {name:?} {why}: {error}")))
    }

    /// What it gives, or why it gives nothing.
    pub(super) fn evaluate<'a>(
        &self,
        activation: &Activation<'a>,
        budget: &mut Budget,
    ) -> Result<Result<Value<'a>, String>, Spent> {
        let program = match &self.program {
            Ok(program) => program,
            Err(error) => return Ok(Err(format!("compilation error: {}", error.text()))),
        };
        match program.evaluate(activation, budget) {
            Err(EvalError::BudgetExceeded) => Err(Spent::BUDGET),
            Err(error) => Ok(Err(format!("expression '{}' resulted in error: {error}", self.text))),
            Ok(value) => Ok(Ok(value)),
        }
    }
}

impl CompileError {
    fn text(&self) -> &str {
        match self {
            Self::Expression(text) | Self::Program(text) => text,
        }
    }
}

fn declarations(role: Role<'_>, has_params: bool, variables: &[Declared]) -> Declarations {
    let objects = Declarations::new().variable("object", Type::Dyn).variable("oldObject", Type::Dyn);
    let objects = if has_params { objects.variable("params", Type::Dyn) } else { objects };
    beside(objects, role, variables)
}

/// What an expression of a policy gives for objects and parameters of these types, or why it does not fit them. To
/// whatever else it is to give nobody looks.
pub(super) fn type_of(
    text: &str,
    object: &SchemaRef,
    params: Option<&SchemaRef>,
    variables: &[Declared],
) -> Result<Type, String> {
    let objects = Declarations::new().schema("object", object).schema("oldObject", object);
    let objects = params.into_iter().fold(objects, |objects, params| objects.schema("params", params));
    match compile(text, &beside(objects, Role::Validation, variables)) {
        Ok(program) => Ok(program.output_type().clone()),
        // It fits, though it cannot be run.
        Err(errors) if errors.issues().is_empty() => Ok(Type::Dyn),
        Err(errors) => Err(errors.to_string()),
    }
}

/// What is declared beside the objects.
fn beside(objects: Declarations, role: Role<'_>, variables: &[Declared]) -> Declarations {
    let mut declarations = objects
        .schema("namespaceObject", &schema::namespace())
        .schema("request", &schema::admission_request());
    match role {
        Role::Message => {}
        Role::ApplyConfiguration | Role::JsonPatch => declarations = declarations.authorizer().patch_types(),
        _ => declarations = declarations.authorizer(),
    }
    if !matches!(role, Role::MatchCondition) {
        let fields = variables.iter().map(|(name, of)| (name.as_str(), of.clone()));
        let record = Type::record("kubernetes.variables", fields);
        declarations = declarations.variable("variables", record);
    }
    declarations
}

/// Why an expression may not give what it does.
fn misfit(role: Role<'_>, given: &Type) -> Option<String> {
    // The checker's messages have another word for it.
    let given = if matches!(given, Type::Null) { "null_type".to_owned() } else { given.to_string() };
    let wanted: &[&str] = match role {
        Role::MatchCondition | Role::Validation | Role::DeviceSelector => &["bool"],
        Role::Message => &["string"],
        Role::AuditAnnotation => &["string", "null_type"],
        Role::ApplyConfiguration => &["Object"],
        Role::JsonPatch => &["list(JSONPatch)"],
        Role::Variable(_) => return None,
    };
    match wanted {
        wanted if wanted.contains(&given.as_str()) => None,
        [only] => Some(format!("must evaluate to {only} but got {given}")),
        several => Some(format!("must evaluate to one of [{}] but got {given}", several.join(" "))),
    }
}

/// What is wrong with the expressions of a webhook configuration or a policy, written over an old one or new. Match
/// conditions that were there before are not looked at again.
pub(crate) fn errors(resource: &Resource, tree: &Tree, old: Option<&Tree>) -> Vec<FieldError> {
    let conditions = |tree| {
        let all = expressions(resource, tree).into_iter();
        all.filter(|expression| expression.role == Role::MatchCondition).map(|expression| expression.text)
    };
    let mut errors = Vec::new();
    let mut variables: Vec<Declared> = Vec::new();
    for expression in expressions(resource, tree) {
        let role = expression.role;
        let is_known = || old.is_some_and(|old| conditions(old).any(|text| text == expression.text));
        if role == Role::DeviceSelector || role == Role::MatchCondition && is_known() {
            continue;
        }
        let text = expression.text.trim();
        let compiled = Expression::compile(text, role, expression.has_params, &variables);
        match &compiled.program {
            Ok(_) => {}
            Err(CompileError::Expression(why)) => {
                errors.push(FieldError::invalid(&expression.path, text, why.as_str()));
            }
            Err(CompileError::Program(why)) => errors.push(FieldError::internal(&expression.path, why)),
        }
        if let Role::Variable(name) = role {
            variables.push((name.to_owned(), compiled.output()));
        }
    }
    errors
}
