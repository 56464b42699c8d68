//! The dry mode: the policy decides nothing, and the log tells what it would have refused, and to whom. For a cluster that
//! allows everything and is to be brought under a policy.

use std::cell::RefCell;
use std::collections::BTreeSet;

use sdk::{Attributes, User, log};

/// The setting that turns it on.
pub(crate) const SETTING: &str = "dry-run";
/// Refusals that are told apart; later ones are not told any more.
const TOLD: usize = 10_000;

/// What was told already.
#[derive(Default)]
pub(crate) struct Dry(RefCell<BTreeSet<String>>);

impl Dry {
    /// Tells of a request that would be refused, once for each user and each thing that is asked.
    pub(crate) fn note(&self, user: &User, attributes: &Attributes) {
        let told = &mut *self.0.borrow_mut();
        let what = refusal(user, attributes);
        if told.len() < TOLD && !told.contains(&what) {
            log::info(format!("would be refused: {what}"));
            told.insert(what);
        }
    }
}

/// The names of objects are left out: what is missing is a rule for their kind.
fn refusal(user: &User, asked: &Attributes) -> String {
    let Attributes { verb, namespace, group, resource, subresource, path, .. } = asked;
    let name = &user.name;
    if resource.is_empty() {
        return format!("user {name:?} may not {verb} the path {path:?}");
    }
    let subresource = if subresource.is_empty() { String::new() } else { format!("/{subresource}") };
    let place = match namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let group = if group.is_empty() { "core" } else { group };
    format!("user {name:?} may not {verb} {resource}{subresource} of the group {group} {place}")
}
