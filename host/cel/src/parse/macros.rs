//! Macros: calls that are rewritten while they are read.

use super::{Parsed, Parser};
use crate::ast::{Call, Entry, Expr, Fold, Item, Kind, Name, Select, operator};
use crate::value::Value;

/// The accumulator of a macro's fold, a name that no source can have.
const ACCUMULATOR: &str = "@result";

/// What the accumulator was called once; it stays forbidden as a variable.
const OLD_ACCUMULATOR: &str = "__result__";

/// The variable of a fold over nothing.
const UNUSED: &str = "#unused";

pub(super) type Expand = fn(&mut Parser<'_, '_>, u32, Option<Expr>, Vec<Expr>) -> Parsed;

/// Name, whether it is called on a target, and how many arguments it takes.
const MACROS: &[(&str, bool, usize, Expand)] = &[
    ("has", false, 1, has),
    ("all", true, 2, all),
    ("all", true, 3, all),
    ("exists", true, 2, exists),
    ("exists", true, 3, exists),
    ("exists_one", true, 2, exists_one),
    ("exists_one", true, 3, exists_one),
    ("existsOne", true, 2, exists_one),
    ("existsOne", true, 3, exists_one),
    ("map", true, 2, map),
    ("map", true, 3, map),
    ("filter", true, 2, filter),
    ("transformList", true, 3, transform_list),
    ("transformList", true, 4, transform_list),
    ("transformMap", true, 3, transform_map),
    ("transformMap", true, 4, transform_map),
    ("transformMapEntry", true, 3, transform_entry),
    ("transformMapEntry", true, 4, transform_entry),
    ("optMap", true, 2, opt_map),
    ("optFlatMap", true, 2, opt_flat_map),
    ("sortBy", true, 2, sort_by),
];

pub(super) fn find(name: &str, on_target: bool, args: usize) -> Option<Expand> {
    MACROS
        .iter()
        .find(|row| (row.0, row.1, row.2) == (name, on_target, args))
        .map(|(_, _, _, expand)| *expand)
}

/// The parts of a fold that differ from macro to macro.
struct Parts {
    init: Expr,
    condition: Expr,
    step: Expr,
    result: Expr,
}

/// The variables of a comprehension.
struct Variables {
    first: Name,
    second: Option<Name>,
}

impl Parser<'_, '_> {
    fn made_literal(&mut self, at: u32, value: Value<'static>) -> Expr {
        self.generated(at, Kind::Literal(value))
    }

    fn made_ident(&mut self, at: u32, name: &str) -> Expr {
        self.generated(at, Kind::Ident(name.into()))
    }

    fn made_call(&mut self, at: u32, function: &str, args: Vec<Expr>) -> Expr {
        self.generated(at, Kind::Call(Call { function: function.into(), target: None, args }))
    }

    fn made_member_call(&mut self, at: u32, function: &str, target: Expr, args: Vec<Expr>) -> Expr {
        let target = Some(Box::new(target));
        self.generated(at, Kind::Call(Call { function: function.into(), target, args }))
    }

    fn accumulator(&mut self, at: u32) -> Expr {
        self.made_ident(at, ACCUMULATOR)
    }

    /// `filter ? step : accumulator`, or the step where there is no filter.
    fn filtered(&mut self, at: u32, filter: Option<Expr>, step: Expr) -> Expr {
        match filter {
            None => step,
            Some(filter) => {
                let accumulator = self.accumulator(at);
                self.made_call(at, operator::CONDITIONAL, vec![filter, step, accumulator])
            }
        }
    }

    fn fold(&mut self, at: u32, range: Expr, variables: Variables, parts: Parts) -> Parsed {
        let height = [&range, &parts.init, &parts.condition, &parts.step, &parts.result]
            .into_iter()
            .map(source_height)
            .max()
            .unwrap_or(0);
        let fold = Fold {
            range,
            variable: variables.first,
            second: variables.second,
            accumulator: ACCUMULATOR.into(),
            init: parts.init,
            condition: parts.condition,
            step: parts.step,
            result: parts.result,
        };
        let fold = self.generated(at, Kind::Fold(Box::new(fold)));
        self.raised(fold, height)
    }

    /// Another tree of the same source, with numbers of its own.
    fn copy(&mut self, expr: &Expr) -> Parsed {
        if self.nodes + expr.nodes() > super::MAX_NODES {
            self.nodes = super::MAX_NODES + 1;
            return self.node(expr.at, Kind::Literal(Value::Null));
        }
        let mut copy = Box::new(expr.clone());
        self.renumber(&mut copy);
        Ok(copy)
    }

    fn renumber(&mut self, expr: &mut Expr) {
        expr.id = self.nodes as u32;
        self.nodes += 1;
        match &mut expr.kind {
            Kind::Literal(_) | Kind::Ident(_) => {}
            Kind::Select(select) => self.renumber(&mut select.operand),
            Kind::Call(call) => {
                call.target.iter_mut().for_each(|target| self.renumber(target));
                call.args.iter_mut().for_each(|arg| self.renumber(arg));
            }
            Kind::List(items) => items.iter_mut().for_each(|item| self.renumber(&mut item.value)),
            Kind::Map(entries) => entries.iter_mut().for_each(|entry| {
                self.renumber(&mut entry.key);
                self.renumber(&mut entry.value);
            }),
            Kind::Struct { fields, .. } => {
                fields.iter_mut().for_each(|field| self.renumber(&mut field.value));
            }
            Kind::Fold(fold) => {
                let Fold { range, init, condition, step, result, .. } = &mut **fold;
                [range, init, condition, step, result].into_iter().for_each(|part| self.renumber(part));
            }
        }
    }

    /// The variables that stand before the last `count` arguments; none if one is no plain name.
    fn variables(&mut self, args: &[Expr], count: usize, message: &str) -> Option<Variables> {
        let names = &args[..args.len() - count];
        for name in names {
            match name.as_ident() {
                None => {
                    self.issues.report(Some(name.at), message);
                    return None;
                }
                Some(text) if matches!(&**text, ACCUMULATOR | OLD_ACCUMULATOR) => {
                    let message = "iteration variable overwrites accumulator variable";
                    self.issues.report(Some(name.at), message);
                    return None;
                }
                Some(_) => {}
            }
        }
        let first = names.first()?.as_ident()?.clone();
        let second = names.get(1).and_then(Expr::as_ident).cloned();
        if second.as_ref() == Some(&first) {
            self.issues.report(Some(names[1].at), format!("duplicate variable name: {first}"));
            return None;
        }
        Some(Variables { first, second })
    }

    /// Names the value of `init` for `result`.
    fn binding(&mut self, at: u32, name: &str, init: Expr, result: Expr) -> Parsed {
        let height = source_height(&init).max(source_height(&result));
        let range = self.generated(at, Kind::List(Vec::new()));
        let condition = self.made_literal(at, Value::Bool(false));
        let step = self.made_ident(at, name);
        let fold = Fold {
            range,
            variable: UNUSED.into(),
            second: None,
            accumulator: name.into(),
            init,
            condition,
            step,
            result,
        };
        let fold = self.generated(at, Kind::Fold(Box::new(fold)));
        self.raised(fold, height)
    }
}

/// The height of the highest node of the source in a tree that may begin with generated ones.
fn source_height(expr: &Expr) -> u16 {
    if expr.height > 0 {
        return expr.height;
    }
    expr.children().into_iter().map(source_height).max().unwrap_or(0)
}

const SIMPLE_NAME: &str = "argument must be a simple name";
const IDENTIFIER: &str = "argument is not an identifier";

fn has(parser: &mut Parser<'_, '_>, at: u32, _: Option<Expr>, mut args: Vec<Expr>) -> Parsed {
    match args.pop() {
        Some(Expr { kind: Kind::Select(select), .. }) if !select.test => {
            parser.node(at, Kind::Select(Select { test: true, ..select }))
        }
        other => parser.report(other.map_or(at, |arg| arg.at), "invalid argument to has() macro"),
    }
}

/// A macro over a range whose last argument says something of each element.
fn quantifier(
    parser: &mut Parser<'_, '_>,
    at: u32,
    target: Option<Expr>,
    mut args: Vec<Expr>,
    parts: fn(&mut Parser<'_, '_>, u32, Expr) -> Parts,
) -> Parsed {
    let variables = parser.variables(&args, 1, SIMPLE_NAME);
    match (variables, target, args.pop()) {
        (Some(variables), Some(range), Some(predicate)) => {
            let parts = parts(parser, at, predicate);
            parser.fold(at, range, variables, parts)
        }
        _ => parser.placeholder(at),
    }
}

fn all(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    quantifier(parser, at, target, args, |parser, at, predicate| {
        let init = parser.made_literal(at, Value::Bool(true));
        let accumulator = parser.accumulator(at);
        let condition = parser.made_call(at, operator::NOT_STRICTLY_FALSE, vec![accumulator]);
        let accumulator = parser.accumulator(at);
        let step = parser.made_call(at, operator::AND, vec![accumulator, predicate]);
        Parts { init, condition, step, result: parser.accumulator(at) }
    })
}

fn exists(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    quantifier(parser, at, target, args, |parser, at, predicate| {
        let init = parser.made_literal(at, Value::Bool(false));
        let accumulator = parser.accumulator(at);
        let not = parser.made_call(at, operator::NOT, vec![accumulator]);
        let condition = parser.made_call(at, operator::NOT_STRICTLY_FALSE, vec![not]);
        let accumulator = parser.accumulator(at);
        let step = parser.made_call(at, operator::OR, vec![accumulator, predicate]);
        Parts { init, condition, step, result: parser.accumulator(at) }
    })
}

fn exists_one(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    quantifier(parser, at, target, args, |parser, at, predicate| {
        let init = parser.made_literal(at, Value::Int(0));
        let condition = parser.made_literal(at, Value::Bool(true));
        let (accumulator, one) = (parser.accumulator(at), parser.made_literal(at, Value::Int(1)));
        let more = parser.made_call(at, operator::ADD, vec![accumulator, one]);
        let step = parser.filtered(at, Some(predicate), more);
        let (accumulator, one) = (parser.accumulator(at), parser.made_literal(at, Value::Int(1)));
        let result = parser.made_call(at, operator::EQUALS, vec![accumulator, one]);
        Parts { init, condition, step, result }
    })
}

/// A macro that collects something of each element that passes the filter.
fn collect(
    parser: &mut Parser<'_, '_>,
    at: u32,
    range: Expr,
    variables: Variables,
    filter: Option<Expr>,
    (init, step): (Kind, Expr),
) -> Parsed {
    let init = parser.generated(at, init);
    let condition = parser.made_literal(at, Value::Bool(true));
    let step = parser.filtered(at, filter, step);
    let result = parser.accumulator(at);
    parser.fold(at, range, variables, Parts { init, condition, step, result })
}

/// `accumulator + [value]`
fn append(parser: &mut Parser<'_, '_>, at: u32, value: Expr) -> Expr {
    let accumulator = parser.accumulator(at);
    let list = parser.generated(at, Kind::List(vec![Item { optional: false, value }]));
    parser.made_call(at, operator::ADD, vec![accumulator, list])
}

fn map(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, mut args: Vec<Expr>) -> Parsed {
    let variables = parser.variables(&args[..1], 0, IDENTIFIER);
    let transform = args.pop();
    let filter = if args.len() == 2 { args.pop() } else { None };
    match (variables, target, transform) {
        (Some(variables), Some(range), Some(transform)) => {
            let step = append(parser, at, transform);
            collect(parser, at, range, variables, filter, (Kind::List(Vec::new()), step))
        }
        _ => parser.placeholder(at),
    }
}

fn filter(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, mut args: Vec<Expr>) -> Parsed {
    let variables = parser.variables(&args, 1, IDENTIFIER);
    match (variables, target, args.pop(), args.pop()) {
        (Some(variables), Some(range), filter, Some(name)) => {
            let step = append(parser, at, name);
            collect(parser, at, range, variables, filter, (Kind::List(Vec::new()), step))
        }
        _ => parser.placeholder(at),
    }
}

/// A macro of two variables, an optional filter and what is collected.
fn transform(
    parser: &mut Parser<'_, '_>,
    at: u32,
    target: Option<Expr>,
    mut args: Vec<Expr>,
    init: Kind,
    step: fn(&mut Parser<'_, '_>, u32, &Name, Expr) -> Expr,
) -> Parsed {
    let variables = parser.variables(&args[..2], 0, SIMPLE_NAME);
    let transform = args.pop();
    let filter = if args.len() == 3 { args.pop() } else { None };
    match (variables, target, transform) {
        (Some(variables), Some(range), Some(transform)) => {
            let step = step(parser, at, &variables.first, transform);
            collect(parser, at, range, variables, filter, (init, step))
        }
        _ => parser.placeholder(at),
    }
}

fn transform_list(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    transform(parser, at, target, args, Kind::List(Vec::new()), |parser, at, _, value| {
        append(parser, at, value)
    })
}

fn transform_map(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    transform(parser, at, target, args, Kind::Map(Vec::<Entry>::new()), |parser, at, first, value| {
        let (accumulator, key) = (parser.accumulator(at), parser.made_ident(at, first));
        parser.made_call(at, operator::INSERT, vec![accumulator, key, value])
    })
}

fn transform_entry(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    transform(parser, at, target, args, Kind::Map(Vec::<Entry>::new()), |parser, at, _, entry| {
        let accumulator = parser.accumulator(at);
        parser.made_call(at, operator::INSERT, vec![accumulator, entry])
    })
}

fn opt_map(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    optional(parser, at, "optMap", target, args, |parser, at, value| {
        parser.made_call(at, "optional.of", vec![value])
    })
}

fn opt_flat_map(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    optional(parser, at, "optFlatMap", target, args, |_, _, value| value)
}

/// `target.hasValue() ? wrap(expr with the value as name) : optional.none()`
fn optional(
    parser: &mut Parser<'_, '_>,
    at: u32,
    name: &str,
    target: Option<Expr>,
    mut args: Vec<Expr>,
    wrap: fn(&mut Parser<'_, '_>, u32, Expr) -> Expr,
) -> Parsed {
    let (Some(target), Some(expr), Some(variable)) = (target, args.pop(), args.pop()) else {
        return parser.placeholder(at);
    };
    let Some(variable_name) = variable.as_ident().cloned() else {
        let message = format!("{name}() variable name must be a simple identifier");
        return parser.report(variable.at, message);
    };
    let copy = parser.copy(&target)?;
    let value = parser.made_member_call(at, "value", *copy, Vec::new());
    let bound = *parser.binding(at, &variable_name, value, expr)?;
    let height = bound.height.max(target.height);
    let yes = wrap(parser, at, bound);
    let has_value = parser.made_member_call(at, "hasValue", target, Vec::new());
    let none = parser.made_call(at, "optional.none", Vec::new());
    let function = operator::CONDITIONAL.into();
    let kind = Kind::Call(Call { function, target: None, args: vec![has_value, yes, none] });
    let expr = parser.generated(at, kind);
    parser.raised(expr, height)
}

fn sort_by(parser: &mut Parser<'_, '_>, at: u32, target: Option<Expr>, args: Vec<Expr>) -> Parsed {
    const INPUT: &str = "@__sortBy_input__";
    let Some(target) = target else { return parser.placeholder(at) };
    if matches!(target.kind, Kind::Literal(_) | Kind::Map(_) | Kind::Struct { .. }) {
        let message =
            "sortBy can only be applied to a list, identifier, comprehension, call or select expression";
        return parser.report(target.at, message);
    }
    let input = parser.made_ident(at, INPUT);
    let keys = *map(parser, at, Some(input), args)?;
    let input = parser.made_ident(at, INPUT);
    let sorted = parser.made_member_call(at, operator::SORT_BY_KEYS, input, vec![keys]);
    parser.binding(at, INPUT, target, sorted)
}
