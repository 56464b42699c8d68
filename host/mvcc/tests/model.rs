//! The store against a naive model that keeps a whole copy of the key space and of the leases for each revision.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mvcc::{
    Commit, Compare, Event, KeyRange, KeyValue, LeaseId, Op, OpResult, RangeError, RangeRequest, Redo,
    Relation, Revision, Store, Target, Txn, TxnError, Update,
};
use proptest::collection::vec;
use proptest::prelude::*;

type Space = BTreeMap<Vec<u8>, KeyValue>;

const NOW: Duration = Duration::ZERO;
const TTL: i64 = 10;

/// The key space after each revision, from the initial one on.
struct Model {
    spaces: Vec<Space>,
    compacted: i64,
    leases: BTreeSet<LeaseId>,
}

/// Why the model refuses a transaction.
#[derive(Debug)]
enum Refused {
    Duplicate,
    KeyNotFound,
    LeaseNotFound,
}

/// What a list of operations may put and delete, by every branch that could be taken.
#[derive(Default)]
struct Writes {
    puts: Vec<Vec<u8>>,
    deletes: Vec<KeyRange>,
}

/// The rule of etcd, read aloud: a put stands alone among what can happen together with it. A nested transaction's puts
/// do not see the deletes of a nested one that comes after it.
fn writes(ops: &[Op]) -> Result<Writes, Refused> {
    let mut all = Writes::default();
    let deletes = ops.iter().filter_map(|op| match op {
        // A range without an end is not noticed.
        Op::DeleteRange(range) if range.single().is_some() || range.end().is_some() => Some(range.clone()),
        _ => None,
    });
    all.deletes.extend(deletes);
    for op in ops {
        let Op::Txn(txn) = op else { continue };
        let (success, failure) = (writes(&txn.success)?, writes(&txn.failure)?);
        let mut either: Vec<_> = success.puts.into_iter().chain(failure.puts).collect();
        either.sort();
        either.dedup();
        if either
            .iter()
            .any(|key| all.puts.contains(key) || all.deletes.iter().any(|range| range.contains(key)))
        {
            return Err(Refused::Duplicate);
        }
        all.puts.extend(either);
        all.deletes.extend(success.deletes.into_iter().chain(failure.deletes));
    }
    for op in ops {
        let Op::Put { key, .. } = op else { continue };
        if all.puts.contains(&key.to_vec()) || all.deletes.iter().any(|range| range.contains(key)) {
            return Err(Refused::Duplicate);
        }
        all.puts.push(key.to_vec());
    }
    Ok(all)
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

    /// The operations that a transaction comes down to, by comparisons of the present alone.
    fn flatten<'a>(&self, txn: &'a Txn, into: &mut Vec<&'a Op>) {
        let ops =
            if txn.compare.iter().all(|compare| self.holds(compare)) { &txn.success } else { &txn.failure };
        for op in ops {
            match op {
                Op::Txn(txn) => self.flatten(txn, into),
                op => into.push(op),
            }
        }
    }

    /// Whether it changed anything.
    fn apply(&mut self, txn: &Txn) -> Result<bool, Refused> {
        writes(&txn.success)?;
        writes(&txn.failure)?;
        let mut ops = Vec::new();
        self.flatten(txn, &mut ops);
        let next = self.revision().next();
        let mut space = self.at(self.revision()).clone();
        for op in &ops {
            let Op::Put { key, value, lease } = op else { continue };
            if let Update::Set(lease) = lease
                && *lease != LeaseId::NONE
                && !self.leases.contains(lease)
            {
                return Err(Refused::LeaseNotFound);
            }
            if (*value == Update::Keep || *lease == Update::Keep) && !space.contains_key(&key[..]) {
                return Err(Refused::KeyNotFound);
            }
        }
        let mut changes = 0;
        for op in ops {
            match op {
                Op::Range(_) | Op::Txn(_) => {}
                Op::DeleteRange(range) => {
                    let before = space.len();
                    space.retain(|key, _| !range.contains(key));
                    changes += u32::try_from(before - space.len()).expect("a few keys");
                }
                Op::Put { key, value, lease } => {
                    let prev = space.get(&key[..]);
                    let kv = KeyValue {
                        key: key.clone(),
                        value: match value {
                            Update::Set(value) => value.clone(),
                            // Deleted by this transaction before, which is not noticed.
                            Update::Keep => prev.map(|prev| prev.value.clone()).unwrap_or_default(),
                        },
                        create_revision: prev.map_or(next, |prev| prev.create_revision),
                        mod_revision: next,
                        version: prev.map_or(1, |prev| prev.version + 1),
                        lease: match lease {
                            Update::Set(lease) => *lease,
                            Update::Keep => prev.map(|prev| prev.lease).unwrap_or_default(),
                        },
                        sub: changes,
                    };
                    changes += 1;
                    space.insert(key.to_vec(), kv);
                }
            }
        }
        if changes > 0 {
            self.spaces.push(space);
        }
        Ok(changes > 0)
    }

    /// Whether keys went with it; `None` where there is no such lease.
    fn revoke(&mut self, lease: LeaseId) -> Option<bool> {
        if !self.leases.remove(&lease) {
            return None;
        }
        let mut space = self.at(self.revision()).clone();
        let before = space.len();
        space.retain(|_, kv| kv.lease != lease);
        let changed = space.len() < before;
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
    /// Forgets at most this many commits.
    Prune(usize),
    Grant(LeaseId),
    Revoke(LeaseId),
    /// Nothing before can be taken back any more.
    Settle,
    /// To what was settled last.
    Rollback,
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
        5 => (key(), 0..5u8, 0..4i64).prop_map(|(key, value, lease)| Op::Put {
            key: key.into(),
            value: if value < 4 { Update::Set(vec![value].into()) } else { Update::Keep },
            lease: if lease < 3 { Update::Set(LeaseId(lease)) } else { Update::Keep },
        }),
        2 => range().prop_map(Op::DeleteRange),
        1 => range().prop_map(|range| Op::Range(RangeRequest::new(range))),
    ]
}

fn txn() -> impl Strategy<Value = Txn> {
    let txn = |op: BoxedStrategy<Op>| {
        (vec(compare(), 0..2), vec(op.clone(), 0..4), vec(op, 0..3))
            .prop_map(|(compare, success, failure)| Txn { compare, success, failure })
    };
    let nesting = prop_oneof![4 => op(), 1 => txn(op().boxed()).prop_map(Op::Txn)];
    txn(nesting.boxed())
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
    let lease = || (1..3i64).prop_map(LeaseId);
    prop_oneof![
        12 => txn().prop_map(Step::Txn),
        1 => (0..110i64).prop_map(Step::Compact),
        1 => (0..5usize).prop_map(Step::Prune),
        2 => lease().prop_map(Step::Grant),
        1 => lease().prop_map(Step::Revoke),
        1 => Just(Step::Settle),
        1 => Just(Step::Rollback),
    ]
}

fn live(space: &Space, range: &KeyRange) -> Vec<KeyValue> {
    space.values().filter(|kv| range.contains(&kv.key)).cloned().collect()
}

fn read(store: &Store, request: &RangeRequest) -> Result<Vec<KeyValue>, RangeError> {
    Ok(store.range(request)?.kvs.iter().map(|kv| (**kv).clone()).collect())
}

/// The events of a commit turn the space before into the space after.
fn check_commit(commit: &Commit, compacted: i64, before: &Space, after: &Space) {
    let mut space = before.clone();
    for event in &commit.events {
        assert_eq!(event.revision(), commit.revision);
        if event.prev().is_some() || commit.revision.0 > compacted {
            assert_eq!(event.prev().map(|kv| &**kv), space.get(&event.key()[..]));
        }
        match event {
            Event::Put { kv, .. } => space.insert(kv.key.to_vec(), (**kv).clone()),
            Event::Delete(deletion) => space.remove(&deletion.key[..]),
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
    for from in 0..=model.revision().0 + 2 {
        let Ok(commits) = store.history(Revision(from)) else {
            assert!(
                from < model.compacted,
                "history from {from} is held after compaction to {}",
                model.compacted
            );
            continue;
        };
        let revisions: Vec<_> = commits.map(|commit| commit.revision.0).collect();
        assert_eq!(revisions, (from.max(2)..=model.revision().0).collect::<Vec<_>>());
        oldest.get_or_insert(from);
    }
    let oldest = Revision(oldest.expect("what is to come can always be watched"));
    let commits: Vec<_> = store.history(oldest).expect("checked above").collect();
    for commit in commits.iter().filter(|commit| commit.revision.0 > 1) {
        check_commit(
            commit,
            model.compacted,
            model.at(Revision(commit.revision.0 - 1)),
            model.at(commit.revision),
        );
    }
}

fn check_leases(store: &Store, model: &Model) {
    let present = model.at(model.revision());
    for id in (1..3).map(LeaseId) {
        let held = present.values().filter(|kv| kv.lease == id).map(|kv| kv.key.clone());
        let expected = model.leases.contains(&id).then(|| held.collect::<BTreeSet<_>>());
        assert_eq!(store.lease(id).map(|lease| lease.keys.clone()), expected);
    }
    assert_eq!(store.weight() - store.history_weight(), present.values().map(KeyValue::weight).sum());
}

fn check_txn(store: &mut Store, model: &mut Model, txn: &Txn) {
    let before = model.revision();
    match (store.apply(txn), model.apply(txn)) {
        (Err(TxnError::DuplicateKey { .. }), Err(Refused::Duplicate))
        | (
            Err(TxnError::KeyNotFound { .. } | TxnError::LeaseNotFound { .. }),
            Err(Refused::KeyNotFound | Refused::LeaseNotFound),
        ) => {}
        (Ok(applied), Ok(changed)) => {
            assert_eq!(applied.result.revision, model.revision());
            assert_eq!(applied.commit.is_some(), changed);
            if let Some(commit) = &applied.commit {
                check_commit(commit, model.compacted, model.at(before), model.at(model.revision()));
            }
            let events = applied.commit.iter().flat_map(|commit| &commit.events);
            let deletions = events.filter(|event| matches!(event, Event::Delete(_)));
            assert_eq!(deleted(&applied.result.results), deletions.count());
        }
        (ours, theirs) => panic!("the store says {ours:?}, the model {theirs:?}"),
    }
}

fn deleted(results: &[OpResult]) -> usize {
    let of = |result: &OpResult| match result {
        OpResult::DeleteRange { deleted, .. } => deleted.len(),
        OpResult::Txn(result) => deleted(&result.results),
        OpResult::Put { .. } | OpResult::Range(_) => 0,
    };
    results.iter().map(of).sum()
}

/// What was settled: how many revisions there were, and which leases.
struct Settled {
    revisions: usize,
    leases: BTreeSet<LeaseId>,
}

impl Settled {
    fn of(model: &Model) -> Self {
        Self { revisions: model.spaces.len(), leases: model.leases.clone() }
    }
}

fn check_step(store: &mut Store, model: &mut Model, settled: &mut Settled, step: Step) {
    match step {
        Step::Txn(txn) => check_txn(store, model, &txn),
        Step::Compact(percent) => {
            let settled = Revision(settled.revisions as i64);
            let oldest = model.compacted.max(0);
            let revision = Revision(oldest + (settled.0 - oldest) * percent / 100);
            let allowed = revision.0 > model.compacted && revision <= model.revision();
            assert_eq!(store.compact(revision).is_ok(), allowed);
            if allowed {
                model.compacted = revision.0;
            }
        }
        Step::Prune(budget) => drop(store.prune(budget)),
        Step::Grant(lease) => assert_eq!(store.grant(lease, TTL, NOW).is_ok(), model.leases.insert(lease)),
        Step::Revoke(lease) => {
            let revoked = store.revoke(lease).ok().map(|commit| commit.is_some());
            assert_eq!(revoked, model.revoke(lease));
        }
        Step::Settle => {
            store.settle();
            *settled = Settled::of(model);
        }
        Step::Rollback => {
            store.rollback(Revision(settled.revisions as i64));
            model.spaces.truncate(settled.revisions);
            model.leases = settled.leases.clone();
        }
    }
}

/// The commits of a store, made again on an empty one, give the same store.
fn check_redo(steps: &[Step]) {
    let (mut store, mut again) = (Store::default(), Store::default());
    for id in (1..3).map(LeaseId) {
        store.grant(id, TTL, NOW).expect("there is none yet");
        again.redo_grant(id, TTL, NOW);
    }
    for step in steps {
        let commit = match step {
            Step::Txn(txn) => store.apply(txn).ok().and_then(|applied| applied.commit),
            _ => None,
        };
        let Some(commit) = commit else { continue };
        let redo = |event: &Event| match event {
            Event::Put { kv, .. } => Redo::Put((**kv).clone()),
            Event::Delete(deletion) => Redo::Delete(deletion.key.clone()),
        };
        again
            .redo(commit.revision, commit.events.iter().map(redo).collect())
            .expect("commits follow one another");
    }
    let all = |store: &Store| read(store, &RangeRequest::new(KeyRange::all()));
    assert_eq!(all(&again), all(&store));
    let commits = |store: &Store| {
        store.history(Revision(2)).expect("nothing was compacted").cloned().collect::<Vec<_>>()
    };
    assert_eq!(commits(&again), commits(&store));
    let leases = |store: &Store| store.leases().map(|(id, lease)| (id, lease.clone())).collect::<Vec<_>>();
    assert_eq!(leases(&again), leases(&store));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_reads_as_the_model_at_every_revision(steps in vec(step(), 1..40), range in range()) {
        let mut store = Store::default();
        let mut model =
            Model { spaces: vec![Space::new()], compacted: Revision::UNCOMPACTED.0, leases: BTreeSet::new() };
        let mut settled = Settled::of(&model);
        check_redo(&steps);
        for step in steps {
            check_step(&mut store, &mut model, &mut settled, step);
            check_reads(&store, &model, &range);
            check_leases(&store, &model);
        }
        check_pages(&store, &model, &range);
        check_history(&store, &model);
    }
}
