//! The operations of a group version: what can be asked of each path, in neither version of OpenAPI.

use objects::kind;
use objects::resource::{GroupVersion, Resource, Subresource, Verb, Verbs};
use objects::schema::{self, Type};

use super::model::{Model, Subject};
use super::parameter::{self, Parameter};
use super::root;

/// A path with what its operations have in common.
pub(super) struct Path<'a> {
    pub(super) path: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) operations: Vec<Operation<'a>>,
}

pub(super) struct Operation<'a> {
    /// `get`
    pub(super) method: &'static str,
    pub(super) id: String,
    /// Under which it is filed: `core_v1`.
    pub(super) tag: String,
    /// What it is to the objects of a kind; nothing for discovery.
    pub(super) target: Option<Target>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) takes: Body<'a>,
    /// `None`: a text.
    pub(super) gives: Option<Model<'a>>,
    pub(super) codes: &'static [&'static str],
    /// Whether it can be a watch.
    pub(super) streams: bool,
}

pub(super) struct Target {
    /// `list`, `post`, `connect`
    pub(super) action: &'static str,
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    None,
    Object(Model<'a>),
    /// May be left out.
    Options(Model<'a>),
    /// In one of the patch types of the object, whose row decides of them.
    Patch(Model<'a>, Option<&'static Type>),
}

/// What a verb is as an HTTP request.
struct Action {
    verb: Verb,
    method: &'static str,
    name: &'static str,
    /// How the names of its operations begin.
    word: &'static str,
    place: Place,
    parameters: &'static [&'static [Parameter]],
    takes: Takes,
    gives: Gives,
    codes: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Collection,
    Item,
}

enum Takes {
    Nothing,
    Object,
    Patch,
    DeleteOptions,
}

enum Gives {
    List,
    Object,
    /// What a deletion is answered with.
    Gone,
    Status,
}

const NOTHING: Action = Action {
    verb: Verb::Get,
    method: "get",
    name: "get",
    word: "read",
    place: Place::Item,
    parameters: &[],
    takes: Takes::Nothing,
    gives: Gives::Object,
    codes: &["200"],
};

const ACTIONS: &[Action] = &[
    Action {
        verb: Verb::List,
        name: "list",
        word: "list",
        place: Place::Collection,
        parameters: &[parameter::SELECT, parameter::WATCH],
        gives: Gives::List,
        ..NOTHING
    },
    Action {
        verb: Verb::Create,
        method: "post",
        name: "post",
        word: "create",
        place: Place::Collection,
        parameters: &[parameter::WRITE],
        takes: Takes::Object,
        codes: &["200", "201", "202"],
        ..NOTHING
    },
    Action {
        verb: Verb::DeleteCollection,
        method: "delete",
        name: "deletecollection",
        word: "delete",
        place: Place::Collection,
        parameters: &[parameter::DELETE, parameter::SELECT],
        takes: Takes::DeleteOptions,
        gives: Gives::Status,
        ..NOTHING
    },
    NOTHING,
    Action {
        verb: Verb::Update,
        method: "put",
        name: "put",
        word: "replace",
        parameters: &[parameter::WRITE],
        takes: Takes::Object,
        codes: &["200", "201"],
        ..NOTHING
    },
    Action {
        verb: Verb::Patch,
        method: "patch",
        name: "patch",
        word: "patch",
        parameters: &[parameter::PATCH],
        takes: Takes::Patch,
        codes: &["200", "201"],
        ..NOTHING
    },
    Action {
        verb: Verb::Delete,
        method: "delete",
        name: "delete",
        word: "delete",
        parameters: &[parameter::DELETE],
        takes: Takes::DeleteOptions,
        gives: Gives::Gone,
        codes: &["200", "202"],
        ..NOTHING
    },
];

/// Every path of those of a group version.
pub(super) fn paths<'a>(of: &GroupVersion, subjects: &'a [Subject<'a>]) -> Vec<Path<'a>> {
    let mut paths = vec![discovery(of)];
    for subject in subjects.iter().filter(|subject| subject.is_of(of)) {
        paths.extend(paths_of(of, subject));
    }
    paths.retain(|path| !path.operations.is_empty());
    paths
}

fn paths_of<'a>(of: &GroupVersion, subject: &'a Subject<'a>) -> Vec<Path<'a>> {
    let (root, row) = (root(of), subject.row);
    let (scope, namespace) = match row.is_namespaced() {
        true => ("namespaces/{namespace}/", Some(parameter::NAMESPACE)),
        false => ("", None),
    };
    let collection = format!("/{root}/{scope}{}", row.plural);
    let item = format!("{collection}/{{name}}");
    let operations = |verbs: Verbs, place| {
        let actions =
            ACTIONS.iter().filter(move |action| action.place == place && verbs.contains(action.verb));
        actions.map(|action| action.operation(of, subject)).collect::<Vec<_>>()
    };
    let mut paths = Vec::new();
    if namespace.is_some() && row.verbs.contains(Verb::List) {
        let mut operations = operations([Verb::List].into_iter().collect(), Place::Collection);
        for operation in &mut operations {
            operation.id = format!("list{}{}ForAllNamespaces", words(of), row.kind);
        }
        let path = format!("/{root}/{}", row.plural);
        paths.push(Path { path, parameters: vec![parameter::PRETTY], operations });
    }
    let mut parameters: Vec<Parameter> = namespace.into_iter().chain([parameter::PRETTY]).collect();
    let collection_operations = operations(row.verbs, Place::Collection);
    paths.push(Path { path: collection, parameters: parameters.clone(), operations: collection_operations });
    parameters.insert(0, parameter::NAME);
    let item_operations = operations(row.verbs, Place::Item);
    paths.push(Path { path: item.clone(), parameters: parameters.clone(), operations: item_operations });
    for subresource in row.served_subresources() {
        let path = format!("{item}/{}", subresource.name);
        let operations = ACTIONS
            .iter()
            .filter(|action| subresource.verbs.contains(action.verb))
            .map(|action| action.of_subresource(of, subject, subresource))
            .collect();
        paths.push(Path { path, parameters: parameters.clone(), operations });
    }
    paths
}

fn discovery(of: &GroupVersion) -> Path<'static> {
    let operation = Operation {
        method: "get",
        id: format!("get{}APIResources", words(of)),
        tag: tag(of),
        target: None,
        parameters: Vec::new(),
        takes: Body::None,
        gives: meta("APIResourceList"),
        codes: &["200"],
        streams: false,
    };
    Path { path: format!("/{}/", root(of)), parameters: Vec::new(), operations: vec![operation] }
}

impl Action {
    fn operation<'a>(&self, of: &GroupVersion, subject: &'a Subject<'a>) -> Operation<'a> {
        let row = subject.row;
        let collection = if self.verb == Verb::DeleteCollection { "Collection" } else { "" };
        Operation {
            method: self.method,
            id: format!("{}{}{collection}{}{}", self.word, words(of), namespaced(row), row.kind),
            tag: tag(of),
            target: Some(Target::new(self.name, &row.group, &row.version, &row.kind)),
            parameters: self.parameters.concat(),
            takes: self.takes(subject.object(), subject),
            gives: match self.gives {
                Gives::List => subject.list(),
                Gives::Object => subject.object(),
                Gives::Gone if kind::is_shown_deleted(row) => subject.object(),
                Gives::Gone | Gives::Status => meta("Status"),
            },
            codes: self.codes,
            streams: self.verb == Verb::List && row.verbs.contains(Verb::Watch),
        }
    }

    fn of_subresource<'a>(
        &self,
        of: &GroupVersion,
        subject: &'a Subject<'a>,
        subresource: &Subresource,
    ) -> Operation<'a> {
        let row = subject.row;
        let Subresource { name, group, version, kind, .. } = subresource;
        let is_itself = (group, version, kind) == (&row.group, &row.version, &row.kind);
        let options = parameter::options(name);
        let body = match options {
            Some(_) => None,
            None if is_itself => subject.object(),
            None => schema::by_gvk(group, version, kind).map(Model::Type),
        };
        // The operations of definitions are always filed under the kind that is defined.
        let target = match subject.is_custom() {
            true => (&row.group, &row.version, &row.kind),
            false => (group, version, kind),
        };
        let connects = options.is_some() && *kind != row.kind;
        let (action, word, method) = match connects {
            true => ("connect", "connect", capital(self.method)),
            false => (self.name, self.word, String::new()),
        };
        Operation {
            method: self.method,
            id: format!("{word}{}{method}{}{}{}", words(of), namespaced(row), row.kind, capital(name)),
            tag: tag(of),
            target: Some(Target::new(action, target.0, target.1, target.2)),
            parameters: options.map_or_else(|| self.parameters.concat(), <[Parameter]>::to_vec),
            takes: if options.is_some() { Body::None } else { self.takes(body, subject) },
            gives: body,
            codes: if options.is_some() { &["200"] } else { self.codes },
            streams: false,
        }
    }

    fn takes<'a>(&self, object: Option<Model<'a>>, subject: &Subject<'_>) -> Body<'a> {
        let merges = object.and_then(|model| match model {
            Model::Type(row) if !subject.is_custom() => Some(row),
            Model::Type(_) | Model::Custom { .. } => None,
        });
        match self.takes {
            Takes::Nothing => Body::None,
            Takes::Object => object.map_or(Body::None, Body::Object),
            Takes::Patch => meta("Patch").map_or(Body::None, |patch| Body::Patch(patch, merges)),
            Takes::DeleteOptions => meta("DeleteOptions").map_or(Body::None, Body::Options),
        }
    }
}

impl Target {
    fn new(action: &'static str, group: &str, version: &str, kind: &str) -> Self {
        Self { action, group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }
}

fn meta(name: &str) -> Option<Model<'static>> {
    schema::by_name(&format!("meta.v1.{name}")).map(Model::Type)
}

fn namespaced(row: &Resource) -> &'static str {
    if row.is_namespaced() { "Namespaced" } else { "" }
}

/// `CoreV1`, `RbacAuthorizationV1`: a group version in the names of operations.
fn words(of: &GroupVersion) -> String {
    format!("{}{}", capital(&group_words(of)), capital(&of.version))
}

/// `core_v1`, `rbacAuthorization_v1`
fn tag(of: &GroupVersion) -> String {
    format!("{}_{}", group_words(of), of.version)
}

fn group_words(of: &GroupVersion) -> String {
    let group = if of.group.is_empty() { "core" } else { &of.group };
    let group = group.strip_suffix(".k8s.io").unwrap_or(group);
    let mut words = group.split('.');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| text + &capital(word))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
