//! FlowSchemas and PriorityLevelConfigurations as they are stored, and those that there are always.

use objects::Tree;
use objects::meta;
use tracing::warn;

use super::deal;
use super::queues::Shape;
use super::rule::Rule;
use super::share::Portion;

const EXEMPT: &str = "exempt";
pub(super) const CATCH_ALL: &str = "catch-all";

/// The precedence of a schema that names none, and of the two that there are always.
const PRECEDENCE: i64 = 1000;
const FIRST: i64 = 1;
const LAST: i64 = 10_000;

/// A PriorityLevelConfiguration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LevelConfig {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) shape: Shape,
    pub(super) portion: Portion,
}

/// A FlowSchema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SchemaConfig {
    pub(super) name: String,
    pub(super) uid: String,
    /// The name of its level.
    pub(super) level: String,
    precedence: i64,
    pub(super) distinguisher: Distinguisher,
    pub(super) rules: Vec<Rule>,
}

/// What tells the flows of a schema apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distinguisher {
    Nothing,
    User,
    Namespace,
}

/// Every level, and the schemas that have one in the order in which they are tried. Of the objects that there must be
/// those that are not there are as upstream makes them.
pub(super) fn read(levels: &[Tree], schemas: &[Tree]) -> (Vec<LevelConfig>, Vec<SchemaConfig>) {
    let mut levels: Vec<LevelConfig> = levels.iter().filter_map(LevelConfig::read).collect();
    for (name, level) in [(EXEMPT, LevelConfig::exempt()), (CATCH_ALL, LevelConfig::catch_all())] {
        if !levels.iter().any(|level| level.name == name) {
            levels.push(level);
        }
    }
    let mut schemas: Vec<SchemaConfig> = schemas.iter().map(SchemaConfig::read).collect();
    schemas.retain(|schema| levels.iter().any(|level| level.name == schema.level));
    for (name, schema) in [(EXEMPT, SchemaConfig::exempt()), (CATCH_ALL, SchemaConfig::catch_all())] {
        if !schemas.iter().any(|schema| schema.name == name) {
            schemas.push(schema);
        }
    }
    schemas.sort_by(|one, two| (one.precedence, &one.name).cmp(&(two.precedence, &two.name)));
    (levels, schemas)
}

impl LevelConfig {
    /// `None` for one that nobody can queue by, which is reported.
    fn read(tree: &Tree) -> Option<Self> {
        let number = |path: &[&str], default: u32| {
            tree.i64_at(path).map_or(default, |number| u32::try_from(number).unwrap_or_default())
        };
        let name = meta::name(tree);
        let (of, shares) = match tree.str_at(&["spec", "type"]) {
            Some("Exempt") => ("exempt", 0),
            _ => ("limited", 30),
        };
        let queuing = |name: &str, default: u32| {
            number(&["spec", "limited", "limitResponse", "queuing", name], default)
        };
        let shape = match (of, tree.str_at(&["spec", "limited", "limitResponse", "type"])) {
            ("exempt", _) => Shape::Exempt,
            (_, Some("Queue")) => Shape::Queue {
                queues: queuing("queues", 64),
                hand: queuing("handSize", 8),
                length: queuing("queueLengthLimit", 50),
            },
            _ => Shape::Reject,
        };
        if let Shape::Queue { queues, hand, .. } = shape
            && !deal::is_possible(queues, hand)
        {
            warn!(level = name, queues, hand, "a priority level is ignored: its queues cannot be dealt");
            return None;
        }
        let portion = Portion {
            shares: number(&["spec", of, "nominalConcurrencyShares"], shares),
            lendable_percent: number(&["spec", of, "lendablePercent"], 0),
            borrowing_percent: tree
                .i64_at(&["spec", of, "borrowingLimitPercent"])
                .map(|percent| u32::try_from(percent).unwrap_or_default()),
        };
        Some(Self { name: name.to_owned(), uid: meta::uid(tree).to_owned(), shape, portion })
    }

    fn exempt() -> Self {
        let portion = Portion { shares: 0, lendable_percent: 0, borrowing_percent: None };
        Self { name: EXEMPT.to_owned(), uid: String::new(), shape: Shape::Exempt, portion }
    }

    fn catch_all() -> Self {
        let portion = Portion { shares: 5, lendable_percent: 0, borrowing_percent: None };
        Self { name: CATCH_ALL.to_owned(), uid: String::new(), shape: Shape::Reject, portion }
    }
}

impl SchemaConfig {
    fn read(tree: &Tree) -> Self {
        let text = |path: &[&str]| tree.str_at(path).unwrap_or_default().to_owned();
        Self {
            name: meta::name(tree).to_owned(),
            uid: meta::uid(tree).to_owned(),
            level: text(&["spec", "priorityLevelConfiguration", "name"]),
            precedence: tree.i64_at(&["spec", "matchingPrecedence"]).unwrap_or(PRECEDENCE),
            distinguisher: match tree.str_at(&["spec", "distinguisherMethod", "type"]) {
                Some("ByUser") => Distinguisher::User,
                Some("ByNamespace") => Distinguisher::Namespace,
                _ => Distinguisher::Nothing,
            },
            rules: tree.items_at(&["spec", "rules"]).iter().map(Rule::read).collect(),
        }
    }

    fn always(name: &str, precedence: i64, distinguisher: Distinguisher, groups: &[&str]) -> Self {
        let rules = vec![Rule::of_groups(groups)];
        let name = name.to_owned();
        Self { level: name.clone(), name, uid: String::new(), precedence, distinguisher, rules }
    }

    fn exempt() -> Self {
        Self::always(EXEMPT, FIRST, Distinguisher::Nothing, &["system:masters"])
    }

    fn catch_all() -> Self {
        let groups = ["system:unauthenticated", "system:authenticated"];
        Self::always(CATCH_ALL, LAST, Distinguisher::User, &groups)
    }
}

#[cfg(test)]
mod tests {
    use objects::tree;

    use super::*;

    fn schema(name: &str, precedence: i64, level: &str) -> Tree {
        tree!({
            "metadata": { "name": name, "uid": (format!("uid of {name}")) },
            "spec": { "matchingPrecedence": precedence, "priorityLevelConfiguration": { "name": level } },
        })
    }

    #[test]
    fn what_must_be_there_is_there_and_schemas_are_in_order() {
        let level = tree!({ "metadata": { "name": "mine" }, "spec": { "type": "Limited", "limited": {} } });
        let schemas = [
            schema("late", 9000, "mine"),
            schema("b", 500, "mine"),
            schema("dangling", 400, "nothing"),
            schema("a", 500, "catch-all"),
        ];
        let (levels, schemas) = read(&[level], &schemas);
        let levels: Vec<_> = levels.iter().map(|level| level.name.as_str()).collect();
        assert_eq!(levels, ["mine", "exempt", "catch-all"]);
        let schemas: Vec<_> = schemas.iter().map(|schema| schema.name.as_str()).collect();
        assert_eq!(schemas, ["exempt", "a", "b", "late", "catch-all"]);
        let (levels, schemas) = read(&[], &[]);
        assert_eq!((levels.len(), schemas.len()), (2, 2));
    }

    #[test]
    fn a_stored_object_takes_the_place_of_one_that_must_be_there() {
        let level = tree!({
            "metadata": { "name": "catch-all", "uid": "stored" },
            "spec": { "type": "Limited", "limited": { "nominalConcurrencyShares": 7 } },
        });
        let (levels, schemas) = read(&[level], &[schema("catch-all", 10_000, "catch-all")]);
        assert_eq!((levels[0].uid.as_str(), levels[0].portion.shares), ("stored", 7));
        assert_eq!((schemas[1].uid.as_str(), schemas.len()), ("uid of catch-all", 2));
    }

    #[test]
    fn levels_queue_as_they_say_or_as_is_usual() {
        let level = |spec: Tree| LevelConfig::read(&tree!({ "metadata": { "name": "x" }, "spec": spec }));
        let queue = |queuing: Tree| {
            let response = tree!({ "type": "Queue", "queuing": queuing });
            level(
                tree!({ "type": "Limited", "limited": { "lendablePercent": 50, "limitResponse": response } }),
            )
        };
        let usual = queue(tree!({})).unwrap();
        assert_eq!(usual.shape, Shape::Queue { queues: 64, hand: 8, length: 50 });
        let portion = Portion { shares: 30, lendable_percent: 50, borrowing_percent: None };
        assert_eq!(usual.portion, portion);
        let own = queue(tree!({ "queues": 16, "handSize": 4, "queueLengthLimit": 5 })).unwrap();
        assert_eq!(own.shape, Shape::Queue { queues: 16, hand: 4, length: 5 });
        assert_eq!(queue(tree!({ "queues": 4, "handSize": 5 })), None);
        let reject =
            level(tree!({ "type": "Limited", "limited": { "limitResponse": { "type": "Reject" } } }));
        assert_eq!(reject.unwrap().shape, Shape::Reject);
        let exempt = level(tree!({ "type": "Exempt" })).unwrap();
        assert_eq!((exempt.shape, exempt.portion.shares), (Shape::Exempt, 0));
    }
}
