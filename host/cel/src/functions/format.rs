//! Named formats: what they accept, and why not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::validate::{NameRule, label_key, label_value};

use super::url::Url;
use super::{Row, row};
use crate::error::EvalError;
use crate::value::{Evaluated, Moment, Value};

/// A format by its name.
#[derive(Debug)]
pub struct Format {
    pub(crate) name: &'static str,
    /// The length of the regular expression that upstream is taken to use, by which costs are counted.
    pub(crate) regex_size: u64,
    check: fn(&str) -> Vec<String>,
}

const fn format(name: &'static str, regex_size: u64, check: fn(&str) -> Vec<String>) -> Format {
    Format { name, regex_size, check }
}

static FORMATS: &[Format] = &[
    format("dns1123Label", 30, |text| NameRule::Label.check(text)),
    format("dns1123Subdomain", 60, |text| NameRule::Subdomain.check(text)),
    format("dns1035Label", 30, |text| NameRule::Dns1035Label.check(text)),
    format("qualifiedName", 60, label_key),
    format("dns1123LabelPrefix", 30, |text| NameRule::Label.check_prefix(text)),
    format("dns1123SubdomainPrefix", 60, |text| NameRule::Subdomain.check_prefix(text)),
    format("dns1035LabelPrefix", 30, |text| NameRule::Dns1035Label.check_prefix(text)),
    format("labelValue", 40, label_value),
    format("uri", 1103, |text| match Url::parse(text) {
        Ok(_) => Vec::new(),
        Err(why) => vec![format!("parse {text:?}: {why}")],
    }),
    format("uuid", 75, |text| refused(is_uuid(text), "does not match the UUID format")),
    format("byte", 84, |text| refused(STANDARD.decode(text).is_ok(), "invalid base64")),
    format("date", 104, |text| {
        refused(Moment::parse(&format!("{text}T00:00:00Z")).is_some(), "invalid date")
    }),
    format("datetime", 104, |text| refused(Moment::parse(text).is_some(), "invalid datetime")),
];

macro_rules! constants {
    ($($name:literal $index:literal),* $(,)?) => {
        pub(super) const ROWS: &[Row] = &[
            row("format.named", "(string) -> optional(format)", named),
            row("validate", "format.(string) -> optional(list(string))", validate),
            $(row(concat!("format.", $name), "() -> format", |_, _| Ok(Value::Format(&FORMATS[$index]))),)*
        ];
    };
}

constants! {
    "dns1123Label" 0,
    "dns1123Subdomain" 1,
    "dns1035Label" 2,
    "qualifiedName" 3,
    "dns1123LabelPrefix" 4,
    "dns1123SubdomainPrefix" 5,
    "dns1035LabelPrefix" 6,
    "labelValue" 7,
    "uri" 8,
    "uuid" 9,
    "byte" 10,
    "date" 11,
    "datetime" 12,
}

fn refused(accepted: bool, message: &str) -> Vec<String> {
    if accepted { Vec::new() } else { vec![message.to_owned()] }
}

fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b'-');
    let groups = text.split('-').map(str::len).collect::<Vec<_>>();
    let is_grouped = matches!(groups.as_slice(), [8, 4, 4, 4, 12] | [32]);
    is_grouped && digits.clone().all(|byte| byte.is_ascii_hexdigit())
}

fn named<'a>(args: &[Value<'a>], _: &mut crate::cost::Meter) -> Evaluated<'a> {
    let [Value::String(name)] = args else { return Err(EvalError::no_such_overload()) };
    let format = FORMATS.iter().find(|format| format.name == &**name);
    Ok(Value::optional(format.map(Value::Format)))
}

fn validate<'a>(args: &[Value<'a>], _: &mut crate::cost::Meter) -> Evaluated<'a> {
    let [Value::Format(format), Value::String(text)] = args else {
        return Err(EvalError::no_such_overload());
    };
    let messages = (format.check)(text);
    let list = (!messages.is_empty()).then(|| Value::list(messages.into_iter().map(Value::from).collect()));
    Ok(Value::optional(list))
}

#[cfg(test)]
mod tests {
    use super::{FORMATS, ROWS};

    #[test]
    fn each_format_has_a_function_of_its_name() {
        let names: Vec<_> = ROWS[2..].iter().map(|row| row.name.trim_start_matches("format.")).collect();
        let formats: Vec<_> = FORMATS.iter().map(|format| format.name).collect();
        assert_eq!(names, formats);
    }
}
