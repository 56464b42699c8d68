//! Who else has a say in where pods go: the extenders of the configuration, and those of a [`Counsel`], which come and go.
//! Of such a pod the scheduler finds the nodes that fit, asks, and then decides among those that are left: what changed
//! meanwhile counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use client::{Client, ListOptions};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use k8s_openapi::api::core::v1::{Node, Pod};
use objects::{Tree, meta};
use tracing::warn;

use crate::extender::Extender;
use crate::view::PodView;

/// One that judges and ranks nodes, and may bind pods.
pub trait Advise: Send + Sync + 'static {
    /// As it is told of in errors.
    fn name(&self) -> String;

    /// Where it does not answer, it is as if it were not there.
    fn is_ignorable(&self) -> bool;

    /// Whether it wants to see whole nodes.
    fn wants_nodes(&self) -> bool {
        false
    }

    /// Which of the nodes it leaves.
    fn filter<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Judged, String>>;

    /// Nodes with their scores, as plugins' with their weights are.
    fn rank<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Vec<(String, i64)>, String>>;

    /// Binds a pod in the scheduler's place, where it does that.
    fn binder(&self) -> Option<&dyn Bind> {
        None
    }
}

/// One that binds the pods that are its business.
pub trait Bind: Send + Sync {
    fn bind<'a>(&'a self, pod: &'a Bound, node: &'a str) -> BoxFuture<'a, Result<(), String>>;
}

/// A pod, and nodes that fit it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    pub pod: Tree,
    /// Their names.
    pub nodes: Vec<String>,
    /// The nodes by their names, where somebody wants to see them.
    pub objects: BTreeMap<String, Tree>,
}

/// What one says of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// The names of those that are left.
    pub kept: Vec<String>,
    pub refused: Vec<Refused>,
}

/// A node that one refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub node: String,
    pub reason: String,
    /// Whether it may pass when other pods go.
    pub is_resolvable: bool,
}

/// Which pod is to be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

/// Those who have a say.
pub type Advisors = Vec<Arc<dyn Advise>>;

/// Others than the extenders of the configuration, as they are at each moment.
pub trait Counsel: Send + Sync + 'static {
    /// Those whose business a pod is, in the order in which they are asked. Called for every pod: where it is nobody's,
    /// it is to cost nothing.
    fn concerned(&self, pod: &Sought<'_>) -> Advisors;

    /// Says each time that one of them may say another thing: the pods that wait are looked at again.
    fn changes(&self) -> BoxStream<'static, ()>;
}

/// What tells whose business a pod is.
#[derive(Clone, Copy)]
pub struct Sought<'a>(pub(crate) &'a PodView);

impl<'a> Sought<'a> {
    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.0.labels.get(key)
    }

    /// Whether it asks for any of a resource.
    pub fn requests(&self, resource: &str) -> bool {
        self.0.requests.get(resource) > 0
    }
}

/// Everybody who may have a say.
#[derive(Default)]
pub(crate) struct Council {
    pub(crate) extenders: Vec<Arc<Extender>>,
    pub(crate) counsel: Option<Arc<dyn Counsel>>,
}

impl Council {
    /// Those whose business a pod is: the extenders first.
    pub(crate) fn concerned(&self, pod: &PodView) -> Advisors {
        let sought = Sought(pod);
        let extenders = self.extenders.iter().filter(|extender| extender.concerns(&sought));
        let mut concerned: Advisors = extenders.map(|extender| extender.clone() as Arc<dyn Advise>).collect();
        if let Some(counsel) = &self.counsel {
            concerned.extend(counsel.concerned(&sought));
        }
        concerned
    }
}

/// What all said together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) kept: Vec<String>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) scores: HashMap<String, i64>,
}

/// Asks them one after another of the nodes that those before left, then each how it ranks those that all left.
///
/// # Errors
/// What one said that cannot be done without.
pub(crate) async fn ask(
    client: &Client,
    pod: &PodView,
    advisors: &Advisors,
    nodes: Vec<String>,
) -> Result<Advice, String> {
    let key = &pod.head.key;
    let pods = client.namespaced::<Pod>(&key.namespace).viewed::<Tree>();
    let whole = pods.get(&key.name).await.map_err(|error| error.to_string())?;
    let mut case = Case { pod: whole, nodes, objects: BTreeMap::new() };
    if advisors.iter().any(|advisor| advisor.wants_nodes()) {
        let list = client.cluster::<Node>().viewed::<Tree>().list_all(&ListOptions::default()).await;
        let list = list.map_err(|error| error.to_string())?.items.into_iter();
        case.objects = list.map(|node| (meta::name(&node).to_owned(), node)).collect();
    }
    judge(advisors, case).await
}

async fn judge(advisors: &Advisors, mut case: Case) -> Result<Advice, String> {
    let mut refused = Vec::new();
    for advisor in advisors {
        if case.nodes.is_empty() {
            break;
        }
        match advisor.filter(&case).await {
            Ok(judged) => {
                let kept: HashSet<String> = judged.kept.into_iter().collect();
                case.nodes.retain(|node| kept.contains(node));
                refused.extend(judged.refused);
            }
            Err(why) if advisor.is_ignorable() => {
                warn!(advisor = advisor.name(), why, "no advice on nodes, which is ignored");
            }
            Err(why) => return Err(format!("{}: {why}", advisor.name())),
        }
    }
    let mut scores: HashMap<String, i64> = HashMap::new();
    if case.nodes.len() > 1 {
        for advisor in advisors {
            match advisor.rank(&case).await {
                Ok(ranks) => {
                    for (node, score) in ranks {
                        *scores.entry(node).or_default() += score;
                    }
                }
                // As upstream: nobody's ranks are needed.
                Err(why) => warn!(advisor = advisor.name(), why, "no advice on which node is best"),
            }
        }
    }
    Ok(Advice { kept: case.nodes, refused, scores })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps, ranks and fails as it is told.
    struct Scripted {
        keeps: Result<Vec<&'static str>, &'static str>,
        ranks: Vec<(&'static str, i64)>,
        is_ignorable: bool,
    }

    impl Advise for Scripted {
        fn name(&self) -> String {
            "scripted".to_owned()
        }

        fn is_ignorable(&self) -> bool {
            self.is_ignorable
        }

        fn filter<'a>(&'a self, case: &'a Case) -> BoxFuture<'a, Result<Judged, String>> {
            let judged = self.keeps.as_ref().map_err(|why| (*why).to_owned()).map(|kept| {
                let refused = case.nodes.iter().filter(|node| !kept.contains(&node.as_str()));
                let refused = refused.map(|node| Refused {
                    node: node.clone(),
                    reason: "not so".to_owned(),
                    is_resolvable: true,
                });
                Judged {
                    kept: kept.iter().map(|node| (*node).to_owned()).collect(),
                    refused: refused.collect(),
                }
            });
            Box::pin(std::future::ready(judged))
        }

        fn rank<'a>(&'a self, _: &'a Case) -> BoxFuture<'a, Result<Vec<(String, i64)>, String>> {
            let ranks = self.ranks.iter().map(|(node, score)| ((*node).to_owned(), *score));
            Box::pin(std::future::ready(Ok(ranks.collect())))
        }
    }

    fn keeping(nodes: &[&'static str]) -> Arc<dyn Advise> {
        let ranks = nodes.iter().map(|node| (*node, 10)).collect();
        Arc::new(Scripted { keeps: Ok(nodes.to_vec()), ranks, is_ignorable: false })
    }

    fn failing(is_ignorable: bool) -> Arc<dyn Advise> {
        Arc::new(Scripted { keeps: Err("down"), ranks: Vec::new(), is_ignorable })
    }

    async fn judged(advisors: Advisors) -> Result<Advice, String> {
        let nodes = ["a", "b", "c"].map(str::to_owned).to_vec();
        judge(&advisors, Case { nodes, ..Case::default() }).await
    }

    #[tokio::test]
    async fn each_is_asked_of_what_those_before_left_and_their_ranks_add_up() {
        let advice = judged(vec![keeping(&["a", "b"]), keeping(&["b", "a", "c"])]).await.unwrap();
        assert_eq!(advice.kept, ["a", "b"]);
        assert_eq!(advice.refused.iter().map(|one| one.node.as_str()).collect::<Vec<_>>(), ["c"]);
        assert_eq!((advice.scores["a"], advice.scores["b"]), (20, 20));
    }

    #[tokio::test]
    async fn without_an_answer_nothing_goes_on_unless_it_may_be_ignored() {
        assert_eq!(judged(vec![failing(false)]).await, Err("scripted: down".to_owned()));
        assert_eq!(judged(vec![failing(true), keeping(&["a"])]).await.unwrap().kept, ["a"]);
    }
}
