//! Objects that expressions make.

use super::{Checker, Reference};
use crate::ast::{Expr, Field, Name};
use crate::types::Type;

impl Checker<'_, '_> {
    pub(super) fn object(&mut self, expr: &Expr, name: &Name, fields: &[Field]) {
        let plain = name.strip_prefix('.').unwrap_or(name);
        let Some(of) = self.declarations.find_struct(plain) else {
            fields.iter().for_each(|field| self.expr(&field.value));
            return match self.declarations.find_type(plain) {
                Some(other) => self.report(expr.at, format!("'{other}' is not a message type")),
                None => self.undeclared(expr.at, name),
            };
        };
        self.set(expr, of);
        self.references.insert(expr.id, Reference::Type(plain.into()));
        for field in fields {
            self.expr(&field.value);
            let expected = self.declarations.find_struct_field(plain, &field.name).unwrap_or_else(|| {
                self.issues.report(Some(field.at), format!("undefined field '{}'", field.name));
                Type::Error
            });
            let found = self.element(&field.value, field.optional);
            if !self.unifier.assignable(&expected, &found) {
                let message = format!(
                    "expected type of field '{}' is '{expected}' but provided type is '{found}'",
                    field.name
                );
                self.report(field.at, message);
            }
        }
    }
}
