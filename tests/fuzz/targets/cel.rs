//! A schema, an object of it and an expression: what compiles ends, gives the same each time, and what it gives is of the
//! type that the checker said.
#![no_main]

use cel::{Activation, Budget, Declarations, Type, Value, compile, schema};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some([of, object, source]) = fuzz::texts(data) else { return };
    let (Some(of), Some(object)) = (fuzz::tree(of), fuzz::tree(object)) else { return };
    let Some(of) = schema::structural(&of, false) else { return };
    let declarations = Declarations::new().schema("self", &of).variable("x", Type::Dyn);
    let Ok(program) = compile(source, &declarations) else { return };
    let (Ok(this), Ok(x)) = (Value::from_tree(&object, Some(&of)), Value::from_tree(&object, None)) else {
        return;
    };
    let activation = Activation::new().with("self", this).with("x", x);
    let run = || {
        let mut budget = Budget::default();
        let result = program.evaluate(&activation, &mut budget);
        (result.map(|value| format!("{}: {value:?}", value.type_name())), budget.remaining())
    };
    let first = run();
    assert_eq!(run(), first);
    let simple = [Type::Bool, Type::Int, Type::Uint, Type::Double, Type::String, Type::Bytes];
    if let (Ok(result), true) = (first.0, simple.contains(program.output_type())) {
        let said = program.output_type().declared_name();
        assert!(result.starts_with(&format!("{said}: ")), "{result} instead of {said}");
    }
});
