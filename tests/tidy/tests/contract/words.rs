//! How types and functions of WIT are written down.

use wit_parser::{Function, Resolve, Type, TypeDefKind, TypeId};

pub(crate) fn signature(resolve: &Resolve, function: &Function) -> String {
    let parameters: Vec<_> = function
        .params
        .iter()
        .map(|parameter| format!("{}: {}", parameter.name, text(resolve, &parameter.ty)))
        .collect();
    let result = function.result.as_ref().map(|result| format!(" → {}", text(resolve, result)));
    format!("({}){}", parameters.join(", "), result.unwrap_or_default())
}

pub(crate) fn text(resolve: &Resolve, of: &Type) -> String {
    match of {
        Type::Id(id) => named(resolve, *id),
        Type::ErrorContext => "error-context".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Char => "char".to_owned(),
        Type::String => "string".to_owned(),
        Type::F32 => "f32".to_owned(),
        Type::F64 => "f64".to_owned(),
        Type::S8 | Type::S16 | Type::S32 | Type::S64 | Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
            format!("{of:?}").to_lowercase()
        }
    }
}

fn named(resolve: &Resolve, id: TypeId) -> String {
    let definition = &resolve.types[id];
    match &definition.name {
        Some(name) => format!("`{name}`"),
        None => anonymous(resolve, &definition.kind),
    }
}

pub(crate) fn anonymous(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let optional = |of: &Option<Type>| of.as_ref().map_or("_".to_owned(), |of| text(resolve, of));
    match kind {
        TypeDefKind::List(of) => format!("list of {}", text(resolve, of)),
        TypeDefKind::Option(of) => format!("{} or none", text(resolve, of)),
        TypeDefKind::Result(of) => {
            format!("{}, or {}", optional(&of.ok).replace('_', "nothing"), optional(&of.err))
        }
        TypeDefKind::Tuple(of) => {
            let parts: Vec<_> = of.types.iter().map(|of| text(resolve, of)).collect();
            format!("({})", parts.join(", "))
        }
        other => other.as_str().to_owned(),
    }
}
