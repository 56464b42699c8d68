//! Completeness: what a branch of a junctor says of a field or an item, the structure knows too.

use crate::findings::Findings;
use crate::props::Props;

/// Looks for fields and items that only branches have.
pub(super) fn validate(props: Props<'_>, found: &mut Findings) {
    let root = found.trail.as_str().to_owned();
    Walk { branch: root, found }.values(props, Some(props));
}

struct Walk<'f> {
    /// The path of the branch, while the findings have the path of the structure.
    branch: String,
    found: &'f mut Findings,
}

impl Walk<'_> {
    /// `structure` is what has the place of these values; `None` where nothing has.
    fn values(&mut self, props: Props<'_>, structure: Option<Props<'_>>) {
        if let Some(not) = props.child("not") {
            self.branch(".not", |walk| walk.nested(not, structure));
        }
        for junctor in ["allOf", "anyOf", "oneOf"] {
            for (index, branch) in props.branches(junctor).enumerate() {
                self.branch(&format!(".{junctor}[{index}]"), |walk| walk.nested(branch, structure));
            }
        }
    }

    fn branch(&mut self, step: &str, walk: impl FnOnce(&mut Self)) {
        let len = self.branch.len();
        self.branch.push_str(step);
        walk(self);
        self.branch.truncate(len);
    }

    fn nested(&mut self, props: Props<'_>, structure: Option<Props<'_>>) {
        self.values(props, structure);
        if let Some(item) = props.item() {
            self.below(".items", "items", None, item, structure.and_then(Props::item));
        }
        for (name, property) in props.properties() {
            let known = structure.and_then(|structure| structure.property(name));
            self.below(&format!(".properties[{name}]"), "properties", Some(name), property, known);
        }
    }

    fn below(
        &mut self,
        step: &str,
        keyword: &str,
        key: Option<&str>,
        props: Props<'_>,
        structure: Option<Props<'_>>,
    ) {
        let mark = self.found.trail.keyword(keyword, key);
        self.branch(step, |walk| {
            if structure.is_some() {
                walk.nested(props, structure);
            } else {
                let detail = format!("because it is defined in {}", walk.branch);
                let path = walk.found.trail.path();
                walk.found.push(objects::validate::FieldError::required(&path, detail));
            }
        });
        self.found.trail.back(mark);
    }
}
