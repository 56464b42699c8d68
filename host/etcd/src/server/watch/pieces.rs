//! Cuts what one watch is told into messages that are not too large.

use std::mem;

use prost::Message;
use prost::encoding::{encoded_len_varint, key_len};

use crate::wire::etcdserverpb::WatchResponse;
use crate::wire::mvccpb::Event;

/// The number of the field `events`.
const EVENTS: u32 = 11;

/// Where it may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// After any event; all pieces but the last say that more belong to them, and the client puts them together.
    Anywhere,
    /// Where the revision changes. Each piece is whole, and true by itself.
    BetweenRevisions,
}

/// The pieces are of less than `limit` bytes, unless one cannot be cut; each has an event if there is one.
pub(super) fn pieces(mut response: WatchResponse, limit: usize, cut: Cut) -> Vec<WatchResponse> {
    let mut rest = mem::take(&mut response.events).into_iter().peekable();
    // Those of a piece have the mark of a fragment too.
    let empty = WatchResponse { fragment: true, ..response.clone() }.encoded_len();
    let mut pieces = Vec::new();
    loop {
        let (mut events, mut len) = (Vec::new(), empty);
        while let Some(event) = rest.next_if(|event| {
            let may_cut = cut == Cut::Anywhere || revision(events.last()) != revision(Some(event));
            events.is_empty() || !may_cut || len + event_len(event) < limit
        }) {
            len += event_len(&event);
            events.push(event);
        }
        let is_last = rest.peek().is_none();
        let mut piece = WatchResponse { events, ..response.clone() };
        if !is_last {
            match cut {
                Cut::Anywhere => piece.fragment = true,
                Cut::BetweenRevisions => show_progress_to_last(&mut piece),
            }
        }
        pieces.push(piece);
        if is_last {
            return pieces;
        }
    }
}

/// What comes after the piece is not told yet.
fn show_progress_to_last(piece: &mut WatchResponse) {
    if let (Some(header), Some(revision)) = (&mut piece.header, revision(piece.events.last())) {
        header.revision = revision;
    }
}

fn revision(event: Option<&Event>) -> Option<i64> {
    Some(event?.kv.as_ref()?.mod_revision)
}

fn event_len(event: &Event) -> usize {
    let len = event.encoded_len();
    key_len(EVENTS) + encoded_len_varint(len as u64) + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::etcdserverpb::ResponseHeader;
    use crate::wire::mvccpb::KeyValue;

    fn told(revisions: &[i64]) -> WatchResponse {
        let event = |revision: &i64| {
            let value = vec![0; 100].into();
            let kv = KeyValue { mod_revision: *revision, value, ..Default::default() };
            Event { kv: Some(kv), ..Default::default() }
        };
        WatchResponse {
            header: Some(ResponseHeader { revision: 9, ..Default::default() }),
            watch_id: 3,
            events: revisions.iter().map(event).collect(),
            ..Default::default()
        }
    }

    /// Of each piece the revision of its header, those of its events, and whether it says that more belong to it.
    fn shape(revisions: &[i64], limit: usize, cut: Cut) -> Vec<(i64, Vec<i64>, bool)> {
        let pieces = pieces(told(revisions), limit, cut);
        for piece in &pieces {
            assert_eq!(piece.watch_id, 3);
            assert!(piece.encoded_len() < limit || piece.events.len() == 1 || cut == Cut::BetweenRevisions);
        }
        let shape = |piece: WatchResponse| {
            let events = piece.events.iter().filter_map(|event| revision(Some(event))).collect();
            (piece.header.unwrap().revision, events, piece.fragment)
        };
        pieces.into_iter().map(shape).collect()
    }

    #[test]
    fn fragments_are_as_full_as_the_limit_allows_and_all_but_the_last_are_marked() {
        let fragments = shape(&[5, 5, 5, 6, 7], 250, Cut::Anywhere);
        assert_eq!(fragments, [(9, vec![5, 5], true), (9, vec![5, 6], true), (9, vec![7], false)]);
    }

    #[test]
    fn an_event_larger_than_the_limit_goes_alone() {
        assert_eq!(shape(&[5, 6], 10, Cut::Anywhere), [(9, vec![5], true), (9, vec![6], false)]);
    }

    #[test]
    fn a_revision_is_never_cut_for_who_did_not_ask_for_fragments() {
        let whole = shape(&[5, 5, 5, 6, 7], 250, Cut::BetweenRevisions);
        assert_eq!(whole, [(5, vec![5, 5, 5], false), (9, vec![6, 7], false)]);
    }

    #[test]
    fn what_is_small_enough_stays_whole() {
        assert_eq!(shape(&[5, 6], 1000, Cut::Anywhere), [(9, vec![5, 6], false)]);
        assert_eq!(shape(&[], 10, Cut::Anywhere), [(9, vec![], false)]);
    }
}
