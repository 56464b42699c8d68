//! [`Amounts`]: how much of each resource, in numbers that are quick to add and compare.

use objects::resources;

pub(crate) const CPU: &str = "cpu";
pub(crate) const MEMORY: &str = "memory";
pub(crate) const STORAGE: &str = "ephemeral-storage";
pub(crate) const PODS: &str = "pods";

/// What a container that asks for nothing counts as in scores, as upstream: a tenth of a core and 200 MiB.
pub(crate) const UNASKED_CPU: i64 = 100;
pub(crate) const UNASKED_MEMORY: i64 = 200 << 20;

/// Thousandths of cores, bytes, and whole units of everything else. Sums saturate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    pub(crate) cpu: i64,
    pub(crate) memory: i64,
    pub(crate) storage: i64,
    /// Of other resources, sorted by name.
    pub(crate) others: Vec<(Box<str>, i64)>,
}

impl Amounts {
    pub(crate) fn read(list: &resources::Amounts) -> Self {
        let mut amounts = Self::default();
        for (name, quantity) in list.iter() {
            match name {
                CPU => amounts.cpu = quantity.milli_value(),
                MEMORY => amounts.memory = quantity.value(),
                STORAGE => amounts.storage = quantity.value(),
                PODS => {}
                name => amounts.others.push((name.into(), quantity.value())),
            }
        }
        amounts
    }

    pub(crate) fn get(&self, name: &str) -> i64 {
        match name {
            CPU => self.cpu,
            MEMORY => self.memory,
            STORAGE => self.storage,
            name => match self.position(name) {
                Ok(found) => self.others[found].1,
                Err(_) => 0,
            },
        }
    }

    /// Every resource that is counted, upstream's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        let first = [(CPU, self.cpu), (MEMORY, self.memory), (STORAGE, self.storage)];
        first.into_iter().chain(self.others.iter().map(|(name, amount)| (&**name, *amount)))
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, i64::saturating_add);
    }

    pub(crate) fn subtract(&mut self, other: &Self) {
        self.combine(other, i64::saturating_sub);
    }

    fn combine(&mut self, other: &Self, with: impl Fn(i64, i64) -> i64) {
        self.cpu = with(self.cpu, other.cpu);
        self.memory = with(self.memory, other.memory);
        self.storage = with(self.storage, other.storage);
        for (name, amount) in &other.others {
            match self.position(name) {
                Ok(found) => self.others[found].1 = with(self.others[found].1, *amount),
                Err(place) => self.others.insert(place, (name.clone(), with(0, *amount))),
            }
        }
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.others.binary_search_by(|(known, _)| (**known).cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    #[test]
    fn amounts_add_up_by_name() {
        let read = |tree: objects::Tree| Amounts::read(&resources::Amounts::read(Some(&tree)));
        let mut sum = read(tree!({ "cpu": "1500m", "memory": "1Ki", "x.example/b": "2" }));
        sum.add(&read(tree!({ "cpu": "1", "x.example/a": "1", "pods": "3" })));
        let all: Vec<_> = sum.iter().collect();
        let expected = [(CPU, 2500), (MEMORY, 1024), (STORAGE, 0), ("x.example/a", 1), ("x.example/b", 2)];
        assert_eq!(all, expected);
        sum.subtract(&sum.clone());
        assert!(sum.iter().all(|(_, amount)| amount == 0));
    }
}
