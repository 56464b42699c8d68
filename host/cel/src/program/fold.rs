//! Comprehensions.

use super::node::{Frame, Node, elements};
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) struct Fold {
    pub(super) range: Node,
    pub(super) accumulator: usize,
    /// The element of a list or the key of a map; with a second variable the index of a list.
    pub(super) variable: usize,
    pub(super) second: Option<usize>,
    pub(super) init: Node,
    pub(super) condition: Node,
    pub(super) step: Step,
    pub(super) result: Node,
}

/// What is done for each element. What macros build up is built in place.
pub(super) enum Step {
    /// The accumulator becomes a value.
    Set(Node),
    /// An element is added to the accumulator; making the list around it costs something unless it is a literal.
    Append { item: Node, is_const: bool },
    /// An entry is added to the accumulator, or all of a map where there is no key.
    Insert { key: Option<Node>, value: Node },
    /// Something is done if a condition holds.
    If(Node, Box<Step>),
}

impl Fold {
    pub(super) fn evaluate<'a>(&self, frame: &mut Frame<'_, 'a>) -> Evaluated<'a> {
        let range = self.range.evaluate(frame)?;
        let elements = elements(&range)?;
        frame.slots[self.accumulator] = self.init.evaluate(frame);
        let is_list = matches!(range, Value::List(_));
        for (key, value) in elements {
            frame.meter.work(1)?;
            match self.second {
                Some(second) => {
                    frame.slots[self.variable] = Ok(key);
                    frame.slots[second] = value;
                }
                None => frame.slots[self.variable] = if is_list { value } else { Ok(key) },
            }
            match self.condition.evaluate(frame) {
                Ok(Value::Bool(false)) => break,
                Err(error) if !error.is_absorbed() => return Err(error),
                _ => {}
            }
            self.step.take(self.accumulator, frame)?;
        }
        let result = self.result.evaluate(frame);
        // A list that is built here is given away whole, so that whoever gets it can build on.
        frame.slots[self.accumulator] = Ok(Value::Null);
        result
    }
}

impl Step {
    /// Changes the accumulator; what is wrong with data becomes its value.
    fn take<'a>(&self, accumulator: usize, frame: &mut Frame<'_, 'a>) -> Result<(), EvalError> {
        let changed = match self {
            Self::Set(node) => {
                let value = node.evaluate(frame);
                Some(value)
            }
            Self::If(condition, step) => match condition.evaluate(frame) {
                Ok(Value::Bool(true)) => return step.take(accumulator, frame),
                Ok(Value::Bool(false)) => None,
                Ok(_) => Some(Err(EvalError::no_such_overload())),
                Err(error) => Some(Err(error)),
            },
            Self::Append { item, is_const } => {
                frame.meter.select()?;
                let item = item.evaluate(frame);
                if !is_const {
                    frame.meter.create_list()?;
                }
                frame.meter.charge(1)?;
                Some(append(std::mem::replace(&mut frame.slots[accumulator], Ok(Value::Null)), item))
            }
            Self::Insert { key, value } => {
                frame.meter.select()?;
                let key = key.as_ref().map(|key| key.evaluate(frame)).transpose();
                let entry = key.and_then(|key| Ok((key, value.evaluate(frame)?)));
                frame.meter.charge(1)?;
                Some(insert(std::mem::replace(&mut frame.slots[accumulator], Ok(Value::Null)), entry))
            }
        };
        match changed {
            Some(Err(error)) if !error.is_absorbed() => return Err(error),
            Some(value) => frame.slots[accumulator] = value,
            None => {}
        }
        Ok(())
    }
}

fn append<'a>(list: Evaluated<'a>, item: Evaluated<'a>) -> Evaluated<'a> {
    match list? {
        Value::List(mut list) => {
            list.push(item?)?;
            Ok(Value::List(list))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

fn insert<'a>(map: Evaluated<'a>, entry: Result<(Option<Value<'a>>, Value<'a>), EvalError>) -> Evaluated<'a> {
    let Value::Map(mut map) = map? else { return Err(EvalError::no_such_overload()) };
    match entry? {
        (Some(key), value) => map.insert(&key, value)?,
        (None, Value::Map(entries)) => {
            for (key, value) in entries.iter() {
                map.insert(&key, value?)?;
            }
        }
        _ => return Err(EvalError::no_such_overload()),
    }
    Ok(Value::Map(map))
}
