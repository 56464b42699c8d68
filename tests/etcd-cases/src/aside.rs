//! What no two servers have in common, and is left out of the comparison.

use prost_reflect::{DynamicMessage, ReflectMessage, Value};

/// What remains of a field that is set aside.
#[derive(Clone, Copy)]
enum Remains {
    /// That it was there: a mark stands for whatever it held.
    Presence,
    /// That it was there, where it is above this; smaller numbers are compared.
    PresenceAbove(i64),
    Nothing,
    /// All of it, in no order.
    Unordered,
    /// All of its texts but the number that follows this.
    TextWithout(&'static str),
}

use Remains::{Nothing, Presence, PresenceAbove, TextWithout, Unordered};

/// A lease that a case names is below, one that a server chose is above.
const CHOSEN_BY_CASES: i64 = u32::MAX as i64;

/// The message, its field, and what remains of it.
const SET_ASIDE: &[(&str, &str, Remains)] = &[
    // Who answers, and in which term of its cluster.
    ("ResponseHeader", "cluster_id", Presence),
    ("ResponseHeader", "member_id", Presence),
    ("ResponseHeader", "raft_term", Presence),
    ("Member", "ID", Presence),
    ("Member", "name", Presence),
    ("Member", "peerURLs", Presence),
    ("Member", "clientURLs", Presence),
    ("AlarmMember", "memberID", Presence),
    ("StatusResponse", "leader", Presence),
    ("StatusResponse", "errors", TextWithout("memberID:")),
    // How it keeps what it keeps.
    ("StatusResponse", "version", Presence),
    ("StatusResponse", "dbSize", Presence),
    ("StatusResponse", "dbSizeInUse", Presence),
    ("StatusResponse", "dbSizeQuota", Presence),
    ("StatusResponse", "storageVersion", Presence),
    ("StatusResponse", "raftIndex", Presence),
    ("StatusResponse", "raftTerm", Presence),
    ("StatusResponse", "raftAppliedIndex", Presence),
    // The hash of the whole file, which holds the two above; that of the keys alone (HashKV) is compared.
    ("HashResponse", "hash", Presence),
    ("SnapshotResponse", "remaining_bytes", Nothing),
    ("SnapshotResponse", "blob", Presence),
    ("SnapshotResponse", "version", Presence),
    // What the clock or chance decide.
    ("LeaseGrantResponse", "ID", PresenceAbove(CHOSEN_BY_CASES)),
    ("LeaseStatus", "ID", PresenceAbove(CHOSEN_BY_CASES)),
    ("LeaseTimeToLiveResponse", "TTL", PresenceAbove(0)),
    ("LeaseTimeToLiveResponse", "keys", Unordered),
];

/// The number and the text that stand for one set aside.
const MARK: (u8, &str) = (1, "*");

/// Applies the table to a message and to all inside it.
pub(crate) fn set_aside(message: &mut DynamicMessage) {
    let name = message.descriptor().name().to_owned();
    for (_, field, remains) in SET_ASIDE.iter().filter(|(of, ..)| *of == name) {
        match remains {
            Nothing => message.clear_field_by_name(field),
            Unordered => sort(message, field),
            TextWithout(before) => blank_number(message, field, before),
            Presence => mark(message, field, 0),
            PresenceAbove(floor) => mark(message, field, *floor),
        }
    }
    for (_, value) in message.fields_mut() {
        match value {
            Value::Message(inner) => set_aside(inner),
            Value::List(values) => values.iter_mut().filter_map(Value::as_message_mut).for_each(set_aside),
            _ => {}
        }
    }
}

fn sort(message: &mut DynamicMessage, field: &str) {
    if let Some(Value::List(values)) = message.get_field_by_name_mut(field) {
        values.sort_by(|a, b| a.as_bytes().cmp(&b.as_bytes()));
    }
}

fn blank_number(message: &mut DynamicMessage, field: &str, before: &str) {
    let Some(Value::List(values)) = message.get_field_by_name_mut(field) else { return };
    for text in values.iter_mut().filter_map(Value::as_string_mut) {
        let Some((start, rest)) = text.split_once(before) else { continue };
        let rest = rest.trim_start_matches(|of: char| of.is_ascii_digit());
        *text = format!("{start}{before}{}{rest}", MARK.0);
    }
}

fn mark(message: &mut DynamicMessage, field: &str, floor: i64) {
    let descriptor =
        message.descriptor().get_field_by_name(field).expect("the table names fields of the API");
    if !message.has_field(&descriptor) {
        return;
    }
    match message.get_field_mut(&descriptor) {
        Value::I64(number) if *number > floor => *number = MARK.0.into(),
        Value::U64(number) => *number = MARK.0.into(),
        Value::U32(number) => *number = MARK.0.into(),
        Value::I64(_) => {}
        Value::String(text) => MARK.1.clone_into(text),
        Value::Bytes(bytes) => *bytes = MARK.1.into(),
        Value::List(values) => *values = vec![Value::String(MARK.1.to_owned())],
        other => panic!("{field} is {other:?}, which has no mark"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn the_table_names_fields_of_the_api() {
        for (message, field, _) in SET_ASIDE {
            let descriptor = schema::message(message);
            assert!(descriptor.get_field_by_name(field).is_some(), "{message} has no {field}");
        }
    }

    #[test]
    fn what_is_set_aside_leaves_a_mark_and_what_is_not_stays() {
        let text =
            "header { cluster_id: 77 member_id: 5 revision: 9 raft_term: 3 } ID: 7 TTL: 60 grantedTTL: 61";
        let mut message = schema::parse(&schema::message("LeaseTimeToLiveResponse"), text).unwrap();
        set_aside(&mut message);
        assert_eq!(crate::text::print(&message), "@9 ID: 7 TTL: 1 grantedTTL: 61");
    }
}
