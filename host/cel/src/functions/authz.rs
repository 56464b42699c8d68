//! Questions to the authorizer, put together step by step.

use objects::validate::NameRule;

use super::{Row, row};
use crate::authorizer::{Access, Asked, Check, ResourceAccess};
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

pub(super) const ROWS: &[Row] = &[
    row("path", "authorizer.(string) -> pathcheck", |args, _| {
        let (asked, path) = (asked(args)?, text(args, 1)?);
        if path.trim().is_empty() {
            return Err(EvalError::failed("path must not be empty"));
        }
        made(Check::Path(asked.clone(), path.to_owned()))
    }),
    row("group", "authorizer.(string) -> groupcheck", |args, _| {
        made(Check::Group(asked(args)?.clone(), text(args, 1)?.to_owned()))
    }),
    row("serviceAccount", "authorizer.(string, string) -> authorizer", |args, _| {
        let (asked, namespace, name) = (asked(args)?, text(args, 1)?, text(args, 2)?);
        if !NameRule::Subdomain.check(name).is_empty() {
            return Err(EvalError::failed("Invalid service account name"));
        }
        if !NameRule::Label.check(namespace).is_empty() {
            return Err(EvalError::failed("Invalid service account namespace"));
        }
        let service_account = Some((namespace.to_owned(), name.to_owned()));
        made(Check::Authorizer(Asked { authorizer: asked.authorizer, service_account }))
    }),
    row("resource", "groupcheck.(string) -> resourcecheck", |args, _| {
        let resource = text(args, 1)?;
        if resource.trim().is_empty() {
            return Err(EvalError::failed("resource must not be empty"));
        }
        let Check::Group(asked, group) = state(args)? else { return Err(EvalError::no_such_overload()) };
        let (group, resource) = (group.clone(), resource.to_owned());
        made(Check::Resource(asked.clone(), ResourceAccess { group, resource, ..Default::default() }))
    }),
    row("subresource", "resourcecheck.(string) -> resourcecheck", |args, _| {
        refined(args, |access, text| access.subresource = text)
    }),
    row("namespace", "resourcecheck.(string) -> resourcecheck", |args, _| {
        refined(args, |access, text| access.namespace = text)
    }),
    row("name", "resourcecheck.(string) -> resourcecheck", |args, _| {
        refined(args, |access, text| access.name = text)
    }),
    row("fieldSelector", "resourcecheck.(string) -> resourcecheck", |args, _| {
        refined(args, |access, text| access.field_selector = text)
    }),
    row("labelSelector", "resourcecheck.(string) -> resourcecheck", |args, _| {
        refined(args, |access, text| access.label_selector = text)
    }),
    row("check", "pathcheck.(string) -> decision", |args, _| check(args)),
    row("check", "resourcecheck.(string) -> decision", |args, _| check(args)),
    row("errored", "decision.() -> bool", |args, _| {
        decided(args, |decision| Value::Bool(decision.error.is_some()))
    }),
    row("error", "decision.() -> string", |args, _| {
        decided(args, |decision| Value::from(decision.error.as_deref().unwrap_or("")))
    }),
    row("allowed", "decision.() -> bool", |args, _| decided(args, |decision| Value::Bool(decision.allowed))),
    row("reason", "decision.() -> string", |args, _| {
        decided(args, |decision| Value::from(decision.reason.as_str()))
    }),
];

fn made(check: Check<'_>) -> Evaluated<'_> {
    Ok(Value::Authorizer(check.into()))
}

fn text<'v>(args: &'v [Value<'_>], index: usize) -> Result<&'v str, EvalError> {
    args.get(index).and_then(Value::as_str).ok_or_else(EvalError::no_such_overload)
}

fn state<'v, 'a>(args: &'v [Value<'a>]) -> Result<&'v Check<'a>, EvalError> {
    match args.first() {
        Some(Value::Authorizer(check)) => Ok(check),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn asked<'v, 'a>(args: &'v [Value<'a>]) -> Result<&'v Asked<'a>, EvalError> {
    match state(args)? {
        Check::Authorizer(asked) => Ok(asked),
        _ => Err(EvalError::no_such_overload()),
    }
}

fn refined<'a>(args: &[Value<'a>], set: fn(&mut ResourceAccess, String)) -> Evaluated<'a> {
    match state(args)? {
        Check::Resource(asked, access) => {
            let mut access = access.clone();
            set(&mut access, text(args, 1)?.to_owned());
            made(Check::Resource(asked.clone(), access))
        }
        _ => Err(EvalError::no_such_overload()),
    }
}

fn check<'a>(args: &[Value<'a>]) -> Evaluated<'a> {
    let verb = text(args, 1)?;
    let decision = match state(args)? {
        Check::Path(asked, path) => asked.ask(verb, Access::Path(path.clone())),
        Check::Resource(asked, access) => asked.ask(verb, Access::Resource(access.clone())),
        _ => return Err(EvalError::no_such_overload()),
    };
    made(Check::Decision(decision))
}

fn decided<'a>(
    args: &[Value<'a>],
    of: fn(&crate::authorizer::AccessDecision) -> Value<'static>,
) -> Evaluated<'a> {
    match state(args)? {
        Check::Decision(decision) => Ok(of(decision)),
        _ => Err(EvalError::no_such_overload()),
    }
}
