//! What calls cost at least and at most, and how large their results are.

use super::super::range::Range;
use super::super::{CHECK, CREATE_LIST, REGEX, TRAVERSAL, call::selector};
use super::places::{Place, Step};
use super::{Entries, Estimator, Operand, is_scalar};
use crate::ast::{self, Expr, Kind, operator};
use crate::functions::Overload;
use crate::types::Type;
use crate::value::Value;

/// The longest regular expression of a named format.
const FORMAT_REGEX: f64 = 128.0;

/// The longest name of a format.
const FORMAT_NAME: u64 = 64;

/// The longest text of a number, a boolean or a time.
const SCALAR_TEXT: u64 = 64;

/// The cost of a call beside that of its arguments, and the size of its result where that is known.
struct Estimate {
    cost: Range,
    size: Option<Range>,
}

impl Estimate {
    const fn of(cost: Range) -> Option<Self> {
        Some(Self { cost, size: None })
    }

    const fn sized(cost: Range, size: Range) -> Option<Self> {
        Some(Self { cost, size: Some(size) })
    }
}

/// A call with its operands.
struct Operands<'e> {
    function: &'e str,
    target: Option<Operand<'e>>,
    args: Vec<Operand<'e>>,
    costs: Vec<Range>,
}

impl Operands<'_> {
    fn arg(&self, index: usize) -> Range {
        self.args.get(index).map_or(Range::UNKNOWN, Operand::size)
    }

    fn target(&self) -> Range {
        self.target.as_ref().map_or(Range::UNKNOWN, Operand::size)
    }
}

impl<'e> Estimator<'e> {
    pub(super) fn call(&mut self, expr: &'e Expr, call: &'e ast::Call) -> Range {
        if let Some([arg]) = expr.as_call("dyn") {
            let cost = Range::ONE.add(self.cost(arg));
            let (size, entries) = (self.size(arg), self.entries(arg));
            self.note(expr, size, entries);
            return cost;
        }
        let mut costs = Vec::with_capacity(call.args.len());
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            costs.push(self.cost(arg));
            args.push(self.operand(arg));
        }
        let Some(chosen) = self.checked.call(expr) else { return Range::ZERO };
        let overloads: &'e [&'static Overload] = &chosen.overloads;
        let (mut sum, mut target) = (Range::ZERO, None);
        if let Some(of) = call.target.as_deref().filter(|_| !chosen.is_qualified) {
            sum = self.cost(of);
            target = Some(self.operand(of));
        }
        let function = overloads.first().map_or(&*call.function, |overload| overload.function);
        let operands = Operands { function, target, args, costs };
        if function == operator::OPTIONAL_SELECT {
            // Its only overload has no rule of its own.
            let cost = operands.costs.iter().fold(Range::ONE, |sum, cost| sum.add(*cost));
            let size = self.size(expr);
            self.note(expr, size, None);
            return sum.add(cost);
        }
        let (mut cost, mut size) = (Range::NONE, None);
        for overload in overloads {
            let estimate = self.overload(expr, overload, &operands);
            cost = cost.union(estimate.cost);
            size = match (size, estimate.size) {
                (Some(one), Some(two)) => Some(Range::union(one, two)),
                (one, two) => one.or(two),
            };
            if let (operator::INDEX, [of, _]) = (function, call.args.as_slice())
                && let Some(step) = match overload.params.first() {
                    Some(Type::List(_)) => Some(Step::Items),
                    Some(Type::Map(_)) => Some(Step::Values),
                    _ => None,
                }
            {
                size = self.entries(of).map(|entries| entries.values);
                let place = self.child(of, step);
                self.places.insert(expr.id, place);
            }
            if size.is_none() {
                size = self.size(expr);
            }
        }
        self.note(expr, size, None);
        sum.add(cost)
    }

    fn overload(&mut self, expr: &Expr, overload: &Overload, operands: &Operands<'e>) -> Estimate {
        let args = operands.costs.iter().fold(Range::ZERO, |sum, cost| sum.add(*cost));
        let extension = extension(overload, operands);
        if let Some(estimate) = extension.or_else(|| self.kubernetes(overload, operands)) {
            return Estimate { cost: estimate.cost.add(args), size: estimate.size };
        }
        match (operands.function, operands.costs.as_slice()) {
            (operator::AND | operator::OR, [one, two]) => {
                Estimate { cost: Range { min: one.min, max: one.add(*two).max }, size: None }
            }
            (operator::CONDITIONAL, [condition, yes, no]) => {
                let size = operands.arg(1).union(operands.arg(2));
                let entries = |index: usize| operands.args.get(index).and_then(|arg| self.entries(arg.expr));
                let entries = entries(1).zip(entries(2)).map(united);
                self.note(expr, None, entries);
                Estimate { cost: condition.add(yes.union(*no)), size: Some(size) }
            }
            _ => {
                let estimate = self.standard(expr, overload, operands);
                Estimate { cost: estimate.cost.add(args), size: estimate.size }
            }
        }
    }

    /// CEL's own functions.
    fn standard(&mut self, expr: &Expr, overload: &Overload, operands: &Operands<'e>) -> Estimate {
        let (first, second) = (operands.arg(0), operands.arg(1));
        let param = |index: usize| overload.params.get(index);
        let is_text = matches!(param(0), Some(Type::String | Type::Bytes));
        let estimate = match operands.function {
            "format" => Estimate::of(operands.target().scale(TRAVERSAL)),
            "bytes" if matches!(param(0), Some(Type::String)) => {
                let size = Range { min: first.min, max: first.max.saturating_mul(4) };
                Estimate::sized(first.scale(TRAVERSAL), size)
            }
            "string" if matches!(param(0), Some(Type::Bytes)) => {
                Estimate::sized(first.scale(TRAVERSAL), Range { min: first.min / 4, max: first.max })
            }
            // Upstream does not know how long these are; Kubernetes' documentation puts them together with texts.
            "string" if param(0).is_some_and(is_scalar) => {
                Estimate::sized(Range::ONE, Range { min: 1, max: SCALAR_TEXT })
            }
            "strings.quote" => {
                let size = first.multiply(Range { min: 1, max: 2 }).add(Range::exactly(2));
                Estimate::sized(first.scale(TRAVERSAL), size)
            }
            "startsWith" | "endsWith" => Estimate::of(first.scale(TRAVERSAL)),
            operator::IN if matches!(param(1), Some(Type::List(_))) => Estimate::of(second.scale(1.0)),
            "matches" if operands.target.is_some() => {
                let text = operands.target().add(Range::ONE).scale(TRAVERSAL);
                Estimate::of(text.multiply(first.scale(REGEX)))
            }
            "contains" => Estimate::of(operands.target().scale(TRAVERSAL).multiply(first.scale(TRAVERSAL))),
            operator::ADD if is_text || matches!(param(0), Some(Type::List(_))) => {
                let size = first.add(second);
                let entries = |index: usize| operands.args.get(index).and_then(|arg| self.entries(arg.expr));
                let entries = entries(0).zip(entries(1)).map(united);
                self.note(expr, None, entries);
                Estimate::sized(if is_text { size.scale(TRAVERSAL) } else { Range::ONE }, size)
            }
            "_<_" | "_<=_" | "_>_" | "_>=_" if is_text => Estimate::of(compared(first, second)),
            operator::EQUALS | operator::NOT_EQUALS => Estimate::of(compared(first, second)),
            _ => None,
        };
        estimate.unwrap_or(Estimate { cost: Range::ONE, size: None })
    }

    /// The functions of Kubernetes' libraries.
    fn kubernetes(&self, overload: &Overload, operands: &Operands<'e>) -> Option<Estimate> {
        let (target, first, second) = (operands.target(), operands.arg(0), operands.arg(1));
        let parsed = match overload.params.get(1) {
            Some(Type::String) => first.scale(TRAVERSAL),
            _ => Range::ZERO,
        };
        let address = Range { min: 4, max: 16 };
        match operands.function {
            "check" => Estimate::of(Range::exactly(CHECK)),
            "fieldSelector" | "labelSelector" => {
                Estimate::of(Range { min: selector(first.min), max: selector(first.max) })
            }
            "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => {
                let of = operands.target.as_ref()?;
                Estimate::of(match self.element(of) {
                    Some((element, size)) => {
                        let text = match element {
                            Type::String | Type::Bytes => size.scale(TRAVERSAL),
                            _ => Range::ZERO,
                        };
                        target.multiply(Range::ONE.add(text))
                    }
                    None => target.scale(TRAVERSAL),
                })
            }
            "url" | "jsonpatch.escapeKey" => Estimate::sized(first.scale(TRAVERSAL), first),
            "lowerAscii" | "upperAscii" | "substring" | "trim" => {
                Estimate::sized(target.scale(TRAVERSAL), target)
            }
            "replace" => Estimate::sized(target.scale(2.0 * TRAVERSAL), replaced(target, first, second)),
            "split" => {
                let limit = operands.args.get(1).and_then(|arg| match arg.expr.kind {
                    Kind::Literal(Value::Int(limit)) => Some(limit as u64),
                    _ => None,
                });
                let size = Range { min: 0, max: limit.unwrap_or(target.max) };
                Estimate::sized(target.scale(2.0 * TRAVERSAL), size)
            }
            "join" => {
                let of = operands.target.as_ref()?;
                let mut size = self.element(of).map_or(Range::ZERO, |(_, size)| target.multiply(size));
                if !operands.args.is_empty() {
                    let separators =
                        Range { min: target.min.saturating_sub(1), max: target.max.saturating_sub(1) };
                    size = size.add(first.multiply(separators));
                }
                Estimate::sized(size.scale(TRAVERSAL), size)
            }
            "find" | "findAll" => {
                let cost = target.add(Range::ONE).scale(TRAVERSAL).multiply(first.scale(REGEX));
                Estimate::sized(cost, Range { min: 0, max: target.max })
            }
            "ip" if overload.on_target => Estimate::of(Range::ONE),
            "cidr" | "isIP" | "isCIDR" | "ip" | "quantity" | "isQuantity" | "semver" | "isSemver" => {
                Estimate::of(first.scale(TRAVERSAL))
            }
            "ip.isCanonical" => Estimate::of(first.scale(2.0 * TRAVERSAL)),
            "containsIP" => Estimate::of(address.add(address).scale(TRAVERSAL).add(parsed)),
            "containsCIDR" => {
                let compared = address.add(address).scale(TRAVERSAL).add(address.scale(TRAVERSAL));
                Estimate::of(compared.add(Range::ONE).add(parsed))
            }
            "validate" => Estimate::of(first.scale(TRAVERSAL).scale(FORMAT_REGEX * REGEX)),
            operator::EQUALS => library_equality(operands),
            _ => None,
        }
    }

    /// The type and the size of the elements of a list.
    fn element(&self, list: &Operand<'e>) -> Option<(&'e Type, Range)> {
        let of = list.of.params().first()?;
        let place = match &list.place {
            Place::None => Place::None,
            place => place.child(Step::Items, None),
        };
        Some((of, (self.sizes)(&place, of).unwrap_or(Range::UNKNOWN)))
    }
}

fn united((one, two): (Entries, Entries)) -> Entries {
    Entries { is_list: one.is_list, keys: one.keys.union(two.keys), values: one.values.union(two.values) }
}

/// Comparing texts: at most the shorter of them is looked at.
fn compared(one: Range, two: Range) -> Range {
    let max = one.max.min(two.max);
    Range { min: u64::from(max > 0), max }.scale(TRAVERSAL)
}

/// Values of the libraries are compared at a fixed cost.
fn library_equality(operands: &Operands<'_>) -> Option<Estimate> {
    let [one, two] = operands.args.as_slice() else { return None };
    if one.of != two.of {
        return None;
    }
    match one.of.name() {
        "net.IP"
        | "net.CIDR"
        | "kubernetes.Quantity"
        | "kubernetes.Semver"
        | "kubernetes.authorization.Authorizer"
        | "kubernetes.authorization.PathCheck"
        | "kubernetes.authorization.GroupCheck"
        | "kubernetes.authorization.ResourceCheck"
        | "kubernetes.authorization.Decision" => Estimate::of(Range::ONE),
        "kubernetes.NamedFormat" => Estimate::of(Range { min: 1, max: FORMAT_NAME }.scale(TRAVERSAL)),
        "kubernetes.URL" => {
            let max = two.size.map_or(1, |size| size.max);
            Estimate::of(Range { min: 1, max }.scale(TRAVERSAL))
        }
        _ => None,
    }
}

/// How long a text is after what is in it was replaced.
fn replaced(text: Range, old: Range, new: Range) -> Range {
    let times = |of: u64, by: u64| (of as f64 / by as f64).ceil() as u64;
    // The longest: what is empty is found around every character, and what is short is found often.
    let max = if old.min == 0 {
        text.max.saturating_add(1).saturating_mul(new.max).saturating_add(text.max)
    } else if new.max <= old.min {
        text.max
    } else {
        times(text.max, old.min).saturating_mul(new.max)
    };
    let min = if old.max == 0 {
        text.min.saturating_add(1).saturating_mul(new.min).saturating_add(text.min)
    } else if old.max <= new.min {
        text.min
    } else {
        times(text.min, old.max).saturating_mul(new.min)
    };
    Range { min, max }
}

/// The functions of CEL's extensions for sets and lists.
fn extension(overload: &Overload, operands: &Operands<'_>) -> Option<Estimate> {
    let (target, first, second) = (operands.target(), operands.arg(0), operands.arg(1));
    let literal = |index: usize, otherwise: u64| match operands.args.get(index).map(|arg| &arg.expr.kind) {
        Some(Kind::Literal(Value::Int(value))) => u64::try_from(*value).unwrap_or(0),
        _ => otherwise,
    };
    match operands.function {
        "sets.contains" | "sets.intersects" => {
            Estimate::of(first.multiply(second).scale(1.0).add(Range::ONE))
        }
        "sets.equivalent" => Estimate::of(first.multiply(second).scale(2.0).add(Range::ONE)),
        "slice" => allocated(1.0, Range::exactly(literal(1, target.max).wrapping_sub(literal(0, 0)))),
        "lists.range" => allocated(1.0, Range::exactly(literal(0, u64::MAX))),
        "reverse" => allocated(1.0, target),
        "flatten" if operands.args.is_empty() => allocated(1.0, target),
        "flatten" => allocated(literal(0, u64::MAX) as f64, target),
        "distinct" => allocated(2.0, target.multiply(target)),
        "sort" => sorted(overload.params.first(), target),
        operator::SORT_BY_KEYS => sorted(overload.params.get(1), first),
        _ => None,
    }
}

fn allocated(factor: f64, size: Range) -> Option<Estimate> {
    Estimate::sized(size.scale(factor).add(Range::ONE).add(Range::exactly(CREATE_LIST)), size)
}

fn sorted(of: Option<&Type>, size: Range) -> Option<Estimate> {
    let is_text = matches!(of.map(Type::params), Some([Type::String | Type::Bytes]));
    allocated(if is_text { 2.0 + TRAVERSAL } else { 2.0 }, size.multiply(size))
}
