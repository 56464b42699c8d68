//! Whether one type may stand for another, and what that says of the type variables in them.

use std::collections::HashMap;

use super::{Param, Type};

/// The types that type variables stand for.
#[derive(Default)]
pub(crate) struct Unifier {
    bindings: HashMap<Param, Type>,
    /// What to put back if an attempt fails.
    trail: Vec<(Param, Option<Type>)>,
    fresh: u32,
}

impl Unifier {
    pub(crate) fn fresh(&mut self) -> Type {
        self.fresh += 1;
        Type::Param(Param::Numbered(self.fresh - 1))
    }

    /// Whether each type is assignable to its counterpart; what is learned on the way is kept only if so.
    pub(crate) fn assignable_all(&mut self, one: &[Type], two: &[Type]) -> bool {
        self.trail.clear();
        let assignable = self.all(one, two);
        if !assignable {
            while let Some((param, old)) = self.trail.pop() {
                match old {
                    Some(old) => self.bindings.insert(param, old),
                    None => self.bindings.remove(&param),
                };
            }
        }
        assignable
    }

    pub(crate) fn assignable(&mut self, one: &Type, two: &Type) -> bool {
        self.assignable_all(std::slice::from_ref(one), std::slice::from_ref(two))
    }

    /// The type with its variables replaced by what they stand for.
    pub(crate) fn substitute(&self, of: &Type, free: Free) -> Type {
        match of {
            Type::Param(param) => match (self.bindings.get(param), free) {
                (Some(bound), _) => self.substitute(bound, free),
                (None, Free::Dyn) => Type::Dyn,
                (None, Free::Kept) => of.clone(),
            },
            other if other.params().is_empty() => other.clone(),
            other => other.rebuilt(other.params().iter().map(|param| self.substitute(param, free)).collect()),
        }
    }

    fn bind(&mut self, param: Param, to: Type) {
        let old = self.bindings.insert(param, to);
        self.trail.push((param, old));
    }

    fn all(&mut self, one: &[Type], two: &[Type]) -> bool {
        one.len() == two.len() && one.iter().zip(two).all(|(one, two)| self.one(one, two))
    }

    fn one(&mut self, one: &Type, two: &Type) -> bool {
        if let Type::Param(param) = two {
            match self.stands_for(one, *param) {
                Standing::Valid => return true,
                Standing::Conflict => return false,
                Standing::Circular => {}
            }
        }
        if let Type::Param(param) = one {
            return matches!(self.stands_for(two, *param), Standing::Valid);
        }
        if one.is_dyn_or_error() || two.is_dyn_or_error() {
            return true;
        }
        match (one, two) {
            (Type::Null, other) | (other, Type::Null) => matches!(
                other,
                Type::Null | Type::Opaque(..) | Type::Object(_) | Type::Duration | Type::Timestamp
            ),
            (Type::Type(_), Type::Type(_)) => true,
            _ => one.is_same_kind(two) && self.all(one.params(), two.params()),
        }
    }

    /// Whether the variable may stand for the type, which is then noted.
    fn stands_for(&mut self, of: &Type, param: Param) -> Standing {
        if *of == Type::Param(param) {
            return Standing::Valid;
        }
        let Some(bound) = self.bindings.get(&param).cloned() else {
            if !self.is_free_of(param, of) {
                return Standing::Circular;
            }
            self.bind(param, of.clone());
            return Standing::Valid;
        };
        if *of == bound {
            return Standing::Valid;
        }
        if !self.one(of, &bound) {
            return Standing::Conflict;
        }
        let general = most_general(of, &bound).clone();
        if self.is_free_of(param, &general) {
            self.bind(param, general);
        }
        Standing::Valid
    }

    /// Whether the variable occurs nowhere in the type.
    fn is_free_of(&self, param: Param, within: &Type) -> bool {
        match within {
            Type::Param(other) if *other == param => false,
            Type::Param(other) => self.bindings.get(other).is_none_or(|bound| self.is_free_of(param, bound)),
            other => other.params().iter().all(|inner| self.is_free_of(param, inner)),
        }
    }
}

/// What becomes of type variables that stand for nothing.
#[derive(Clone, Copy)]
pub(crate) enum Free {
    Kept,
    Dyn,
}

enum Standing {
    Valid,
    /// It stands for something else already.
    Conflict,
    /// It occurs in the type itself.
    Circular,
}

/// The more general of two types that are assignable to one another.
pub(crate) fn most_general<'t>(one: &'t Type, two: &'t Type) -> &'t Type {
    if is_as_general(one, two) { one } else { two }
}

fn is_as_general(one: &Type, two: &Type) -> bool {
    match (one, two) {
        (Type::Dyn | Type::Param(_), _) => true,
        (_, Type::Dyn | Type::Param(_)) => false,
        (Type::Type(_), Type::Type(_)) => true,
        _ => {
            one.is_same_kind(two)
                && one.params().len() == two.params().len()
                && one.params().iter().zip(two.params()).all(|(one, two)| is_as_general(one, two))
        }
    }
}
