//! The expressions by which requests and classes select devices, and a device as they see it.

use std::collections::HashMap;

use cel::{Activation, Budget, Declarations, EvalError, Fields, Program, Type, Value, compile};
use objects::Tree;

use super::inventory::Offered;

/// Compiled once, however many requests have it.
#[derive(Default)]
pub(super) struct Expressions {
    by_text: HashMap<Box<str>, usize>,
    programs: Vec<Result<Program, String>>,
}

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ExpressionId(usize);

fn declarations() -> Declarations {
    let texts = |values| Type::map(Type::String, Type::map(Type::String, values));
    let fields = [
        ("driver", Type::String),
        ("attributes", texts(Type::Dyn)),
        ("capacity", texts(Type::Dyn)),
        ("allowMultipleAllocations", Type::Bool),
    ];
    Declarations::new().variable("device", Type::record("kubernetes.DRADevice", fields))
}

impl Expressions {
    pub(super) fn add(&mut self, text: &str) -> ExpressionId {
        if let Some(known) = self.by_text.get(text) {
            return ExpressionId(*known);
        }
        let id = self.programs.len();
        self.programs.push(compile(text, &declarations()).map_err(|errors| errors.to_string()));
        self.by_text.insert(text.into(), id);
        ExpressionId(id)
    }

    /// Whether a device is selected.
    ///
    /// # Errors
    /// Why that cannot be told.
    pub(super) fn select(&self, id: ExpressionId, device: &Offered<'_>) -> Result<bool, String> {
        let program = self.programs[id.0].as_ref().map_err(|error| format!("CEL compile error: {error}"))?;
        let view = Device::of(device);
        let activation = Activation::new().with("device", Value::fields(&view));
        let value = program.evaluate(&activation, &mut Budget::default());
        let value = value.map_err(|error| format!("CEL runtime error: {error}"))?;
        value.as_bool().ok_or_else(|| format!("CEL result of type {} is no bool", value.type_name()))
    }
}

/// Named values of a domain.
#[derive(Default)]
struct Domain(HashMap<Box<str>, Value<'static>>);

/// By their names; a domain of which there is nothing is empty.
#[derive(Default)]
struct Domains {
    known: HashMap<Box<str>, Domain>,
    unknown: Domain,
}

struct Device<'a> {
    driver: &'a str,
    attributes: Domains,
    capacity: Domains,
    is_shared: bool,
}

impl Fields for Domain {
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        self.0.get(name).cloned().map(Ok)
    }
}

impl Fields for Domains {
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        Some(Ok(Value::fields(self.known.get(name).unwrap_or(&self.unknown))))
    }
}

impl Fields for Device<'_> {
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        let value = match name {
            "driver" => Value::from(self.driver),
            "attributes" => Value::fields(&self.attributes),
            "capacity" => Value::fields(&self.capacity),
            "allowMultipleAllocations" => Value::Bool(self.is_shared),
            _ => return None,
        };
        Some(Ok(value))
    }
}

impl<'a> Device<'a> {
    fn of(offered: &Offered<'a>) -> Self {
        let driver = &*offered.slice.driver;
        let (device, capacity) = (offered.device, |value: &Tree| quantity(value.str_at(&["value"])?));
        Self {
            driver,
            attributes: Domains::read(&device.attributes, driver, attribute),
            capacity: Domains::read(&device.capacity, driver, capacity),
            is_shared: device.is_shared,
        }
    }
}

impl Domains {
    /// What has no domain is of the driver's own.
    fn read(tree: &Tree, driver: &str, value: impl Fn(&Tree) -> Option<Value<'static>>) -> Self {
        let mut domains = Self::default();
        for (name, entry) in tree.fields() {
            let (domain, name) = name.split_once('/').unwrap_or((driver, name));
            if let Some(value) = value(entry) {
                domains.known.entry(domain.into()).or_default().0.insert(name.into(), value);
            }
        }
        domains
    }
}

fn attribute(entry: &Tree) -> Option<Value<'static>> {
    let (kind, value) = entry.fields().find(|(_, value)| !value.is_null())?;
    match kind {
        "int" => value.as_i64().map(Value::Int),
        "bool" => value.as_bool().map(Value::Bool),
        "version" => Value::semver(value.as_str()?),
        "string" => value.as_str().map(Value::from),
        _ => None,
    }
}

fn quantity(text: &str) -> Option<Value<'static>> {
    text.parse().ok().map(Value::Quantity)
}
