//! Values that are handed in: fields worked out on demand, the authorizer, and programs shared between threads.

use std::sync::Mutex;

use objects::tree;
use proptest::prelude::*;

use crate::{
    Access, AccessDecision, AccessRequest, Activation, Authorizer, Budget, Declarations, EvalError, Fields,
    Program, ResourceAccess, Type, Value, compile,
};

struct Variables;

impl Fields for Variables {
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        match name {
            "seven" => Some(Ok(Value::from(7_i64))),
            "broken" => Some(Err(EvalError::failed("composited variable \"broken\" fails to evaluate"))),
            _ => None,
        }
    }
}

#[test]
fn variables_are_worked_out_when_they_are_asked_for() {
    let fields = [("seven", Type::Int), ("broken", Type::Bool), ("none", Type::Dyn)];
    let declarations =
        Declarations::new().variable("variables", Type::record("kubernetes.variables", fields));
    assert!(
        compile("variables.eight", &declarations)
            .is_err_and(|errors| errors.to_string().contains("undefined field 'eight'"))
    );
    let activation = Activation::new().with("variables", Value::fields(&Variables));
    let run = |source: &str| {
        let program = compile(source, &declarations).unwrap();
        program.evaluate(&activation, &mut Budget::default()).map(|value| format!("{value:?}"))
    };
    assert_eq!(run("variables.seven + 1"), Ok("8".to_owned()));
    assert_eq!(run("true || variables.broken"), Ok("true".to_owned()));
    assert!(run("variables.broken").is_err_and(|error| error.to_string().contains("broken")));
    assert_eq!(run("variables.none").unwrap_err().to_string(), "no such key: none");
}

/// Notes what it is asked, and allows alice's service account.
#[derive(Default)]
struct Recorder(Mutex<Vec<AccessRequest>>);

impl Authorizer for Recorder {
    fn authorize(&self, request: &AccessRequest) -> AccessDecision {
        self.0.lock().unwrap().push(request.clone());
        let allowed = request.service_account.as_ref().is_some_and(|(_, name)| name == "alice");
        AccessDecision { allowed, reason: "because".to_owned(), error: None }
    }
}

#[test]
fn the_authorizer_is_asked_what_the_expression_put_together() {
    let recorder = Recorder::default();
    let of_request = ResourceAccess { resource: "pods".to_owned(), ..ResourceAccess::default() };
    let declarations = Declarations::new().authorizer();
    let activation = Activation::new()
        .with("authorizer", Value::authorizer(&recorder))
        .with("authorizer.requestResource", Value::request_resource(&recorder, of_request.clone()));
    let run = |source: &str| {
        let program = compile(source, &declarations).unwrap();
        program.evaluate(&activation, &mut Budget::default()).map(|value| format!("{value:?}"))
    };
    let source = "authorizer.serviceAccount('default', 'alice').group('apps').resource('deployments')\
                  .subresource('scale').namespace('ns').name('web').labelSelector('a=b').check('update').allowed()";
    assert_eq!(run(source), Ok("true".to_owned()));
    assert_eq!(run("authorizer.path('/healthz').check('get').reason()"), Ok("\"because\"".to_owned()));
    assert_eq!(run("authorizer.requestResource.check('delete').allowed()"), Ok("false".to_owned()));
    assert_eq!(run("authorizer.path(' ')").unwrap_err().to_string(), "path must not be empty");
    assert_eq!(
        run("authorizer.group('').resource('')").unwrap_err().to_string(),
        "resource must not be empty"
    );
    let error =
        run("authorizer.serviceAccount('default', 'A_B').path('/').check('get').allowed()").unwrap_err();
    assert_eq!(error.to_string(), "Invalid service account name");

    let text = |text: &str| text.to_owned();
    let scale = ResourceAccess {
        group: text("apps"),
        resource: text("deployments"),
        subresource: text("scale"),
        namespace: text("ns"),
        name: text("web"),
        field_selector: String::new(),
        label_selector: text("a=b"),
    };
    let asked = recorder.0.into_inner().unwrap();
    let of: Vec<_> = asked.iter().map(|request| (request.verb.as_str(), request.of.clone())).collect();
    assert_eq!(
        of,
        [
            ("update", Access::Resource(scale)),
            ("get", Access::Path(text("/healthz"))),
            ("delete", Access::Resource(of_request)),
        ]
    );
    assert_eq!(asked[0].service_account, Some((text("default"), text("alice"))));
}

#[test]
fn programs_are_shared_between_threads() {
    fn assert_shared<T: Send + Sync>() {}
    assert_shared::<Program>();
    assert_shared::<Value<'_>>();
}

#[test]
fn what_mutations_make_becomes_a_tree() {
    let source =
        "Object{metadata: Object.metadata{labels: {'n': string(self.n)}}, items: self.items.map(x, x + 1)}";
    let declarations = Declarations::new().variable("self", Type::Dyn).patch_types();
    let object = tree!({ "n": 1, "items": [1, 2] });
    let program = compile(source, &declarations).unwrap();
    let activation = Activation::new().with("self", Value::from_tree(&object, None).unwrap());
    let value = program.evaluate(&activation, &mut Budget::default()).unwrap();
    let expected = tree!({ "metadata": { "labels": { "n": "1" } }, "items": [2, 3] });
    assert_eq!(value.to_tree().unwrap(), expected);
    assert_eq!(value.as_struct().unwrap().name(), "Object");
    assert!(Value::authorizer(&Recorder::default()).to_tree().is_err());
}

/// Expressions that are well formed, though not always well typed.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        [
            "1",
            "-3",
            "2u",
            "1.5",
            "true",
            "'ab'",
            "b'x'",
            "null",
            "[]",
            "{}",
            "[1, 2]",
            "x",
            "duration('1h')",
            "ip('::1')",
        ]
        .map(String::from)
        .to_vec(),
    );
    let operators = ["+", "-", "*", "/", "%", "==", "!=", "<", ">=", "&&", "||", "in"];
    let methods = [
        "size()",
        "map(x, x)",
        "map(x, [x])",
        "filter(x, true)",
        "all(x, x == x)",
        "exists(x, y, true)",
        "trim()",
        "first().orValue(1)",
        "sum()",
        "sort()",
        "distinct()",
        "transformMap(x, y, y)",
        "reverse()",
        "split('')",
        "sortBy(x, x)",
    ];
    let functions =
        ["dyn", "type", "string", "int", "size", "optional.of", "lists.range", "!", "-", "double"];
    leaf.prop_recursive(5, 40, 3, move |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            (inner.clone(), prop::sample::select(operators.to_vec()), inner.clone())
                .prop_map(|(one, operator, two)| format!("({one} {operator} {two})")),
            (inner.clone(), prop::sample::select(methods.to_vec()))
                .prop_map(|(of, method)| format!("{of}.{method}")),
            (prop::sample::select(functions.to_vec()), inner.clone())
                .prop_map(|(name, arg)| format!("{name}({arg})")),
            pair.clone().prop_map(|(one, two)| format!("[{one}, {two}]")),
            pair.clone().prop_map(|(key, value)| format!("{{{key}: {value}}}")),
            pair.clone().prop_map(|(of, index)| format!("{of}[{index}]")),
            pair.prop_map(|(range, body)| format!("{range}.map(x, {body})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_500))]

    #[test]
    fn results_are_of_the_type_that_was_promised(source in expression()) {
        let declarations = Declarations::new().variable("x", Type::Int);
        if let Ok(program) = compile(&source, &declarations) {
            let activation = Activation::new().with("x", Value::from(7_i64));
            let result = program.evaluate(&activation, &mut Budget::default());
            if let (Ok(value), false) = (&result, *program.output_type() == Type::Dyn) {
                prop_assert_eq!(value.type_name(), program.output_type().name(), "{}", source);
            }
        }
    }

    #[test]
    fn no_evaluation_costs_more_than_was_estimated(source in expression()) {
        let declarations = Declarations::new().variable("x", Type::Int);
        if let Ok(program) = compile(&source, &declarations) {
            let activation = Activation::new().with("x", Value::from(7_i64));
            let mut budget = Budget::default();
            if program.evaluate(&activation, &mut budget).is_ok() {
                let cost = crate::OBJECT_LIMIT - budget.remaining();
                prop_assert!(cost <= program.cost_estimate().max, "{} costs {}", source, cost);
            }
        }
    }
}
