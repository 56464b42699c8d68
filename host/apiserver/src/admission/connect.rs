//! CONNECT: webhooks and policies are asked before a client is connected with a pod, a node or a service, and what they
//! make of the options is what is asked for.

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
    /// Refuses a connection that webhooks or policies refuse. The options in the query are theirs afterwards.
    pub(crate) async fn may_connect(&self, call: &mut Call) -> Result<(), Status> {
        let options = WriteOptions { execution: Execution::Real, validation: FieldValidation::Ignore };
        let asked = options_of(call);
        let write = Write::new(self, call, asked.clone(), None, options);
        let mut write = Write { operation: Operation::Connect, options: Tree::Null, ..write };
        self.admission().mutate(&mut write).await?;
        self.admission().validate(&mut write).await?;
        let made = write.object;
        if made != asked {
            ask_for(call, &made);
        }
        Ok(())
    }
}

fn fields_of(call: &Call) -> Options {
    let kind = call.resource.subresource(&call.subresource).map(|row| &*row.kind);
    KINDS.iter().find(|(each, _)| Some(*each) == kind).map_or(&[], |(_, fields)| fields)
}

/// Puts options in a query in place of those that it has.
fn ask_for(call: &mut Call, options: &Tree) {
    let fields = fields_of(call);
    call.query.retain(|(key, _)| fields.iter().all(|(name, _)| key != name));
    for (name, _) in fields {
        let values = match options.get(name) {
            Some(Tree::Array(values)) => values.as_slice(),
            Some(value) => std::slice::from_ref(value),
            None => &[],
        };
        let texts = values.iter().filter(|value| !value.is_null());
        let texts = texts.map(|value| value.as_str().map_or_else(|| value.to_json_string(), str::to_owned));
        call.query.extend(texts.map(|text| ((*name).to_owned(), text)));
    }
}

/// The options in a query, as an object of their kind.
fn options_of(call: &Call) -> Tree {
    let mut tree = Tree::object();
    let Some(row) = call.resource.subresource(&call.subresource) else { return tree };
    let version = GroupVersion::new(row.group.clone(), row.version.clone());
    tree.insert("kind", &*row.kind);
    tree.insert("apiVersion", version.to_string());
    for (name, form) in fields_of(call) {
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

#[cfg(test)]
mod tests {
    use objects::resource::Verb;
    use objects::tree;

    use super::*;
    use crate::rest::tests::fixture::Fixture;

    #[tokio::test]
    async fn options_are_read_from_a_query_and_put_back() {
        let fixture = Fixture::new().await;
        let query = "command=sh&command=-c&stdin=true&tty=false&container=a&pretty=true";
        let mut call = Call {
            subresource: "exec".to_owned(),
            query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            ..fixture.call(Verb::Create, "pods", "web")
        };
        let mut options = options_of(&call);
        let expected = tree!({
            "kind": "PodExecOptions", "apiVersion": "v1", "stdin": true, "container": "a", "command": ["sh", "-c"]
        });
        assert_eq!(options, expected);
        options.insert("command", vec!["ls"]);
        options.insert("tty", true);
        ask_for(&mut call, &options);
        let query: Vec<_> = call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(query, ["pretty=true", "stdin=true", "tty=true", "container=a", "command=ls"]);
    }
}
