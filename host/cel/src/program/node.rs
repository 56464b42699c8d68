//! The nodes of a program and their evaluation.
//!
//! Costs are charged where cel-go charges them: looking at a variable or a field costs one, except that the variable
//! at the root of an index or of a branch of a conditional is free.

use std::collections::HashMap;
use std::sync::Arc;

use objects::{Object, Tree};

use super::Activation;
use super::fold::Fold;
use crate::ast::operator;
use crate::cost::{Meter, call_cost};
use crate::error::EvalError;
use crate::functions::{Overload, Pattern};
use crate::value::{Evaluated, Key, List, Map, Struct, Value};

type Name = Arc<str>;

pub(super) enum Node {
    Const(Value<'static>),
    Variable {
        name: Name,
        is_free: bool,
    },
    /// A variable of a comprehension.
    Local {
        slot: usize,
        is_free: bool,
    },
    /// Something else that is selected from.
    Relative {
        of: Box<Node>,
        is_free: bool,
    },
    Select {
        of: Box<Node>,
        field: Name,
        how: Select,
    },
    Index {
        of: Box<Node>,
        index: Box<Node>,
        how: Select,
    },
    And(Box<[Node; 2]>),
    Or(Box<[Node; 2]>),
    Conditional(Box<[Node; 3]>),
    NotStrictlyFalse(Box<Node>),
    /// `or` and `orValue`, which look at their argument only if they need it.
    Otherwise {
        of: Box<Node>,
        other: Box<Node>,
        unwrap: bool,
    },
    /// Membership in a list of literals, which costs nothing.
    InSet {
        value: Box<Node>,
        set: Set,
    },
    Call(Box<Call>),
    List(Vec<(bool, Node)>),
    Map(Vec<(bool, Node, Node)>),
    Struct(Box<StructNode>),
    Fold(Box<Fold>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Select {
    Plain,
    /// `has(of.field)`
    Test,
    /// `of.?field`
    Optional,
}

pub(super) struct Call {
    pub(super) function: Name,
    pub(super) overloads: Vec<&'static Overload>,
    pub(super) args: Vec<Node>,
    pub(super) pattern: Option<Pattern>,
}

/// An object that is made: its type and its fields, which may be optional.
pub(super) struct StructNode {
    pub(super) name: Name,
    pub(super) fields: Vec<(bool, Name, Node)>,
}

pub(super) struct Set {
    pub(super) keys: std::collections::BTreeSet<Key<'static>>,
    pub(super) others: Vec<Value<'static>>,
}

/// The state of one evaluation.
pub(super) struct Frame<'f, 'a> {
    activation: &'f Activation<'a>,
    pub(super) slots: Vec<Evaluated<'a>>,
    pub(super) meter: &'f mut Meter,
    /// Fields of large objects by name, for objects are searched one field after the other.
    indexes: HashMap<usize, HashMap<&'a str, &'a Tree>>,
}

/// Objects of more fields than this are indexed when a field is looked up.
const INDEXED: usize = 64;

impl<'f, 'a> Frame<'f, 'a> {
    pub(super) fn new(activation: &'f Activation<'a>, slots: usize, meter: &'f mut Meter) -> Self {
        let empty = (0..slots).map(|_| Ok(Value::Null)).collect();
        Self { activation, slots: empty, meter, indexes: HashMap::new() }
    }

    /// A field of a large object whose fields are not typed one by one.
    fn indexed(&mut self, object: &'a Object, name: &str) -> Option<&'a Tree> {
        let fields =
            self.indexes.entry(std::ptr::from_ref(object).addr()).or_insert_with(|| object.iter().collect());
        fields.get(name).copied()
    }

    /// What is at a key of a map or an index of a list.
    fn find(&mut self, of: &Value<'a>, key: &Value<'a>) -> Result<Option<Value<'a>>, EvalError> {
        match of {
            Value::Map(Map::Tree(map)) if map.len() > INDEXED && map.is_plain() => {
                let Value::String(name) = key else { return Ok(None) };
                match self.indexed(map.object(), name) {
                    Some(tree) => map.value(tree).map(Some),
                    None => Ok(None),
                }
            }
            Value::Map(map) => {
                self.meter.work(map.len() as u64 / 8)?;
                map.get(key)
            }
            Value::List(list) => match key {
                Value::Int(index) => {
                    usize::try_from(*index).ok().and_then(|index| list.get(index)).transpose()
                }
                Value::Uint(index) => {
                    usize::try_from(*index).ok().and_then(|index| list.get(index)).transpose()
                }
                Value::Double(index) if index.fract() == 0.0 && *index >= 0.0 => {
                    list.get(*index as usize).transpose()
                }
                _ => Err(EvalError::failed(format!("unsupported index type '{}' in list", key.type_name()))),
            },
            Value::Struct(object) => {
                let Value::String(name) = key else { return Ok(None) };
                Ok(object.fields.iter().find(|(field, _)| **field == **name).map(|(_, value)| value.clone()))
            }
            _ => Ok(None),
        }
    }
}

fn missing(of: &Value<'_>, key: &Value<'_>) -> EvalError {
    let what = if matches!(of, Value::List(_)) { "index out of bounds" } else { "no such key" };
    match key {
        Value::String(text) => EvalError::failed(format!("{what}: {text}")),
        Value::Uint(index) => EvalError::failed(format!("{what}: {index}")),
        other => EvalError::failed(format!("{what}: {other:?}")),
    }
}

impl Node {
    /// The value of the node. What the kinds of nodes do is in functions of their own: the frames of this one lie on
    /// top of each other as deep as expressions nest.
    pub(super) fn evaluate<'a>(&self, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
        match self {
            Self::Const(value) => Ok(value.clone()),
            Self::Variable { name, is_free } => variable(name, *is_free, frame),
            Self::Local { slot, is_free } => local(*slot, *is_free, frame),
            Self::Relative { of, is_free } => relative(of, *is_free, frame),
            Self::Select { of, field, how } => select(of, field, *how, frame),
            Self::Index { of, index, how } => self::index(of, index, *how, frame),
            Self::And(terms) => logic(terms, false, frame),
            Self::Or(terms) => logic(terms, true, frame),
            Self::Conditional(parts) => conditional(parts, frame),
            Self::NotStrictlyFalse(of) => not_strictly_false(of, frame),
            Self::Otherwise { of, other, unwrap } => otherwise(of, other, *unwrap, frame),
            Self::InSet { value, set } => in_set(value, set, frame),
            Self::Call(call) => call.evaluate(frame),
            Self::List(items) => list(items, frame),
            Self::Map(entries) => map(entries, frame),
            Self::Struct(object) => structure(object, frame),
            Self::Fold(fold) => fold.evaluate(frame),
        }
    }

    /// Makes the variable at the root free of charge.
    pub(super) fn freed(mut self) -> Self {
        let mut node = &mut self;
        loop {
            node = match node {
                Self::Variable { is_free, .. }
                | Self::Local { is_free, .. }
                | Self::Relative { is_free, .. } => {
                    *is_free = true;
                    break;
                }
                Self::Select { of, how: Select::Plain | Select::Optional, .. } | Self::Index { of, .. } => of,
                _ => break,
            };
        }
        self
    }

    /// Whether fields are selected from it without a step between.
    pub(super) fn is_attribute(&self) -> bool {
        matches!(
            self,
            Self::Variable { .. }
                | Self::Local { .. }
                | Self::Select { .. }
                | Self::Index { .. }
                | Self::Conditional(_)
        )
    }
}

fn charge_unless(is_free: bool, frame: &mut Frame<'_, '_>) -> Result<(), EvalError> {
    if is_free { Ok(()) } else { frame.meter.select() }
}

fn variable<'a>(name: &Name, is_free: bool, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    charge_unless(is_free, frame)?;
    let value = frame.activation.find(name);
    value.cloned().ok_or_else(|| EvalError::failed(format!("no such attribute(s): {name}")))
}

fn local<'a>(slot: usize, is_free: bool, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    charge_unless(is_free, frame)?;
    frame.slots[slot].clone()
}

fn relative<'a>(of: &Node, is_free: bool, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let value = of.evaluate(frame)?;
    charge_unless(is_free, frame)?;
    Ok(value)
}

fn select<'a>(of: &Node, field: &Name, how: Select, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let value = of.evaluate(frame)?;
    qualify(value, &Value::String(field.clone().into()), how, frame)
}

fn index<'a>(of: &Node, index: &Node, how: Select, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let value = of.evaluate(frame)?;
    let key = index.evaluate(frame)?;
    qualify(value, &key, how, frame)
}

fn conditional<'a>(parts: &[Node; 3], frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    match parts[0].evaluate(frame)? {
        Value::Bool(true) => parts[1].evaluate(frame),
        Value::Bool(false) => parts[2].evaluate(frame),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn not_strictly_false<'a>(of: &Node, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let value = of.evaluate(frame);
    frame.meter.charge(1)?;
    match value {
        Ok(Value::Bool(value)) => Ok(Value::Bool(value)),
        Err(error) if !error.is_absorbed() => Err(error),
        _ => Ok(Value::Bool(true)),
    }
}

fn otherwise<'a>(of: &Node, other: &Node, unwrap: bool, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    match of.evaluate(frame)? {
        Value::Optional(Some(value)) if unwrap => Ok((*value).clone()),
        value @ Value::Optional(Some(_)) => Ok(value),
        Value::Optional(None) => other.evaluate(frame),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn in_set<'a>(value: &Node, set: &Set, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let value = value.evaluate(frame)?;
    set.has(&value, frame.meter).map(Value::Bool)
}

fn list<'a>(items: &[(bool, Node)], frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let mut list = Vec::with_capacity(items.len());
    for (optional, item) in items {
        list.extend(present(*optional, item.evaluate(frame)?)?);
    }
    frame.meter.create_list()?;
    Ok(Value::list(list))
}

fn structure<'a>(object: &StructNode, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let mut made = Vec::with_capacity(object.fields.len());
    for (optional, field, value) in &object.fields {
        let value = present(*optional, value.evaluate(frame)?)?;
        made.extend(value.map(|value| (field.clone(), value)));
    }
    frame.meter.create_struct()?;
    Ok(Value::Struct(Struct { name: object.name.clone(), fields: made }.into()))
}

/// The value at a key; an optional is looked into, and gives an optional.
fn qualify<'a>(value: Value<'a>, key: &Value<'a>, how: Select, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let (value, is_optional) = match value {
        Value::Optional(None) if how == Select::Test => return Ok(Value::Bool(false)),
        Value::Optional(None) => return Ok(Value::Optional(None)),
        Value::Optional(Some(value)) => ((*value).clone(), true),
        other => (other, false),
    };
    let found = frame.find(&value, key)?;
    if how == Select::Test {
        return Ok(Value::Bool(found.is_some()));
    }
    if how == Select::Optional || is_optional {
        if found.is_some() {
            frame.meter.select()?;
        }
        return Ok(Value::optional(found));
    }
    frame.meter.select()?;
    found.ok_or_else(|| missing(&value, key))
}

/// The value of an optional element, if there is one.
fn present<'a>(optional: bool, value: Value<'a>) -> Result<Option<Value<'a>>, EvalError> {
    match value {
        value if !optional => Ok(Some(value)),
        Value::Optional(value) => Ok(value.map(|value| (*value).clone())),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn map<'a>(entries: &[(bool, Node, Node)], frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let mut made = std::collections::BTreeMap::new();
    for (optional, key, value) in entries {
        let key = key.evaluate(frame)?;
        let value = present(*optional, value.evaluate(frame)?)?;
        let unsupported = || EvalError::failed(format!("unsupported key type: {}", key.type_name()));
        let key = Key::of(&key).ok_or_else(unsupported)?;
        match value {
            Some(value) => made.insert(key, value),
            None => made.remove(&key),
        };
    }
    frame.meter.create_map()?;
    Ok(Value::Map(Map::Entries(made.into())))
}

/// `&&` and `||`: the result is `decisive` if any term is, even if the others fail.
fn logic<'a>(terms: &[Node; 2], decisive: bool, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
    let mut failed = None;
    for term in terms {
        match term.evaluate(frame) {
            Ok(Value::Bool(value)) if value == decisive => return Ok(Value::Bool(decisive)),
            Ok(Value::Bool(_)) => {}
            Ok(_) => failed = failed.or_else(|| Some(EvalError::no_such_overload())),
            Err(error) if !error.is_absorbed() => return Err(error),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(Value::Bool(!decisive)), Err)
}

impl Set {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.others.is_empty()
    }

    fn has(&self, value: &Value<'_>, meter: &mut Meter) -> Result<bool, EvalError> {
        if Key::of(value).is_some_and(|key| self.keys.contains(&key)) {
            return Ok(true);
        }
        for other in &self.others {
            if crate::value::equal(other, value, meter)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What looking through a text takes: machines look at many bytes in a step.
fn text_work(value: &Value<'_>) -> u64 {
    match value {
        Value::String(text) => text.len() as u64 / 16,
        Value::Bytes(bytes) => bytes.len() as u64 / 16,
        _ => 0,
    }
}

impl Call {
    fn evaluate<'a>(&self, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
        let mut args = Vec::with_capacity(self.args.len());
        let mut failed = None;
        for arg in &self.args {
            match arg.evaluate(frame) {
                Ok(value) => args.push(value),
                // Of two arguments both are evaluated, whatever comes of the first.
                Err(error) if error.is_absorbed() && self.args.len() <= 2 => {
                    failed = failed.or(Some(error));
                    args.push(Value::Null);
                }
                Err(error) => return Err(error),
            }
        }
        let result = match failed {
            Some(error) => Err(error),
            None => {
                frame.meter.work(args.iter().map(text_work).sum())?;
                self.run(&args, frame)
            }
        };
        let overload = match self.overloads.as_slice() {
            [overload] => Some(*overload),
            _ => None,
        };
        frame.meter.charge(call_cost(&self.function, overload, &args, result.as_ref().ok()))?;
        result
    }

    fn run<'a>(&self, args: &[Value<'a>], frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
        if let (operator::IN, [key, map @ Value::Map(_)]) = (&*self.function, args) {
            return frame.find(map, key).map(|found| Value::Bool(found.is_some()));
        }
        let Some(overload) = self.overloads.iter().find(|overload| overload.accepts(args)) else {
            if !self.function.starts_with(char::is_alphabetic) {
                return Err(EvalError::no_such_overload());
            }
            let types: Vec<&str> = args.iter().map(Value::type_name).collect();
            let message = format!("no such overload: {}({})", self.function, types.join(", "));
            return Err(EvalError::failed(message));
        };
        match &self.pattern {
            Some(pattern) => pattern.run(args),
            None => (overload.run)(args, frame.meter),
        }
    }
}

type Elements<'r, 'a> = Box<dyn Iterator<Item = (Value<'a>, Evaluated<'a>)> + 'r>;

/// Elements of a list or keys of a map, each with its value.
pub(super) fn elements<'r, 'a>(range: &'r Value<'a>) -> Result<Elements<'r, 'a>, EvalError> {
    match range {
        Value::List(list) => Ok(Box::new(indexed(list))),
        Value::Map(map) => Ok(map.iter()),
        other => Err(EvalError::failed(format!("got '{}', expected iterable type", other.type_name()))),
    }
}

fn indexed<'l, 'a>(list: &'l List<'a>) -> impl Iterator<Item = (Value<'a>, Evaluated<'a>)> + 'l {
    (0_i64..).zip(list.iter()).map(|(index, value)| (Value::Int(index), value))
}
