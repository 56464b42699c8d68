//! Makes a program of a checked expression: names become places, literals become values.

use std::collections::BTreeSet;

use super::fold::{Fold, Step};
use super::node::{Call, Node, Select, Set, StructNode};
use crate::ast::{self, Expr, Kind, Name, operator};
use crate::check::{Checked, Reference};
use crate::cost::Meter;
use crate::error::EvalError;
use crate::functions::{CONVERSIONS, Overload, prepare};
use crate::types::Type;
use crate::value::{Key, Map, Value};

/// Whether aggregates and conversions of literals are worked out once. They are free then; upstream's tables of
/// costs were made without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folding {
    On,
    #[cfg(test)]
    Off,
}

/// The program of an expression, and how many places it needs for the variables of comprehensions. Fails where
/// something that is worked out here does.
pub(super) fn plan(expr: &Expr, checked: &Checked, folding: Folding) -> Result<(Node, usize), EvalError> {
    let mut planner =
        Planner { checked, folding, locals: Vec::new(), slots: 0, meter: Meter::unlimited(), failed: None };
    let root = planner.node(expr);
    planner.failed.map_or(Ok((root, planner.slots)), Err)
}

struct Planner<'p> {
    checked: &'p Checked,
    folding: Folding,
    /// The variables of comprehensions by name, the innermost last.
    locals: Vec<(Name, usize)>,
    slots: usize,
    /// For what is worked out here.
    meter: Meter,
    failed: Option<EvalError>,
}

impl Planner<'_> {
    fn node(&mut self, expr: &Expr) -> Node {
        if let Some(node) = self.reference(expr) {
            return node;
        }
        match &expr.kind {
            Kind::Literal(value) => Node::Const(value.clone()),
            Kind::Ident(name) => {
                let slot = self.locals.iter().rev().find(|(local, _)| local == name);
                match slot {
                    Some((_, slot)) => Node::Local { slot: *slot, is_free: false },
                    None => Node::Variable { name: name.clone(), is_free: false },
                }
            }
            Kind::Select(select) => {
                let how = if select.test { Select::Test } else { Select::Plain };
                Node::Select { of: self.attribute(&select.operand), field: select.field.clone(), how }
            }
            Kind::Call(call) => self.call(expr, call),
            Kind::List(items) => {
                let items = items.iter().map(|item| (item.optional, self.node(&item.value))).collect();
                self.list(items)
            }
            Kind::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|entry| (entry.optional, self.node(&entry.key), self.node(&entry.value)))
                    .collect();
                self.map(entries)
            }
            Kind::Struct { name, fields } => {
                let name: Name = name.strip_prefix('.').unwrap_or(name).into();
                let fields = fields
                    .iter()
                    .map(|field| (field.optional, field.name.clone(), self.node(&field.value)))
                    .collect();
                Node::Struct(Box::new(StructNode { name, fields }))
            }
            Kind::Fold(fold) => self.fold(fold),
        }
    }

    /// A variable or a type that the checker found.
    fn reference(&self, expr: &Expr) -> Option<Node> {
        match (self.checked.reference(expr)?, &expr.kind) {
            (Reference::Variable(name), _) => Some(Node::Variable { name: name.clone(), is_free: false }),
            (Reference::Type(name), Kind::Ident(_) | Kind::Select(_)) => {
                Some(Node::Const(Value::Type(name.clone())))
            }
            _ => None,
        }
    }

    /// What is selected from.
    fn attribute(&mut self, expr: &Expr) -> Box<Node> {
        let node = self.node(expr);
        Box::new(if node.is_attribute() {
            node
        } else {
            Node::Relative { of: Box::new(node), is_free: false }
        })
    }

    fn boxed(&mut self, expr: &Expr) -> Box<Node> {
        Box::new(self.node(expr))
    }

    fn call(&mut self, expr: &Expr, call: &ast::Call) -> Node {
        let chosen = self.checked.call(expr);
        let is_qualified = chosen.is_some_and(|chosen| chosen.is_qualified);
        let overloads: Vec<&'static Overload> =
            chosen.map(|chosen| chosen.overloads.clone()).unwrap_or_default();
        let function: Name =
            overloads.first().map_or_else(|| call.function.clone(), |one| one.function.into());
        let target = call.target.as_deref().filter(|_| !is_qualified);
        match (&*function, target, call.args.as_slice()) {
            (operator::AND, None, [one, two]) => Node::And(Box::new([self.node(one), self.node(two)])),
            (operator::OR, None, [one, two]) => Node::Or(Box::new([self.node(one), self.node(two)])),
            (operator::CONDITIONAL, None, [condition, yes, no]) => {
                let (condition, yes, no) = (self.node(condition), self.node(yes), self.node(no));
                Node::Conditional(Box::new([condition, yes.freed(), no.freed()]))
            }
            (operator::NOT_STRICTLY_FALSE, None, [of]) => Node::NotStrictlyFalse(self.boxed(of)),
            (operator::INDEX, None, [of, index]) => self.index(of, index, Select::Plain),
            (operator::OPTIONAL_INDEX, None, [of, index]) => self.index(of, index, Select::Optional),
            (operator::OPTIONAL_SELECT, None, [of, field]) => {
                let field = field.as_string().unwrap_or_default().into();
                Node::Select { of: self.attribute(of), field, how: Select::Optional }
            }
            ("or" | "orValue", Some(of), [other]) => {
                let unwrap = &*function == "orValue";
                Node::Otherwise { of: self.boxed(of), other: self.boxed(other), unwrap }
            }
            _ => {
                let args = target.into_iter().chain(&call.args).map(|arg| self.node(arg)).collect();
                self.plain_call(function, overloads, args)
            }
        }
    }

    fn index(&mut self, of: &Expr, index: &Expr, how: Select) -> Node {
        let of = self.attribute(of);
        Node::Index { of, index: Box::new(self.node(index).freed()), how }
    }

    fn plain_call(&mut self, function: Name, overloads: Vec<&'static Overload>, args: Vec<Node>) -> Node {
        if self.folding == Folding::On {
            if let (operator::IN, [overload], [_, Node::Const(Value::List(list))]) =
                (&*function, overloads.as_slice(), args.as_slice())
                && matches!(overload.params.get(1), Some(Type::List(_)))
                && let Some(set) = set(list)
            {
                return args.into_iter().next().filter(|_| !set.is_empty()).map_or(
                    Node::Const(Value::Bool(false)),
                    |value| Node::InSet { value: Box::new(value), set },
                );
            }
            if let (true, [Node::Const(value)]) = (CONVERSIONS.contains(&&*function), args.as_slice())
                && let Some(overload) = overloads.iter().find(|one| one.accepts(std::slice::from_ref(value)))
            {
                match (overload.run)(std::slice::from_ref(value), &mut self.meter) {
                    Ok(value) => return Node::Const(value),
                    Err(error) => self.failed = self.failed.take().or(Some(error)),
                }
            }
        }
        let pattern = match args.get(1) {
            Some(Node::Const(Value::String(text))) => prepare(&function, text, &mut self.meter),
            _ => Ok(None),
        };
        let pattern = pattern.unwrap_or_else(|error| {
            self.failed = self.failed.take().or(Some(error));
            None
        });
        Node::Call(Box::new(Call { function, overloads, args, pattern }))
    }

    fn list(&self, items: Vec<(bool, Node)>) -> Node {
        let values: Option<Vec<Value<'static>>> = items
            .iter()
            .map(|(optional, node)| match node {
                Node::Const(value) if !optional => Some(value.clone()),
                _ => None,
            })
            .collect();
        match values.filter(|_| self.folding == Folding::On) {
            Some(values) => Node::Const(Value::list(values)),
            None => Node::List(items),
        }
    }

    fn map(&self, entries: Vec<(bool, Node, Node)>) -> Node {
        let made: Option<_> = entries
            .iter()
            .map(|(optional, key, value)| match (key, value) {
                (Node::Const(key), Node::Const(value)) if !optional => Some((Key::of(key)?, value.clone())),
                _ => None,
            })
            .collect::<Option<std::collections::BTreeMap<_, _>>>();
        match made.filter(|_| self.folding == Folding::On) {
            Some(made) => Node::Const(Value::Map(Map::Entries(made.into()))),
            None => Node::Map(entries),
        }
    }

    fn slot(&mut self, name: &Name) -> usize {
        self.locals.push((name.clone(), self.slots));
        self.slots += 1;
        self.slots - 1
    }

    fn fold(&mut self, fold: &ast::Fold) -> Node {
        let range = self.node(&fold.range);
        let init = self.node(&fold.init);
        let outside = self.locals.len();
        let accumulator = self.slot(&fold.accumulator);
        let variable = self.slot(&fold.variable);
        let second = fold.second.as_ref().map(|name| self.slot(name));
        let condition = self.node(&fold.condition);
        let step = self.step(&fold.step, &fold.accumulator);
        self.locals.truncate(outside + 1);
        let result = self.node(&fold.result);
        self.locals.truncate(outside);
        Node::Fold(Box::new(Fold { range, accumulator, variable, second, init, condition, step, result }))
    }

    /// The step of a fold; those of macros that build something up are known by their form.
    fn step(&mut self, step: &Expr, accumulator: &Name) -> Step {
        let is_accumulator = |expr: &Expr| expr.as_ident() == Some(accumulator);
        if let Some([condition, step, other]) = step.as_call(operator::CONDITIONAL)
            && is_accumulator(other)
        {
            return Step::If(self.node(condition), Box::new(self.step(step, accumulator)));
        }
        if let Some([into, Expr { kind: Kind::List(items), .. }]) = step.as_call(operator::ADD)
            && let [ast::Item { optional: false, value }] = items.as_slice()
            && is_accumulator(into)
        {
            let item = self.node(value);
            let is_const = matches!(item, Node::Const(_)) && self.folding == Folding::On;
            return Step::Append { item, is_const };
        }
        match step.as_call(operator::INSERT) {
            Some([into, entry]) if is_accumulator(into) => {
                Step::Insert { key: None, value: self.node(entry) }
            }
            Some([into, key, value]) if is_accumulator(into) => {
                Step::Insert { key: Some(self.node(key)), value: self.node(value) }
            }
            _ => Step::Set(self.node(step)),
        }
    }
}

/// The elements of a list of scalars, to be looked up.
fn set(list: &crate::value::List<'static>) -> Option<Set> {
    let mut set = Set { keys: BTreeSet::new(), others: Vec::new() };
    for item in list.iter() {
        let item = item.ok()?;
        match (Key::of(&item), &item) {
            (Some(key), _) => {
                set.keys.insert(key);
            }
            (None, Value::Double(_)) => set.others.push(item),
            _ => return None,
        }
    }
    Some(set)
}
