//! Which plugins a profile turns on and off, and how much their scores count.

use objects::validate::FieldError;

use super::reading::Reading;
use crate::plugin::{Plugin, ROWS};
use crate::profile::Profile;

/// What an extension point decides on.
#[derive(Clone, Copy)]
enum Says {
    Objects,
    Ranks,
    Both,
    /// Every plugin that is on takes part.
    Nothing,
}

const POINTS: &[(&str, Says)] = &[
    ("multiPoint", Says::Both),
    ("preEnqueue", Says::Nothing),
    ("queueSort", Says::Nothing),
    ("preFilter", Says::Objects),
    ("filter", Says::Objects),
    ("postFilter", Says::Objects),
    ("preScore", Says::Ranks),
    ("score", Says::Ranks),
    ("reserve", Says::Nothing),
    ("permit", Says::Nothing),
    ("preBind", Says::Nothing),
    ("bind", Says::Nothing),
    ("postBind", Says::Nothing),
];

const EVERY: &str = "*";

pub(super) fn read(reading: &Reading<'_>, profile: &mut Profile, errors: &mut Vec<String>) {
    let names: Vec<_> = POINTS.iter().map(|(name, _)| *name).collect();
    reading.knows(&names, errors);
    for (name, says) in POINTS {
        let point = reading.child(name);
        point.knows(&["enabled", "disabled"], errors);
        for off in point.child("disabled").items(errors) {
            off.knows(&["name", "weight"], errors);
            // A plugin that is not here is off already.
            for plugin in of_name(off.child("name").text(errors).unwrap_or_default()) {
                switch(profile, plugin, *says, None);
            }
        }
        for on in point.child("enabled").items(errors) {
            on.knows(&["name", "weight"], errors);
            let field = on.child("weight");
            let weight = field.number(0..=i64::from(i32::MAX), "not in valid range [0, inf)", errors);
            for plugin in named(&on, errors) {
                switch(profile, plugin, *says, Some(weight.filter(|weight| *weight > 0).unwrap_or(1)));
            }
        }
    }
    profile.weights.sort();
}

fn of_name(name: &str) -> impl Iterator<Item = Plugin> {
    ROWS.iter().filter(move |row| name == EVERY || row.name == name).map(|row| row.plugin)
}

/// The plugins of the name that is there.
fn named(reading: &Reading<'_>, errors: &mut Vec<String>) -> Vec<Plugin> {
    let field = reading.child("name");
    let name = field.text(errors).unwrap_or_default();
    let found: Vec<_> = of_name(name).collect();
    if found.is_empty() {
        let known: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        errors.push(FieldError::not_supported(&field.path, name, &known).to_string());
    }
    found
}

fn switch(profile: &mut Profile, plugin: Plugin, says: Says, weight: Option<i64>) {
    if matches!(says, Says::Objects | Says::Both) {
        match weight {
            Some(_) => profile.enabled.insert(plugin),
            None => profile.enabled.remove(plugin),
        }
    }
    if matches!(says, Says::Ranks | Says::Both) {
        profile.weights.retain(|(known, _)| *known != plugin);
        if let (Some(weight), true) = (weight, plugin.row().score.is_some()) {
            profile.weights.push((plugin, weight));
        }
    }
}
