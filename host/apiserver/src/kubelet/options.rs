//! What the API's query says, in the words of the kubelet's.

use form_urlencoded::Serializer;
use objects::resource::GroupKind;
use objects::status::Status;
use objects::validate::{FieldError, Path, to_status};

use crate::call::Call;

/// A query for the kubelet.
pub(super) struct Query(Vec<(&'static str, String)>);

impl Query {
    pub(super) fn encoded(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

const LOG_FLAGS: &[&str] = &["follow", "previous", "timestamps"];
/// Each with the least that it may be.
const LOG_NUMBERS: &[(&str, i64)] = &[("sinceSeconds", 1), ("tailLines", 0), ("limitBytes", 1)];
const SINCE_TIME: &str = "sinceTime";
/// The API's word and the kubelet's.
const STREAMS: &[(&str, &str)] =
    &[("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")];

pub(super) fn log(call: &Call) -> Result<Query, Status> {
    let mut query = flags(call, LOG_FLAGS);
    let mut errors = Vec::new();
    for (name, least) in LOG_NUMBERS {
        let Some(number) = call.number(name)? else { continue };
        if number < *least {
            let detail =
                if *least == 0 { "must be greater than or equal to 0" } else { "must be greater than 0" };
            errors.push(FieldError::invalid(&Path::new(name), number, detail));
        }
        query.push((*name, number.to_string()));
    }
    if let Some(time) = call.query(SINCE_TIME) {
        if call.query("sinceSeconds").is_some() {
            let why = "at most one of `sinceTime` or `sinceSeconds` may be specified";
            errors.push(FieldError::forbidden(&Path::none(), why));
        }
        query.push((SINCE_TIME, time.to_owned()));
    }
    match to_status(&GroupKind::new("", "PodLogOptions"), &call.name, &errors) {
        Some(status) => Err(status),
        None => Ok(Query(query)),
    }
}

pub(super) fn exec(call: &Call) -> Result<Query, Status> {
    let mut query = commands(call);
    query.extend(streams(call));
    Ok(Query(query))
}

pub(super) fn attach(call: &Call) -> Result<Query, Status> {
    Ok(Query(streams(call).collect()))
}

pub(super) fn port_forward(call: &Call) -> Result<Query, Status> {
    let ports = call.query.iter().filter(|(name, _)| name == "ports");
    Ok(Query(ports.map(|(_, port)| ("port", port.clone())).collect()))
}

fn commands(call: &Call) -> Vec<(&'static str, String)> {
    let words = call.query.iter().filter(|(name, _)| name == "command");
    words.map(|(_, word)| ("command", word.clone())).collect()
}

fn streams(call: &Call) -> impl Iterator<Item = (&'static str, String)> {
    let wanted = STREAMS.iter().filter(|(api, _)| call.flag(api) == Some(true));
    wanted.map(|(_, kubelet)| (*kubelet, "1".to_owned()))
}

fn flags(call: &Call, names: &[&'static str]) -> Vec<(&'static str, String)> {
    let set = names.iter().filter(|name| call.flag(name) == Some(true));
    set.map(|name| (*name, "true".to_owned())).collect()
}
