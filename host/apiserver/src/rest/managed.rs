//! Who owns which field: every write does the bookkeeping of `metadata.managedFields`, and an apply merges by it.

mod typing;

use objects::apply::{self, OnConflict, OverlayError, Reset};
use objects::resource::GroupVersionKind;
use objects::status::Status;
use objects::{Tree, schema};

use self::typing::FieldTyping;
use super::Rest;
use super::update::Part;
use crate::call::Call;
use crate::registry::Served;

/// What a write of the object itself leaves alone, where status has a path of its own.
const STATUS: Reset<'static> = Reset::These(&[&["status"]]);
/// What a write of the status leaves alone.
const SPEC: Reset<'static> = Reset::These(&[&["spec"]]);

/// The longest name of a manager.
const MAX_MANAGER: usize = 128;

/// One write, as ownership sees it.
pub(super) struct Ownership<'a> {
    call: &'a Call,
    gvk: GroupVersionKind,
    manager: String,
    part: Part,
}

impl<'a> Ownership<'a> {
    pub(super) fn of(call: &'a Call, part: Part) -> Self {
        let manager = match call.query("fieldManager") {
            Some(name) => name.to_owned(),
            None => apply::manager_of(&call.user_agent),
        };
        Self { call, gvk: call.resource.gvk(), manager, part }
    }

    /// Of a write of an object through its Scale.
    pub(super) fn of_scale(call: &'a Call) -> Self {
        Self::of(call, Part::Named)
    }

    fn write(&self) -> apply::Write<'_, FieldTyping<'_>> {
        let reset = match self.part {
            Part::Whole if self.call.resource.has_status() => STATUS,
            Part::Status => SPEC,
            Part::Whole | Part::Named => Reset::Nothing,
        };
        apply::Write {
            gvk: &self.gvk,
            typing: typing_of(&self.call.resource),
            manager: &self.manager,
            subresource: &self.call.subresource,
            time: supervise::clock::now(),
            reset,
            convert: None,
        }
    }

    /// A new object, with its manager.
    pub(super) fn created(&self, new: Tree) -> Tree {
        apply::update(&self.write(), None, new)
    }

    /// An object that is written over an old one, with its managers.
    pub(super) fn updated(&self, old: &Tree, new: Tree) -> Tree {
        apply::update(&self.write(), Some(old), new)
    }

    /// What an applied configuration makes of an object, or of nothing.
    pub(super) fn applied(&self, old: Option<&Tree>, applied: &Tree) -> Result<Tree, Status> {
        let on_conflict = match self.call.flag("force") {
            Some(true) => OnConflict::Force,
            _ => OnConflict::Refuse,
        };
        apply::apply(&self.write(), old, applied, on_conflict).map_err(|error| error.to_status())
    }
}

impl Rest {
    /// What is wrong with the name of a manager in a query.
    pub(super) fn check_manager(name: &str) -> Option<String> {
        if name.len() > MAX_MANAGER {
            return Some(format!("may not be more than {MAX_MANAGER} bytes"));
        }
        name.chars().position(char::is_control).map(|at| {
            format!("should only contain printable characters; found an invalid character at position {at}")
        })
    }
}

/// An object of a resource with what a policy applies in it, of which nobody becomes the owner.
pub(crate) fn overlay(resource: &Served, live: &Tree, applied: &Tree) -> Result<Tree, OverlayError> {
    apply::overlay(live, applied, typing_of(resource))
}

fn typing_of(resource: &Served) -> FieldTyping<'_> {
    match resource.custom() {
        Some(version) => FieldTyping::of_custom(version),
        None => match schema::by_gvk(&resource.group, &resource.version, &resource.kind) {
            Some(row) => FieldTyping::of_builtin(row),
            None => FieldTyping::UNKNOWN,
        },
    }
}
