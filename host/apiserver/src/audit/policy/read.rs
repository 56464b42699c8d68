//! A policy from its tree: what is not known or not right is told with its place, all of it at once.

use objects::Tree;
use objects::validate::{FieldError, Path, dns1123_subdomain};

use super::{GroupResources, Level, Policy, Rule, Stage, Stages};

const VERSION: &str = "audit.k8s.io/v1";
const KIND: &str = "Policy";

pub(super) fn policy(tree: &Tree, duplicates: Vec<String>) -> Result<Policy, Vec<String>> {
    let mut errors = duplicates;
    let found = (tree.str_at(&["apiVersion"]), tree.str_at(&["kind"]));
    if found != (Some(VERSION), Some(KIND)) {
        let (version, kind) = (found.0.unwrap_or_default(), found.1.unwrap_or_default());
        errors.push(format!("it is {kind:?} of {version:?}, and should be {KIND} of {VERSION}"));
        return Err(errors);
    }
    let mut part = Part { tree, path: None, errors: &mut errors };
    part.knows(&["apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields"]);
    let omit = part.stages();
    let omit_managed_fields = part.flag("omitManagedFields").unwrap_or_default();
    let rules = part.each("rules", rule);
    if rules.is_empty() {
        errors.push("loaded illegal policy with 0 rules".to_owned());
    }
    if errors.is_empty() { Ok(Policy { rules, omit, omit_managed_fields }) } else { Err(errors) }
}

fn rule(part: &mut Part<'_>) -> Rule {
    part.knows(&[
        "level",
        "users",
        "userGroups",
        "verbs",
        "resources",
        "namespaces",
        "nonResourceURLs",
        "omitStages",
        "omitManagedFields",
    ]);
    let rule = Rule {
        level: part.level(),
        users: part.texts("users"),
        groups: part.texts("userGroups"),
        verbs: part.texts("verbs"),
        resources: part.each("resources", group_resources),
        namespaces: part.texts("namespaces"),
        paths: part.texts("nonResourceURLs"),
        omit: part.stages(),
        omit_managed_fields: part.flag("omitManagedFields"),
    };
    let path = part.at("nonResourceURLs");
    for (index, url) in rule.paths.iter().enumerate().filter(|(_, url)| *url != "*") {
        let mut refuse = |why| part.refuse(FieldError::invalid(&path.index(index), url.as_str(), why));
        if !url.starts_with('/') {
            refuse("non-resource URL rules must begin with a '/' character");
        }
        if url.strip_suffix('*').unwrap_or(url).contains('*') {
            refuse("non-resource URL wildcards '*' must be the final character of the rule");
        }
    }
    let is_of_resources = !rule.resources.is_empty() || !rule.namespaces.is_empty();
    if is_of_resources && !rule.paths.is_empty() {
        let why = "rules cannot apply to both regular resources and non-resource URLs";
        part.refuse(FieldError::invalid(&path, rule.paths.clone(), why));
    }
    rule
}

fn group_resources(part: &mut Part<'_>) -> GroupResources {
    part.knows(&["group", "resources", "resourceNames"]);
    let own = GroupResources {
        group: part.text("group").unwrap_or_default(),
        resources: part.texts("resources"),
        names: part.texts("resourceNames"),
    };
    if !own.group.is_empty() && own.group != "*" {
        let why = dns1123_subdomain(&own.group).join(",");
        if !why.is_empty() {
            part.refuse(FieldError::invalid(&part.at("group"), own.group.as_str(), why));
        }
    }
    if own.resources.is_empty() && !own.names.is_empty() {
        let why = "using resourceNames requires at least one resource";
        part.refuse(FieldError::invalid(&part.at("resourceNames"), own.names.clone(), why));
    }
    own
}

/// An object of a policy, with its place.
struct Part<'a> {
    tree: &'a Tree,
    /// `None` of the whole.
    path: Option<Path>,
    errors: &'a mut Vec<String>,
}

impl Part<'_> {
    fn at(&self, name: &str) -> Path {
        self.path.as_ref().map_or_else(|| Path::new(name), |path| path.child(name))
    }

    fn refuse(&mut self, error: FieldError) {
        self.errors.push(error.to_string());
    }

    /// What is no field of these is told.
    fn knows(&mut self, names: &[&str]) {
        for (key, _) in self.tree.fields().filter(|(key, _)| !names.contains(key)) {
            self.errors.push(format!("unknown field \"{}\"", self.at(key)));
        }
    }

    /// A field of a shape; what is null or not there is none.
    fn field<T>(&mut self, name: &str, shape: &str, read: impl Fn(&Tree) -> Option<T>) -> Option<T> {
        let tree = self.tree.get(name).filter(|tree| !tree.is_null())?;
        let value = read(tree);
        if value.is_none() {
            self.errors.push(format!("field \"{}\" is no {shape}", self.at(name)));
        }
        value
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.field(name, "string", |tree| tree.as_str().map(str::to_owned))
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        self.field(name, "bool", Tree::as_bool)
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        let text = |tree: &Tree| tree.as_str().map(str::to_owned);
        let texts = |tree: &Tree| tree.as_array()?.iter().map(text).collect();
        self.field(name, "list of strings", texts).unwrap_or_default()
    }

    fn each<T>(&mut self, name: &str, read: impl Fn(&mut Part<'_>) -> T) -> Vec<T> {
        let objects = |tree: &Tree| {
            tree.as_array().filter(|items| items.iter().all(|item| item.as_object().is_some())).cloned()
        };
        let objects = self.field(name, "list of objects", objects).unwrap_or_default();
        let path = self.at(name);
        let part = |(index, tree)| {
            read(&mut Part { tree, path: Some(path.index(index)), errors: &mut *self.errors })
        };
        objects.iter().enumerate().map(part).collect()
    }

    fn level(&mut self) -> Level {
        let path = self.at("level");
        let Some(text) = self.text("level").filter(|text| !text.is_empty()) else {
            self.refuse(FieldError::required(&path, ""));
            return Level::None;
        };
        let found = Level::ALL.into_iter().find(|level| level.as_str() == text);
        if found.is_none() {
            self.refuse(FieldError::not_supported(&path, text, &Level::ALL.map(Level::as_str)));
        }
        found.unwrap_or_default()
    }

    fn stages(&mut self) -> Stages {
        let mut stages = Stages::default();
        for (index, text) in self.texts("omitStages").into_iter().enumerate() {
            match Stage::ALL.into_iter().find(|stage| stage.as_str() == text) {
                Some(stage) => stages = stages.with(stage),
                None => {
                    let why = format!("allowed stages are {}", Stage::ALL.map(Stage::as_str).join(","));
                    self.refuse(FieldError::invalid(&self.at("omitStages").index(index), text, why));
                }
            }
        }
        stages
    }
}
