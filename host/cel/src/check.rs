//! The type checker: what each node of an expression is, and what its names and calls refer to.

mod literals;
mod structs;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::ast::{Call, Entry, Expr, Fold, Item, Kind, Name, Select, operator};
use crate::declare::Declarations;
use crate::error::Issues;
use crate::functions::{self, Overload};
use crate::schema;
use crate::types::unify::{Free, Unifier, most_general};
use crate::types::{Known, Param, Type};
use crate::value::Value;

/// An expression with what was learned of it.
pub(crate) struct Checked {
    types: Vec<Type>,
    references: HashMap<u32, Reference>,
}

/// What a name or a call means.
pub(crate) enum Reference {
    /// A declared variable; its name may have dots.
    Variable(Name),
    /// A type as a value.
    Type(Name),
    Call(Chosen),
}

/// The overloads that a call may mean: one, unless types are not known before evaluation.
pub(crate) struct Chosen {
    pub(crate) overloads: Vec<&'static Overload>,
    /// Whether the target is part of the function's name.
    pub(crate) is_qualified: bool,
}

impl Checked {
    pub(crate) fn type_of(&self, expr: &Expr) -> &Type {
        self.types.get(expr.id as usize).unwrap_or(&Type::Dyn)
    }

    pub(crate) fn reference(&self, expr: &Expr) -> Option<&Reference> {
        self.references.get(&expr.id)
    }

    /// The declared variables that the expression speaks of, as often as it does.
    pub(crate) fn variables(&self) -> Box<[Name]> {
        let name = |reference: &Reference| match reference {
            Reference::Variable(name) => Some(name.clone()),
            Reference::Type(_) | Reference::Call(_) => None,
        };
        self.references.values().filter_map(name).collect()
    }

    pub(crate) fn call(&self, expr: &Expr) -> Option<&Chosen> {
        match self.reference(expr) {
            Some(Reference::Call(chosen)) => Some(chosen),
            _ => None,
        }
    }
}

/// Checks an expression of so many nodes; errors are reported, and the result is of use only without any.
pub(crate) fn check(
    expr: &Expr,
    nodes: usize,
    declarations: &Declarations,
    issues: &mut Issues<'_>,
) -> Checked {
    let mut checker = Checker {
        declarations,
        issues,
        unifier: Unifier::default(),
        scopes: Vec::new(),
        types: vec![Type::Error; nodes],
        references: HashMap::new(),
    };
    checker.expr(expr);
    let unifier = &checker.unifier;
    let types = checker.types.iter().map(|of| unifier.substitute(of, Free::Dyn)).collect();
    let checked = Checked { types, references: checker.references };
    if issues.is_empty() {
        literals::check(expr, &checked, issues);
    }
    checked
}

struct Checker<'c, 's> {
    declarations: &'c Declarations,
    issues: &'c mut Issues<'s>,
    unifier: Unifier,
    /// The variables of comprehensions, the innermost last.
    scopes: Vec<(Name, Type)>,
    types: Vec<Type>,
    references: HashMap<u32, Reference>,
}

impl Checker<'_, '_> {
    fn report(&mut self, at: u32, message: impl Into<String>) {
        self.issues.report(Some(at), message);
    }

    fn undeclared(&mut self, at: u32, name: &str) {
        self.report(at, format!("undeclared reference to '{name}' (in container '')"));
    }

    fn mismatch(&mut self, at: u32, expected: &Type, found: &Type) {
        self.report(at, format!("expected type '{expected}' but found '{found}'"));
    }

    fn set(&mut self, expr: &Expr, of: Type) {
        if let Some(slot) = self.types.get_mut(expr.id as usize) {
            *slot = of;
        }
    }

    fn type_of(&self, expr: &Expr) -> Type {
        self.types.get(expr.id as usize).cloned().unwrap_or(Type::Error)
    }

    /// The type as far as it is known by now.
    fn known(&self, expr: &Expr) -> Type {
        self.unifier.substitute(&self.type_of(expr), Free::Kept)
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Literal(value) => self.set(expr, literal_type(value)),
            Kind::Ident(name) => self.ident(expr, name),
            Kind::Select(select) => self.select(expr, select),
            Kind::Call(call) => self.call(expr, call),
            Kind::List(items) => self.list(expr, items),
            Kind::Map(entries) => self.map(expr, entries),
            Kind::Struct { name, fields } => self.object(expr, name, fields),
            Kind::Fold(fold) => self.fold(expr, fold),
        }
    }

    fn list(&mut self, expr: &Expr, items: &[Item]) {
        let mut of = None;
        for item in items {
            self.expr(&item.value);
            let found = self.element(&item.value, item.optional);
            of = Some(self.join(of, found));
        }
        let items = of.unwrap_or_else(|| self.unifier.fresh());
        self.set(expr, Type::list(items));
    }

    fn map(&mut self, expr: &Expr, entries: &[Entry]) {
        let (mut keys, mut values) = (None, None);
        for entry in entries {
            self.expr(&entry.key);
            let found = self.type_of(&entry.key);
            keys = Some(self.join(keys, found));
            self.expr(&entry.value);
            let found = self.element(&entry.value, entry.optional);
            values = Some(self.join(values, found));
        }
        let keys = keys.unwrap_or_else(|| self.unifier.fresh());
        let values = values.unwrap_or_else(|| self.unifier.fresh());
        self.set(expr, Type::map(keys, values));
    }

    /// The type of an element; of an optional one what it holds.
    fn element(&mut self, value: &Expr, is_optional: bool) -> Type {
        let found = self.type_of(value);
        if !is_optional {
            return found;
        }
        match found.as_optional() {
            Some(held) => held.clone(),
            None => {
                if !matches!(found, Type::Dyn) {
                    self.mismatch(value.at, &Type::optional(found.clone()), &found);
                }
                found
            }
        }
    }

    /// The type that all elements so far have; whether they may differ is looked at when all types are known.
    fn join(&mut self, previous: Option<Type>, current: Type) -> Type {
        let Some(previous) = previous else { return current };
        if self.unifier.assignable(&previous, &current) {
            return most_general(&previous, &current).clone();
        }
        Type::Dyn
    }

    /// The innermost variable of a comprehension with this name.
    fn local(&self, name: &str) -> Option<&Type> {
        self.scopes.iter().rev().find(|(local, _)| **local == *name).map(|(_, of)| of)
    }

    /// A declared variable or a type.
    fn global(&self, name: &str) -> Option<(Type, Reference)> {
        let name = name.strip_prefix('.').unwrap_or(name);
        if let Some(of) = self.declarations.find(name) {
            return Some((of.clone(), Reference::Variable(name.into())));
        }
        let of = self.declarations.find_type(name)?;
        Some((Type::type_of(of), Reference::Type(name.into())))
    }

    fn ident(&mut self, expr: &Expr, name: &Name) {
        if let Some(of) = self.local(name).cloned() {
            self.set(expr, of);
            return;
        }
        match self.global(name) {
            Some((of, reference)) => {
                self.set(expr, of);
                self.references.insert(expr.id, reference);
            }
            None => self.undeclared(expr.at, name),
        }
    }

    fn select(&mut self, expr: &Expr, select: &Select) {
        if !select.test
            && let Some(name) = expr.qualified_name()
            && self.local(name.split('.').next().unwrap_or(&name)).is_none()
            && let Some((of, reference)) = self.global(&name)
        {
            self.set(expr, of);
            self.references.insert(expr.id, reference);
            return;
        }
        let of = self.field(expr, &select.operand, &select.field);
        self.set(expr, if select.test { Type::Bool } else { self.unifier.substitute(&of, Free::Kept) });
    }

    /// The type of a field of the operand; an optional operand makes the field optional.
    fn field(&mut self, expr: &Expr, operand: &Expr, field: &str) -> Type {
        self.expr(operand);
        let operand_type = self.known(operand);
        let target = operand_type.as_optional().unwrap_or(&operand_type).clone();
        let of = match &target {
            Type::Map(_) => target.params()[1].clone(),
            Type::Object(object) => {
                let found = match &object.fields {
                    Known::Schema(schema) => schema::field_of(schema, field).map(|field| Type::of(&field)),
                    Known::Types(fields) => fields.get(field).cloned(),
                    Known::Nothing if self.declarations.find_struct(&object.name).is_some() => {
                        self.declarations.find_struct_field(&object.name, field)
                    }
                    Known::Nothing => None,
                };
                found.unwrap_or_else(|| {
                    self.report(expr.at, format!("undefined field '{field}'"));
                    Type::Error
                })
            }
            Type::Param(_) => {
                self.unifier.assignable(&Type::Dyn, &target);
                Type::Dyn
            }
            other => {
                if !other.is_dyn_or_error() {
                    self.report(expr.at, format!("type '{other}' does not support field selection"));
                }
                Type::Dyn
            }
        };
        if operand_type.as_optional().is_some() { Type::optional(of) } else { of }
    }

    fn call(&mut self, expr: &Expr, call: &Call) {
        if let (operator::OPTIONAL_SELECT, [operand, field]) = (&*call.function, call.args.as_slice()) {
            let Some(name) = field.as_string() else {
                self.report(field.at, "unsupported optional field selection: the field is no string");
                return;
            };
            self.set(field, Type::String);
            let of = self.field(expr, operand, name);
            let of = if of.as_optional().is_some() { of } else { Type::optional(of) };
            self.set(expr, self.unifier.substitute(&of, Free::Kept));
            self.references
                .insert(expr.id, Reference::Call(Chosen { overloads: Vec::new(), is_qualified: false }));
            return;
        }
        call.args.iter().for_each(|arg| self.expr(arg));
        let Some(target) = &call.target else {
            return self.overloads(expr, call, functions::find(&call.function), None, false);
        };
        if let Some(prefix) = target.qualified_name()
            && let Some(found) = functions::find(&format!("{prefix}.{}", call.function))
        {
            return self.overloads(expr, call, Some(found), None, true);
        }
        self.expr(target);
        self.overloads(expr, call, functions::find(&call.function), Some(target), false);
    }

    /// Chooses among the overloads of a function.
    fn overloads(
        &mut self,
        expr: &Expr,
        call: &Call,
        found: Option<&'static [Overload]>,
        target: Option<&Expr>,
        is_qualified: bool,
    ) {
        let Some(found) = found else { return self.undeclared(expr.at, &call.function) };
        if matches!(&*call.function, operator::AND | operator::OR) {
            return self.logic(expr, call, found);
        }
        let args: Vec<Type> = target.into_iter().chain(&call.args).map(|arg| self.type_of(arg)).collect();
        let (mut chosen, mut result): (Vec<&'static Overload>, Option<Type>) = (Vec::new(), None);
        for overload in found {
            if overload.on_target != target.is_some() || overload.params.len() != args.len() {
                continue;
            }
            let (params, returned) = self.instantiate(overload);
            if !self.unifier.assignable_all(&args, &params) {
                continue;
            }
            chosen.push(overload);
            let returned = self.unifier.substitute(&returned, Free::Kept);
            result = Some(match result {
                Some(previous) if previous != returned => Type::Dyn,
                _ => returned,
            });
        }
        match result {
            Some(result) => {
                self.set(expr, result);
                self.references.insert(expr.id, Reference::Call(Chosen { overloads: chosen, is_qualified }));
            }
            None => {
                let shown = |of: &Type| self.unifier.substitute(of, Free::Dyn).to_string();
                let (receiver, rest) = match (target, args.split_first()) {
                    (Some(_), Some((receiver, rest))) => (format!("{}.", shown(receiver)), rest),
                    _ => (String::new(), args.as_slice()),
                };
                let rest: Vec<String> = rest.iter().map(shown).collect();
                let function = if is_qualified { found[0].function } else { &*call.function };
                let signature = format!("{receiver}({})", rest.join(", "));
                let message = format!("found no matching overload for '{function}' applied to '{signature}'");
                self.report(expr.at, message);
            }
        }
    }

    /// Logical operators name the operand that is no bool.
    fn logic(&mut self, expr: &Expr, call: &Call, found: &'static [Overload]) {
        let mut is_bool = true;
        for arg in &call.args {
            let of = self.type_of(arg);
            if !self.unifier.assignable(&of, &Type::Bool) {
                self.mismatch(arg.at, &Type::Bool, &of);
                is_bool = false;
            }
        }
        if is_bool {
            self.set(expr, Type::Bool);
            let overloads = found.iter().collect();
            self.references.insert(expr.id, Reference::Call(Chosen { overloads, is_qualified: false }));
        }
    }

    /// The signature with type variables of its own.
    fn instantiate(&mut self, overload: &Overload) -> (Vec<Type>, Type) {
        let mut fresh = HashMap::new();
        let params = overload.params.iter().map(|param| self.renamed(param, &mut fresh)).collect();
        (params, self.renamed(&overload.result, &mut fresh))
    }

    fn renamed(&mut self, of: &Type, fresh: &mut HashMap<char, Type>) -> Type {
        match of {
            Type::Param(Param::Named(name)) => {
                fresh.entry(*name).or_insert_with(|| self.unifier.fresh()).clone()
            }
            other if other.params().is_empty() => other.clone(),
            other => other.rebuilt(other.params().iter().map(|param| self.renamed(param, fresh)).collect()),
        }
    }

    fn fold(&mut self, expr: &Expr, fold: &Fold) {
        self.expr(&fold.range);
        self.expr(&fold.init);
        let range = self.known(&fold.range);
        let accumulator = self.type_of(&fold.init);
        let (first, second) = match &range {
            Type::List(params) => match fold.second {
                Some(_) => (Type::Int, params.as_slice()[0].clone()),
                None => (params.as_slice()[0].clone(), Type::Error),
            },
            Type::Map(params) => (params.as_slice()[0].clone(), params.as_slice()[1].clone()),
            Type::Dyn | Type::Error | Type::Param(_) => {
                self.unifier.assignable(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.report(fold.range.at, message);
                (Type::Error, Type::Error)
            }
        };
        let outside = self.scopes.len();
        self.scopes.push((fold.accumulator.clone(), accumulator.clone()));
        self.scopes.push((fold.variable.clone(), first));
        self.scopes.extend(fold.second.clone().map(|name| (name, second)));
        self.expr(&fold.condition);
        self.assert(&fold.condition, &Type::Bool);
        self.expr(&fold.step);
        self.assert(&fold.step, &accumulator);
        self.scopes.truncate(outside + 1);
        self.expr(&fold.result);
        self.scopes.truncate(outside);
        self.set(expr, self.known(&fold.result));
    }

    fn assert(&mut self, expr: &Expr, expected: &Type) {
        let found = self.type_of(expr);
        if !self.unifier.assignable(expected, &found) {
            self.mismatch(expr.at, expected, &found);
        }
    }
}

fn literal_type(value: &Value<'_>) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Bool,
        Value::Int(_) => Type::Int,
        Value::Uint(_) => Type::Uint,
        Value::Double(_) => Type::Double,
        Value::Bytes(_) => Type::Bytes,
        _ => Type::String,
    }
}
