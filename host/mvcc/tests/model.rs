//! The store against a naive model that keeps a whole copy of the key space for each revision.

use std::collections::BTreeMap;

use mvcc::{
    Commit, Compare, Event, KeyRange, KeyValue, LeaseId, Op, OpResult, RangeError, RangeRequest, Relation,
    Revision, Store, Target, Txn, TxnError,
};
use proptest::collection::vec;
use proptest::prelude::*;

type Space = BTreeMap<Vec<u8>, KeyValue>;

/// The key space after each revision, from the initial one on.
struct Model {
    spaces: Vec<Space>,
    compacted: i64,
}

impl Model {
    fn revision(&self) -> Revision {
        Revision(self.spaces.len() as i64)
    }

    fn at(&self, revision: Revision) -> &Space {
        &self.spaces[revision.0 as usize - 1]
    }

    fn holds(&self, compare: &Compare) -> bool {
        let space = self.at(self.revision());
        let found: Vec<_> = space.values().filter(|kv| compare.range.contains(&kv.key)).collect();
        let relate = |ordering: std::cmp::Ordering| match compare.relation {
            Relation::Equal => ordering.is_eq(),
            Relation::NotEqual => ordering.is_ne(),
            Relation::Greater => ordering.is_gt(),
            Relation::Less => ordering.is_lt(),
        };
        if found.is_empty() {
            return match &compare.target {
                Target::Value(_) => false,
                Target::Version(n) | Target::CreateRevision(Revision(n)) => relate(0.cmp(n)),
                Target::ModRevision(Revision(n)) | Target::Lease(LeaseId(n)) => relate(0.cmp(n)),
            };
        }
        found.iter().all(|kv| match &compare.target {
            Target::Value(value) => relate(kv.value.cmp(value)),
            Target::Version(n) => relate(kv.version.cmp(n)),
            Target::CreateRevision(n) => relate(kv.create_revision.cmp(n)),
            Target::ModRevision(n) => relate(kv.mod_revision.cmp(n)),
            Target::Lease(n) => relate(kv.lease.cmp(n)),
        })
    }

    /// Whether it changed anything; `None` when it changes a key twice.
    fn apply(&mut self, txn: &Txn) -> Option<bool> {
        let ops =
            if txn.compare.iter().all(|compare| self.holds(compare)) { &txn.success } else { &txn.failure };
        let puts: Vec<_> =
            ops.iter().filter_map(|op| if let Op::Put { key, .. } = op { Some(key) } else { None }).collect();
        for (position, key) in puts.iter().enumerate() {
            let deleted = ops.iter().any(|op| matches!(op, Op::DeleteRange(range) if range.contains(key)));
            if deleted || puts[..position].contains(key) {
                return None;
            }
        }
        let next = self.revision().next();
        let mut space = self.at(self.revision()).clone();
        for op in ops {
            match op {
                Op::Range(_) => {}
                Op::DeleteRange(range) => space.retain(|key, _| !range.contains(key)),
                Op::Put { key, value, lease } => {
                    let prev = space.get(&key[..]);
                    let kv = KeyValue {
                        key: key.clone(),
                        value: value.clone(),
                        create_revision: prev.map_or(next, |prev| prev.create_revision),
                        mod_revision: next,
                        version: prev.map_or(1, |prev| prev.version + 1),
                        lease: *lease,
                    };
                    space.insert(key.to_vec(), kv);
                }
            }
        }
        let changed = space != *self.at(self.revision());
        if changed {
            self.spaces.push(space);
        }
        Some(changed)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Txn(Txn),
    /// To this share, in percent, of the way from the oldest to the present revision.
    Compact(i64),
    Rollback(i64),
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "a/", "a/1", "a/2", "b", "b/1", "\u{7f}"]).prop_map(str::to_owned)
}

fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        4 => key().prop_map(KeyRange::key),
        3 => key().prop_map(KeyRange::prefix),
        1 => (key(), key()).prop_map(|(start, end)| KeyRange::between(start, end)),
        1 => key().prop_map(KeyRange::from),
        1 => Just(KeyRange::all()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (key(), 0..4u8, 0..2i64).prop_map(|(key, value, lease)| Op::Put {
            key: key.into(),
            value: vec![value].into(),
            lease: LeaseId(lease),
        }),
        2 => range().prop_map(Op::DeleteRange),
        1 => range().prop_map(|range| Op::Range(RangeRequest::new(range))),
    ]
}

fn compare() -> impl Strategy<Value = Compare> {
    let relation =
        prop::sample::select(vec![Relation::Equal, Relation::NotEqual, Relation::Greater, Relation::Less]);
    let target = prop_oneof![
        (0..4i64).prop_map(Target::Version),
        (0..20i64).prop_map(|n| Target::CreateRevision(Revision(n))),
        (0..20i64).prop_map(|n| Target::ModRevision(Revision(n))),
        (0..4u8).prop_map(|value| Target::Value(vec![value].into())),
        (0..2i64).prop_map(|n| Target::Lease(LeaseId(n))),
    ];
    (range(), relation, target).prop_map(|(range, relation, target)| Compare { range, relation, target })
}

fn step() -> impl Strategy<Value = Step> {
    let txn = (vec(compare(), 0..2), vec(op(), 0..4), vec(op(), 0..3));
    prop_oneof![
        12 => txn.prop_map(|(compare, success, failure)| Step::Txn(Txn { compare, success, failure })),
        1 => (0..110i64).prop_map(Step::Compact),
        1 => (0..=100i64).prop_map(Step::Rollback),
    ]
}

fn live(space: &Space, range: &KeyRange) -> Vec<KeyValue> {
    space.values().filter(|kv| range.contains(&kv.key)).cloned().collect()
}

fn read(store: &Store, request: &RangeRequest) -> Result<Vec<KeyValue>, RangeError> {
    Ok(store.range(request)?.kvs.iter().map(|kv| (**kv).clone()).collect())
}

/// The events of a commit turn the space before into the space after.
fn check_commit(commit: &Commit, before: &Space, after: &Space) {
    let mut space = before.clone();
    for event in &commit.events {
        assert_eq!(event.revision(), commit.revision);
        assert_eq!(event.prev().map(|kv| &**kv), before.get(&event.key()[..]));
        match event {
            Event::Put { kv, .. } => space.insert(kv.key.to_vec(), (**kv).clone()),
            Event::Delete { key, .. } => space.remove(&key[..]),
        };
    }
    assert_eq!(&space, after);
}

fn check_reads(store: &Store, model: &Model, range: &KeyRange) {
    assert_eq!(store.revision(), model.revision());
    assert_eq!(store.compacted(), Revision(model.compacted));
    for revision in 1..=model.revision().0 + 1 {
        let revision = Revision(revision);
        let found = read(store, &RangeRequest::new(range.clone()).at(revision));
        if revision > model.revision() {
            assert!(matches!(found, Err(RangeError::Future { .. })));
        } else if revision.0 < model.compacted {
            assert!(matches!(found, Err(RangeError::Compacted { .. })));
        } else {
            assert_eq!(found, Ok(live(model.at(revision), range)));
        }
    }
}

fn check_pages(store: &Store, model: &Model, range: &KeyRange) {
    let all = live(model.at(model.revision()), range);
    let (mut rest, mut seen) = (range.clone(), Vec::new());
    loop {
        let page = store.range(&RangeRequest::new(rest.clone()).limit(2)).expect("the present can be read");
        assert_eq!(page.count, all.len() - seen.len());
        seen.extend(page.kvs.iter().map(|kv| (**kv).clone()));
        let Some(last) = page.kvs.last().filter(|_| page.more) else { break };
        rest = rest.after(&last.key);
    }
    assert_eq!(seen, all);
}

fn check_history(store: &Store, model: &Model) {
    let mut oldest = None;
    for from in 1..=model.revision().0 + 2 {
        let Ok(commits) = store.history(Revision(from)) else {
            assert!(
                from <= model.compacted,
                "history from {from} is held after compaction to {}",
                model.compacted
            );
            continue;
        };
        let revisions: Vec<_> = commits.map(|commit| commit.revision.0).collect();
        assert_eq!(revisions, (from..=model.revision().0).collect::<Vec<_>>());
        oldest.get_or_insert(from);
    }
    let oldest = Revision(oldest.expect("what is to come can always be watched"));
    let commits: Vec<_> = store.history(oldest).expect("checked above").collect();
    for commit in commits.iter().filter(|commit| commit.revision.0 > 1) {
        check_commit(commit, model.at(Revision(commit.revision.0 - 1)), model.at(commit.revision));
    }
    assert_eq!(store.history_weight(), commits.iter().map(|commit| commit.weight()).sum());
}

fn check_txn(store: &mut Store, model: &mut Model, txn: &Txn) {
    let before = model.revision();
    match (store.apply(txn), model.apply(txn)) {
        (Err(error), None) => assert!(matches!(error, TxnError::DuplicateKey { .. })),
        (Ok(applied), Some(changed)) => {
            assert_eq!(applied.result.revision, model.revision());
            assert_eq!(applied.commit.is_some(), changed);
            if let Some(commit) = &applied.commit {
                check_commit(commit, model.at(before), model.at(model.revision()));
            }
            let deleted = applied.result.results.iter().map(|result| match result {
                OpResult::DeleteRange { deleted } => deleted.len(),
                OpResult::Put { .. } | OpResult::Range(_) => 0,
            });
            let events = applied.commit.iter().flat_map(|commit| &commit.events);
            assert_eq!(
                deleted.sum::<usize>(),
                events.filter(|event| matches!(event, Event::Delete { .. })).count()
            );
        }
        (ours, theirs) => panic!("the store says {ours:?}, the model {theirs:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_reads_as_the_model_at_every_revision(steps in vec(step(), 1..40), range in range()) {
        let mut store = Store::default();
        let mut model = Model { spaces: vec![Space::new()], compacted: 1 };
        for step in steps {
            let share = |percent: i64| Revision(model.compacted + (model.revision().0 - model.compacted) * percent / 100);
            match step {
                Step::Txn(txn) => check_txn(&mut store, &mut model, &txn),
                Step::Compact(percent) => {
                    let revision = share(percent);
                    let allowed = revision.0 > model.compacted && revision <= model.revision();
                    prop_assert_eq!(store.compact(revision).is_ok(), allowed);
                    if allowed {
                        model.compacted = revision.0;
                    }
                }
                Step::Rollback(percent) => {
                    let revision = share(percent);
                    store.rollback(revision);
                    model.spaces.truncate(revision.0 as usize);
                }
            }
            check_reads(&store, &model, &range);
        }
        check_pages(&store, &model, &range);
        check_history(&store, &model);
    }
}
