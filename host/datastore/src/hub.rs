//! Who watches what. A commit wakes those alone whose ranges it changed; what they are told they read from the common
//! history at their own pace, so a slow one costs no memory of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mvcc::{Commit, Interest, KeyRange, Revision};
use tokio::sync::Notify;

/// A watch, unique in the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member(u64);

#[derive(Debug)]
pub(crate) struct Hub(Mutex<State>);

#[derive(Debug)]
struct State {
    interest: Interest<Member>,
    members: HashMap<Member, Watching>,
    next: u64,
    /// Every commit up to this revision was told of.
    told: Revision,
    /// Who is to be woken when that revision is told of.
    wanted: Vec<(Revision, Arc<Group>)>,
    closed: bool,
}

#[derive(Debug)]
struct Watching {
    group: Arc<Group>,
    range: KeyRange,
    /// The first revision that it wants to know of.
    start: Revision,
    /// The first revision with something for it that it has not read.
    unread: Option<Revision>,
}

/// Watches that one reader serves.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Those with something to read.
    ready: Mutex<VecDeque<Member>>,
    pub(crate) woken: Notify,
}

/// What a watch is to read: everything from one revision to another.
#[derive(Clone, Debug)]
pub(crate) struct Unread {
    pub(crate) member: Member,
    pub(crate) range: KeyRange,
    pub(crate) from: Revision,
    pub(crate) to: Revision,
}

impl Hub {
    pub(crate) fn new(told: Revision) -> Self {
        Self(Mutex::new(State {
            interest: Interest::default(),
            members: HashMap::new(),
            next: 0,
            told,
            wanted: Vec::new(),
            closed: false,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a range from a revision on.
    pub(crate) fn join(&self, group: &Arc<Group>, range: KeyRange, start: Revision) -> Member {
        let mut state = self.state();
        let member = Member(state.next);
        state.next += 1;
        let unread = (start <= state.told).then_some(start);
        if unread.is_some() {
            group.push(member);
        }
        state.interest.add(range.clone(), member);
        state.members.insert(member, Watching { group: Arc::clone(group), range, start, unread });
        member
    }

    pub(crate) fn leave(&self, member: Member) {
        let mut state = self.state();
        if let Some(watching) = state.members.remove(&member) {
            state.interest.remove(&watching.range, member);
        }
    }

    /// Wakes whom these commits concern, which are on disk and of the revisions up to `revision`.
    pub(crate) fn tell(&self, commits: &[Arc<Commit>], revision: Revision) {
        let mut state = self.state();
        let State { interest, members, told, wanted, .. } = &mut *state;
        *told = revision;
        for (_, group) in wanted.extract_if(.., |(wanted, _)| *wanted <= revision) {
            group.woken.notify_one();
        }
        for commit in commits {
            for event in &commit.events {
                interest.visit(event.key(), |member| {
                    let Some(watching) = members.get_mut(&member) else { return };
                    if watching.unread.is_none() && commit.revision >= watching.start {
                        watching.unread = Some(commit.revision);
                        watching.group.push(member);
                    }
                });
            }
        }
    }

    /// Wakes a group when everything up to a revision was told of.
    pub(crate) fn wake_at(&self, revision: Revision, group: &Arc<Group>) {
        let mut state = self.state();
        if revision <= state.told {
            group.woken.notify_one();
        } else {
            state.wanted.push((revision, Arc::clone(group)));
        }
    }

    /// Nothing is told any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.members.values().for_each(|watching| watching.group.woken.notify_one());
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// What the group's next watch in turn is to read; it counts as read.
    pub(crate) fn take(&self, group: &Group) -> Option<Unread> {
        let mut state = self.state();
        loop {
            let member = group.ready().pop_front()?;
            let to = state.told;
            let Some(watching) = state.members.get_mut(&member) else { continue };
            if let Some(from) = watching.unread.take() {
                return Some(Unread { member, range: watching.range.clone(), from, to });
            }
        }
    }

    /// The watch has not read what is from this revision on.
    pub(crate) fn put_back(&self, member: Member, from: Revision) {
        let mut state = self.state();
        if let Some(watching) = state.members.get_mut(&member) {
            if watching.unread.is_none() {
                watching.group.push(member);
            }
            watching.unread = Some(from);
        }
    }

    /// How many watches have something that they have not read.
    pub(crate) fn late(&self) -> usize {
        self.state().members.values().filter(|watching| watching.unread.is_some()).count()
    }

    /// The revision up to which the whole group has read everything, if it has.
    pub(crate) fn caught_up(&self, group: &Group) -> Option<Revision> {
        let state = self.state();
        group.ready().is_empty().then_some(state.told)
    }
}

impl Group {
    fn ready(&self) -> MutexGuard<'_, VecDeque<Member>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, member: Member) {
        self.ready().push_back(member);
        self.woken.notify_one();
    }
}
