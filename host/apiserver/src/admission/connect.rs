//! CONNECT: webhooks and policies are asked before a client is connected with a pod, a node or a service. What a
//! webhook makes of the options is not used.

use objects::Tree;
use objects::decode::FieldValidation;
use objects::resource::GroupVersion;
use objects::status::Status;

use super::{Operation, Write};
use crate::call::Call;
use crate::rest::{Execution, Rest, WriteOptions};

/// How an option is written in a query.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Flag,
    Texts,
    Numbers,
}

type Options = &'static [(&'static str, Form)];

const PROXY: Options = &[("path", Form::Text)];
const STREAMS: Options = &[
    ("stdin", Form::Flag),
    ("stdout", Form::Flag),
    ("stderr", Form::Flag),
    ("tty", Form::Flag),
    ("container", Form::Text),
    ("command", Form::Texts),
];

/// The options of each kind of connection.
const KINDS: &[(&str, Options)] = &[
    ("NodeProxyOptions", PROXY),
    ("PodAttachOptions", STREAMS.split_at(STREAMS.len() - 1).0),
    ("PodExecOptions", STREAMS),
    ("PodPortForwardOptions", &[("ports", Form::Numbers)]),
    ("PodProxyOptions", PROXY),
    ("ServiceProxyOptions", PROXY),
];

impl Rest {
    /// Refuses a connection that webhooks or policies refuse.
    pub(crate) async fn may_connect(&self, call: &Call) -> Result<(), Status> {
        let options = WriteOptions { execution: Execution::Real, validation: FieldValidation::Ignore };
        let write = Write::new(self, call, options_of(call), None, options);
        let mut write = Write { operation: Operation::Connect, options: Tree::Null, ..write };
        self.admission().mutate(&mut write).await?;
        self.admission().validate(&mut write).await
    }
}

/// The options in a query, as an object of their kind.
fn options_of(call: &Call) -> Tree {
    let mut tree = Tree::object();
    let Some(row) = call.resource.subresource(&call.subresource) else { return tree };
    let version = GroupVersion::new(row.group.clone(), row.version.clone());
    tree.insert("kind", &*row.kind);
    tree.insert("apiVersion", version.to_string());
    let fields = KINDS.iter().find(|(kind, _)| *kind == row.kind).map_or(&[][..], |(_, fields)| fields);
    for (name, form) in fields {
        let all = || call.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        match form {
            Form::Text => {
                if let Some(text) = call.query(name) {
                    tree.insert(*name, text);
                }
            }
            Form::Flag if call.flag(name) == Some(true) => drop(tree.insert(*name, true)),
            Form::Flag => {}
            Form::Texts if call.query(name).is_some() => {
                tree.insert(*name, all().collect::<Vec<_>>());
            }
            Form::Numbers if call.query(name).is_some() => {
                let numbers =
                    all().flat_map(|text| text.split(',')).filter_map(|text| text.parse::<i64>().ok());
                tree.insert(*name, Tree::Array(numbers.map(Tree::Int).collect()));
            }
            Form::Texts | Form::Numbers => {}
        }
    }
    tree
}
