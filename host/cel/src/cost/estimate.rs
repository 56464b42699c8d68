//! What an expression costs at least and at most, from its types and the sizes that schemas allow.
//!
//! The estimate decides which rules a CRD may have, so that it is upstream's to the unit, peculiarities included: the
//! elements of a list that comes from no variable, for one, are taken to be of the size of the object itself.

mod calls;
mod places;

use std::collections::HashMap;

use super::range::Range;
use super::{CREATE_LIST, CREATE_MAP, CREATE_STRUCT, SELECT};
use crate::ast::{self, Expr, Fold, Kind, Name, Select};
use crate::check::{Checked, Reference};
use crate::declare::Declarations;
use crate::schema::SchemaRef;
use crate::types::Type;
use crate::value::Value;

use places::{Place, Step};

/// The estimate of an expression.
pub(crate) fn estimate(expr: &Expr, checked: &Checked, declarations: &Declarations) -> Range {
    Estimator::new(checked, declarations, &|place, _| place.size()).cost(expr)
}

/// The size of what is at a place, of a type.
pub(super) type Sizes<'e> = &'e dyn Fn(&Place, &Type) -> Option<Range>;

/// The sizes of the keys and values, or of the indexes and items, of an aggregate.
#[derive(Clone, Copy)]
struct Entries {
    is_list: bool,
    keys: Range,
    values: Range,
}

/// A variable of a comprehension.
#[derive(Clone)]
struct Local {
    name: Name,
    place: Place,
    size: Option<Range>,
    entries: Option<Entries>,
}

pub(super) struct Estimator<'e> {
    checked: &'e Checked,
    declarations: &'e Declarations,
    sizes: Sizes<'e>,
    places: HashMap<u32, Place>,
    locals: Vec<Local>,
    known_sizes: HashMap<u32, Range>,
    known_entries: HashMap<u32, Entries>,
}

/// A target or an argument of a call.
struct Operand<'e> {
    expr: &'e Expr,
    of: &'e Type,
    place: Place,
    size: Option<Range>,
}

impl Operand<'_> {
    fn size(&self) -> Range {
        self.size.unwrap_or(Range::UNKNOWN)
    }
}

impl<'e> Estimator<'e> {
    pub(super) fn new(checked: &'e Checked, declarations: &'e Declarations, sizes: Sizes<'e>) -> Self {
        Self {
            checked,
            declarations,
            sizes,
            places: HashMap::new(),
            locals: Vec::new(),
            known_sizes: HashMap::new(),
            known_entries: HashMap::new(),
        }
    }

    pub(super) fn cost(&mut self, expr: &'e Expr) -> Range {
        if let Some(Reference::Variable(name)) = self.checked.reference(expr) {
            self.root(expr, self.declarations.find_schema(name));
            return Range::exactly(SELECT);
        }
        if let Some(Reference::Type(_)) = self.checked.reference(expr)
            && matches!(expr.kind, Kind::Ident(_) | Kind::Select(_))
        {
            self.root(expr, None);
            return Range::exactly(SELECT);
        }
        match &expr.kind {
            Kind::Literal(_) => Range::ZERO,
            Kind::Ident(_) => {
                let place = self.place(expr);
                self.places.insert(expr.id, place);
                Range::exactly(SELECT)
            }
            Kind::Select(select) => self.select(expr, select),
            Kind::Call(call) => self.call(expr, call),
            Kind::List(items) => self.list(expr, items),
            Kind::Map(entries) => self.map(expr, entries),
            Kind::Struct { fields, .. } => {
                let cost = fields.iter().fold(Range::ZERO, |sum, field| sum.add(self.cost(&field.value)));
                cost.add(Range::exactly(CREATE_STRUCT))
            }
            Kind::Fold(fold) if fold.is_binding() => self.binding(expr, fold),
            Kind::Fold(fold) => self.fold(expr, fold),
        }
    }

    /// Notes that a name stands for an object; one without a schema, as the former value of the object, and even the
    /// name of a type, for the object itself.
    fn root(&mut self, expr: &Expr, schema: Option<&SchemaRef>) {
        let schema = schema.or_else(|| self.declarations.find_schema("self"));
        self.places.insert(expr.id, schema.map_or(Place::Nowhere, |schema| Place::At(schema.clone())));
    }

    fn local(&self, expr: &Expr) -> Option<&Local> {
        let name = expr.as_ident()?;
        self.locals.iter().rev().find(|local| local.name == *name)
    }

    fn place(&self, expr: &Expr) -> Place {
        match self.local(expr) {
            Some(local) => local.place.clone(),
            None => self.places.get(&expr.id).cloned().unwrap_or(Place::None),
        }
    }

    fn child(&self, of: &Expr, step: Step<'_>) -> Place {
        self.place(of).child(step, self.declarations.find_schema("self"))
    }

    /// The size of an expression, as far as it is known.
    fn size(&mut self, expr: &Expr) -> Option<Range> {
        if let Some(size) = self.known_sizes.get(&expr.id) {
            return Some(*size);
        }
        if let Some(size) = literal_size(expr) {
            return Some(size);
        }
        let of = self.checked.type_of(expr);
        if let Some(size) = (self.sizes)(&self.place(expr), of) {
            self.known_sizes.insert(expr.id, size);
            return Some(size);
        }
        if is_scalar(of) {
            return Some(Range::ONE);
        }
        self.local(expr).and_then(|local| local.size)
    }

    fn size_or_unknown(&mut self, expr: &Expr) -> Range {
        self.size(expr).unwrap_or(Range::UNKNOWN)
    }

    fn entries(&self, expr: &Expr) -> Option<Entries> {
        let known = self.known_entries.get(&expr.id).copied();
        known.or_else(|| self.local(expr).and_then(|local| local.entries))
    }

    fn note(&mut self, expr: &Expr, size: Option<Range>, entries: Option<Entries>) {
        self.known_sizes.extend(size.map(|size| (expr.id, size)));
        self.known_entries.extend(entries.map(|entries| (expr.id, entries)));
    }

    fn select(&mut self, expr: &'e Expr, select: &'e Select) -> Range {
        let cost = self.cost(&select.operand);
        if select.test {
            return cost;
        }
        let place = self.child(&select.operand, Step::Field(&select.field));
        self.places.insert(expr.id, place);
        match self.checked.type_of(&select.operand) {
            Type::Map(_) | Type::Object(_) | Type::Param(_) => cost.add(Range::exactly(SELECT)),
            _ => cost,
        }
    }

    fn operand(&mut self, expr: &'e Expr) -> Operand<'e> {
        Operand { expr, of: self.checked.type_of(expr), place: self.place(expr), size: self.size(expr) }
    }

    fn list(&mut self, expr: &Expr, items: &'e [ast::Item]) -> Range {
        let (mut cost, mut size) = (Range::exactly(CREATE_LIST), Range::NONE);
        for item in items {
            cost = cost.add(self.cost(&item.value));
            size = size.union(self.size_or_unknown(&item.value));
        }
        let values = if items.is_empty() { Range::ZERO } else { size };
        self.note(expr, None, Some(Entries { is_list: true, keys: Range::ONE, values }));
        cost
    }

    fn map(&mut self, expr: &Expr, entries: &'e [ast::Entry]) -> Range {
        let (mut cost, mut keys, mut values) = (Range::exactly(CREATE_MAP), Range::NONE, Range::NONE);
        for entry in entries {
            cost = cost.add(self.cost(&entry.key)).add(self.cost(&entry.value));
            keys = keys.union(self.size_or_unknown(&entry.key));
            values = values.union(self.size_or_unknown(&entry.value));
        }
        if entries.is_empty() {
            (keys, values) = (Range::ZERO, Range::ZERO);
        }
        self.note(expr, None, Some(Entries { is_list: false, keys, values }));
        cost
    }

    fn push(&mut self, name: &Name, place: Place, size: Option<Range>, entries: Option<Entries>) {
        self.locals.push(Local { name: name.clone(), place, size, entries });
    }

    /// A variable for the value of an expression.
    fn push_value(&mut self, name: &Name, init: &Expr) {
        let (place, size, entries) = (self.place(init), self.size(init), self.entries(init));
        self.push(name, place, size, entries);
    }

    fn binding(&mut self, expr: &Expr, fold: &'e Fold) -> Range {
        let cost = self.cost(&fold.range).add(self.cost(&fold.init));
        self.push_value(&fold.accumulator, &fold.init);
        let cost = cost.add(self.cost(&fold.result));
        let (size, entries) = (self.size(&fold.result), self.entries(&fold.result));
        self.locals.pop();
        self.note(expr, size, entries);
        cost
    }

    fn fold(&mut self, expr: &Expr, fold: &'e Fold) -> Range {
        let mut cost = self.cost(&fold.range).add(self.cost(&fold.init));
        self.push_value(&fold.accumulator, &fold.init);
        let outside = self.locals.len();
        let entries = self.entries(&fold.range);
        let is_list = match entries {
            Some(entries) => entries.is_list,
            None => matches!(self.checked.type_of(&fold.range), Type::List(_)),
        };
        let (keys, values) = (entries.map(|entries| entries.keys), entries.map(|entries| entries.values));
        let value_step = if is_list { Step::Items } else { Step::Values };
        let key_step = if is_list { Step::Indexes } else { Step::Keys };
        match &fold.second {
            Some(second) => {
                self.push(&fold.variable, self.child(&fold.range, key_step), keys, None);
                self.push(second, self.child(&fold.range, value_step), values, None);
            }
            None if is_list => self.push(&fold.variable, self.child(&fold.range, Step::Items), values, None),
            None => self.push(&fold.variable, self.child(&fold.range, Step::Keys), keys, None),
        }
        let each = self.cost(&fold.condition).add(self.cost(&fold.step));
        self.locals.truncate(outside);
        cost = cost.add(self.cost(&fold.result));
        self.locals.truncate(outside - 1);
        let count = self.size_or_unknown(&fold.range);
        match &fold.init.kind {
            Kind::Literal(_) => {
                let size = self.size(&fold.init);
                self.note(expr, size, None);
            }
            Kind::List(_) | Kind::Map(_) => {
                let entries = self.entries(&fold.step);
                self.note(expr, Some(count), entries);
            }
            _ => {}
        }
        cost.add(count.multiply(each))
    }
}

fn literal_size(expr: &Expr) -> Option<Range> {
    let size = match &expr.kind {
        Kind::Literal(value @ (Value::String(_) | Value::Bytes(_))) => value.size(),
        Kind::Literal(_) => 1,
        Kind::List(items) => items.len() as u64,
        Kind::Map(entries) => entries.len() as u64,
        _ => return None,
    };
    Some(Range::exactly(size))
}

/// Whether all values of the type are of one size.
fn is_scalar(of: &Type) -> bool {
    match of {
        Type::Bool | Type::Double | Type::Duration | Type::Int | Type::Timestamp | Type::Uint => true,
        other => other.as_optional().is_some_and(is_scalar),
    }
}
