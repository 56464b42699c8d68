//! Of which pods an addon is asked, and what becomes of one where it does not answer.

use std::fmt;

use objects::selector::LabelSelector;
use objects::selector::label::LabelSelectorError;
use serde::{Deserialize, Serialize};

use super::Failure;

/// The most that its scores may weigh, as a plugin's of the scheduler.
const HEAVIEST: u32 = 100;

/// The field `scheduling` of the metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchedulingSpec {
    /// Labels of the pods; an empty text is every pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selector: Option<PodSelector>,
    /// Where there are any: the pods that request one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    /// What becomes of such a pod where the addon gives no answer: it waits, or goes on without it.
    #[serde(default)]
    pub(crate) failure: Failure,
    /// What its scores are multiplied by.
    #[serde(default = "one")]
    pub(crate) weight: u32,
}

fn one() -> u32 {
    1
}

/// A label selector, in the words of Kubernetes' API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct PodSelector {
    text: String,
    selector: LabelSelector,
}

impl TryFrom<String> for PodSelector {
    type Error = LabelSelectorError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let selector = LabelSelector::parse(&text)?;
        Ok(Self { text, selector })
    }
}

impl From<PodSelector> for String {
    fn from(selector: PodSelector) -> Self {
        selector.text
    }
}

/// What tells whose business a pod is.
pub trait Pod {
    fn label(&self, key: &str) -> Option<&str>;

    /// Whether it requests any of a resource.
    fn requests(&self, resource: &str) -> bool;
}

impl SchedulingSpec {
    /// Whether it is asked of a pod.
    pub(crate) fn concerns(&self, pod: &impl Pod) -> bool {
        let selects = |one: &PodSelector| one.selector.matches(|key| pod.label(key));
        self.selector.as_ref().is_none_or(selects)
            && (self.resources.is_empty() || self.resources.iter().any(|resource| pod.requests(resource)))
    }

    /// What is wrong with it.
    pub(crate) fn wrong(&self) -> Vec<&'static str> {
        let checks = [
            (self.selector.is_none() && self.resources.is_empty(), "has neither a selector nor resources"),
            (self.resources.iter().any(String::is_empty), "names an empty resource"),
            (!(1..=HEAVIEST).contains(&self.weight), "has a weight that is not of 1 to 100"),
        ];
        checks.into_iter().filter(|(is_wrong, _)| *is_wrong).map(|(_, what)| what).collect()
    }
}

/// For the operator, who lets it have this say.
impl fmt::Display for SchedulingSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.selector.as_ref().map(|one| one.text.as_str()).filter(|text| !text.is_empty());
        match labels {
            Some(labels) => write!(f, "says where pods labelled {labels} may go")?,
            None => f.write_str("says where pods may go")?,
        }
        if !self.resources.is_empty() {
            write!(f, " that request {}", self.resources.join(" or "))?;
        }
        f.write_str(match self.failure {
            Failure::Fail => "; they wait while it fails",
            Failure::Ignore => "; they go on while it fails",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pod of one label that requests one resource.
    struct Labelled(&'static str, &'static str);

    impl Pod for Labelled {
        fn label(&self, key: &str) -> Option<&str> {
            (key == self.0).then_some("yes")
        }

        fn requests(&self, resource: &str) -> bool {
            resource == self.1
        }
    }

    fn spec(json: &str) -> SchedulingSpec {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_addon_is_asked_of_the_pods_that_it_names() {
        let concerns = |json: &str, pod: Labelled| spec(json).concerns(&pod);
        let (labels, both) =
            (r#"{"selector":"a in (yes, no)"}"#, r#"{"selector":"a","resources":["example.com/gpu","b"]}"#);
        assert!(concerns(labels, Labelled("a", "")) && !concerns(labels, Labelled("b", "")));
        assert!(concerns(both, Labelled("a", "b")));
        assert!(!concerns(both, Labelled("a", "cpu")) && !concerns(both, Labelled("b", "b")));
        assert!(concerns(r#"{"selector":""}"#, Labelled("", "")));
        assert!(concerns(r#"{"resources":["b"]}"#, Labelled("", "b")));
    }

    #[test]
    fn an_operator_is_told_whose_pods_it_is_asked_of() {
        let told = |json: &str| spec(json).to_string();
        assert_eq!(
            told(r#"{"selector":"a=b","resources":["x","y"]}"#),
            "says where pods labelled a=b may go that request x or y; they wait while it fails"
        );
        let all = r#"{"selector":"","failure":"ignore"}"#;
        assert_eq!(told(all), "says where pods may go; they go on while it fails");
    }

    #[test]
    fn one_that_names_no_pods_or_weighs_nothing_is_told() {
        let nothing = spec(r#"{"weight":0,"resources":[]}"#);
        assert_eq!(
            nothing.wrong(),
            ["has neither a selector nor resources", "has a weight that is not of 1 to 100"]
        );
        assert_eq!(spec(r#"{"selector":""}"#).wrong(), [""; 0]);
        assert!(serde_json::from_str::<SchedulingSpec>(r#"{"selector":"a=="#).is_err());
        assert!(serde_json::from_str::<SchedulingSpec>(r#"{"selector":"a in"}"#).is_err());
        let text = r#"{"selector":"a,!b","failure":"ignore","weight":3}"#;
        assert_eq!(serde_json::to_string(&spec(text)).unwrap(), text);
    }
}
