//! JSONPath as printer columns have it: fields, indices, slices, unions, wildcards, descent and filters.
//!
//! Of a template only the first expression counts, and of its results the first: that is what a column shows.

mod parse;

use objects::Tree;

use crate::schema::{Pattern, Patterns};

/// How many values an expression may have on its way: unions and descents multiply them.
const MAX_VALUES: usize = 10_000;

/// A parsed expression.
#[derive(Debug)]
pub struct JsonPath(Vec<Step>);

/// Why an expression gives no value; a column is then empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NoValue;

#[derive(Debug)]
enum Step {
    Field(String),
    Wildcard,
    Descent,
    Slice { start: Option<i64>, end: Option<i64>, step: Option<i64> },
    Index(i64),
    Union(Vec<JsonPath>),
    Filter(Filter),
    Literal(Tree),
}

#[derive(Debug)]
struct Filter {
    left: JsonPath,
    /// `None` asks whether there is a left side.
    right: Option<(Operator, JsonPath)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Matches,
}

impl JsonPath {
    /// Reads an expression without its braces: `.spec.containers[0].image`.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text)
    }

    /// The first value that the expression gives.
    pub fn first<'a>(&'a self, tree: &'a Tree) -> Option<&'a Tree> {
        self.eval(vec![tree]).ok()?.first().copied()
    }

    fn eval<'a>(&'a self, values: Vec<&'a Tree>) -> Result<Vec<&'a Tree>, NoValue> {
        self.0.iter().try_fold(values, |values, step| {
            let next = step.eval(values)?;
            if next.len() > MAX_VALUES { Err(NoValue) } else { Ok(next) }
        })
    }
}

impl Step {
    fn eval<'a>(&'a self, values: Vec<&'a Tree>) -> Result<Vec<&'a Tree>, NoValue> {
        match self {
            Self::Field(name) => Ok(values.into_iter().filter_map(|value| value.get(name)).collect()),
            Self::Wildcard => Ok(values.into_iter().flat_map(children).collect()),
            Self::Descent => {
                let mut found = Vec::new();
                values.into_iter().try_for_each(|value| descend(value, &mut found))?;
                Ok(found)
            }
            Self::Index(index) => each_array(values, |items| {
                let index = if *index < 0 { index + len(items) } else { *index };
                usize::try_from(index).ok().and_then(|index| items.get(index..=index)).ok_or(NoValue)
            }),
            Self::Slice { start, end, step } => slice(values, *start, *end, *step),
            Self::Union(paths) => {
                let mut found = Vec::new();
                for path in paths {
                    found.extend(path.eval(values.clone())?);
                }
                Ok(found)
            }
            Self::Filter(filter) => {
                let mut found = Vec::new();
                for value in values {
                    let Tree::Array(items) = value else { return Err(NoValue) };
                    for item in items {
                        if filter.passes(item)? {
                            found.push(item);
                        }
                    }
                }
                Ok(found)
            }
            Self::Literal(value) => Ok(values.into_iter().map(|_| value).collect()),
        }
    }
}

fn len(items: &[Tree]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

fn children(value: &Tree) -> Vec<&Tree> {
    match value {
        Tree::Object(fields) => fields.values().collect(),
        Tree::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    }
}

/// The value and all values within that have values within.
fn descend<'a>(value: &'a Tree, found: &mut Vec<&'a Tree>) -> Result<(), NoValue> {
    let within = children(value);
    if within.is_empty() {
        return Ok(());
    }
    if found.len() == MAX_VALUES {
        return Err(NoValue);
    }
    found.push(value);
    within.into_iter().try_for_each(|child| descend(child, found))
}

/// What is taken of each array; null is passed over, anything else has no items.
fn each_array<'a>(
    values: Vec<&'a Tree>,
    take: impl Fn(&'a [Tree]) -> Result<&'a [Tree], NoValue>,
) -> Result<Vec<&'a Tree>, NoValue> {
    let mut found = Vec::new();
    for value in values {
        match value {
            Tree::Null => {}
            Tree::Array(items) => found.extend(take(items)?),
            _ => return Err(NoValue),
        }
    }
    Ok(found)
}

fn slice(
    values: Vec<&Tree>,
    start: Option<i64>,
    end: Option<i64>,
    step: Option<i64>,
) -> Result<Vec<&Tree>, NoValue> {
    let step = usize::try_from(step.unwrap_or(1)).ok().filter(|step| *step > 0).ok_or(NoValue)?;
    let mut found = Vec::new();
    for value in values {
        let taken = each_array(vec![value], |items| {
            let from_end = |at: i64| if at < 0 { at + len(items) } else { at };
            let (start, end) = (from_end(start.unwrap_or(0)), from_end(end.unwrap_or(len(items))));
            if start == end {
                return Ok(&[]);
            }
            let at = |index: i64| usize::try_from(index).map_err(|_| NoValue);
            items.get(at(start)?..at(end)?).filter(|_| start < len(items)).ok_or(NoValue)
        })?;
        found.extend(taken.into_iter().step_by(step));
    }
    Ok(found)
}

impl Filter {
    fn passes(&self, item: &Tree) -> Result<bool, NoValue> {
        let left = self.left.eval(vec![item]);
        let Some((operator, right)) = &self.right else {
            return Ok(left.is_ok_and(|values| !values.is_empty()));
        };
        let right = right.eval(vec![item])?;
        match (left?.as_slice(), right.as_slice()) {
            ([], _) | (_, []) => Ok(false),
            ([left], [right]) => operator.holds(left, right),
            _ => Err(NoValue),
        }
    }
}

impl Operator {
    /// Values of two types cannot be compared.
    fn holds(self, left: &Tree, right: &Tree) -> Result<bool, NoValue> {
        let order = match (left, right) {
            (Tree::Str(text), Tree::Str(pattern)) if self == Self::Matches => {
                let pattern = Patterns::default().get(pattern).map_err(|_| NoValue)?;
                return Ok(Pattern::matches(&pattern, text));
            }
            (Tree::Bool(left), Tree::Bool(right)) if [Self::Equal, Self::NotEqual].contains(&self) => {
                Some(left.cmp(right))
            }
            (Tree::Int(left), Tree::Int(right)) => Some(left.cmp(right)),
            (Tree::Float(left), Tree::Float(right)) => left.partial_cmp(right),
            (Tree::Str(left), Tree::Str(right)) => Some(left.cmp(right)),
            _ => return Err(NoValue),
        };
        let Some(order) = order else { return Ok(self == Self::NotEqual) };
        match self {
            Self::Less => Ok(order.is_lt()),
            Self::LessOrEqual => Ok(order.is_le()),
            Self::Greater => Ok(order.is_gt()),
            Self::GreaterOrEqual => Ok(order.is_ge()),
            Self::Equal => Ok(order.is_eq()),
            Self::NotEqual => Ok(order.is_ne()),
            Self::Matches => Err(NoValue),
        }
    }
}

#[cfg(test)]
mod tests {
    use objects::Tree;

    use super::JsonPath;

    const POD: &str = r#"{"metadata":{"name":"a","labels":{"app.kubernetes.io/name":"web"}},
        "spec":{"containers":[{"name":"x","image":"one","port":80},{"name":"y","image":"two","port":90}]},
        "status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Other","status":"False"}],"nothing":null}}"#;

    fn first(path: &str) -> String {
        let pod = Tree::from_json(POD.as_bytes()).unwrap();
        match JsonPath::parse(path) {
            Ok(parsed) => parsed.first(&pod).map_or("none".to_owned(), Tree::to_json_string),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn expressions_lead_to_their_first_value() {
        for (path, expected) in [
            (".metadata.name", r#""a""#),
            (".metadata.labels.app\\.kubernetes\\.io/name", r#""web""#),
            (".metadata.labels['app\\.kubernetes\\.io/name']", r#""web""#),
            (".spec.containers[1].image", r#""two""#),
            (".spec.containers[-1].name", r#""y""#),
            (".spec.containers[*].name", r#""x""#),
            (".spec.containers[1:].name", r#""y""#),
            (".spec.containers[0:2:1].name", r#""x""#),
            (".spec.containers[0,1].name", r#""x""#),
            (".spec['containers'][0]['name']", r#""x""#),
            (".status.conditions[?(@.type==\"Ready\")].status", r#""True""#),
            (".status.conditions[?(@.type=='Other')].status", r#""False""#),
            (".status.conditions[?(@.type!='Ready')].type", r#""Other""#),
            (".spec.containers[?(@.port>80)].name", r#""y""#),
            (".spec.containers[?(@.name=~\"^y$\")].port", "90"),
            (".spec.containers[?(@.missing)].name", "none"),
            ("..image", r#""one""#),
            (".status.nothing", "null"),
            (".missing.deeper", "none"),
            (".metadata[0]", "none"),
            (".spec.containers[7].name", "none"),
            (".", "none"),
            ("$.metadata.name", r#""a""#),
        ] {
            assert_eq!(first(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for (path, expected) in [
            (".a[", "error: unterminated array"),
            (".a[x]", "error: invalid array index x"),
            (".a[?(@.b==1)", "error: unclosed array expect ]"),
            (".a[?(@.b", "error: unterminated filter"),
            (".a....b", "error: invalid multiple recursive descent"),
            (".a'b", "none"),
            ("%", "error: unrecognized character in action: U+0025 '%'"),
        ] {
            assert_eq!(first(path), expected, "{path}");
        }
    }

    #[test]
    fn values_on_the_way_are_bounded() {
        let union = "[0,0,0,0,0,0,0,0]".repeat(12);
        let nested = (0..20).fold(Tree::from("x"), |below, _| Tree::Array(vec![below]));
        assert_eq!(JsonPath::parse(&union).unwrap().first(&nested), None);
    }
}
