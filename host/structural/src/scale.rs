//! The scale sub-resource: where the replicas of a custom resource are, read as and written from a Scale.

use objects::validate::{FieldError, Path};
use objects::{Tree, meta, tree};

/// The paths of the scale sub-resource of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    pub spec_replicas: FieldAt,
    pub status_replicas: FieldAt,
    pub label_selector: Option<FieldAt>,
}

/// A field by a path as the definition has it: `.spec.replicas`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldAt {
    pub text: String,
    /// The names of the path.
    pub names: Vec<String>,
}

/// Why an object has no scale, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// A field on the way, or at its end, is of another type.
    #[error("{path} accessor error: {value} is of the type {actual}, expected {expected}")]
    Type { path: String, value: String, actual: &'static str, expected: &'static str },
    #[error("the spec replicas field {0:?} does not exist")]
    Missing(String),
    #[error("the spec replicas field {0:?} cannot be empty")]
    Empty(String),
    #[error("value cannot be set because {0} is not a map[string]interface{{}}")]
    NoMap(String),
}

impl FieldAt {
    fn parse(text: &str) -> Self {
        let names = text.strip_prefix('.').unwrap_or(text).split('.').map(str::to_owned).collect();
        Self { text: text.to_owned(), names }
    }

    fn find<'a>(&self, object: &'a Tree) -> Result<Option<&'a Tree>, ScaleError> {
        let mut value = object;
        for (depth, name) in self.names.iter().enumerate() {
            match value {
                Tree::Object(fields) => match fields.get(name) {
                    Some(below) => value = below,
                    None => return Ok(None),
                },
                Tree::Null => return Ok(None),
                // Upstream tells the path with the name that it was looking for.
                other => return Err(self.mismatch(depth + 1, other, "map[string]interface{}")),
            }
        }
        Ok(Some(value))
    }

    fn number(&self, object: &Tree) -> Result<Option<i64>, ScaleError> {
        match self.find(object)? {
            None => Ok(None),
            Some(Tree::Int(value)) => Ok(Some(*value)),
            Some(other) => Err(self.mismatch(self.names.len(), other, "int64")),
        }
    }

    fn string<'a>(&self, object: &'a Tree) -> Result<Option<&'a str>, ScaleError> {
        match self.find(object)? {
            None => Ok(None),
            Some(Tree::Str(value)) => Ok(Some(value)),
            Some(other) => Err(self.mismatch(self.names.len(), other, "string")),
        }
    }

    fn up_to(&self, depth: usize) -> String {
        self.names[..depth].iter().map(|name| format!(".{name}")).collect()
    }

    fn mismatch(&self, depth: usize, value: &Tree, expected: &'static str) -> ScaleError {
        let (actual, shown) = match value {
            Tree::Null => ("<nil>", "<nil>".to_owned()),
            Tree::Bool(value) => ("bool", value.to_string()),
            Tree::Int(value) => ("int64", value.to_string()),
            Tree::Float(value) => ("float64", crate::value::go_float(*value)),
            Tree::Str(value) => ("string", value.to_string()),
            Tree::Array(_) => ("[]interface {}", value.to_json_string()),
            Tree::Object(_) => ("map[string]interface {}", value.to_json_string()),
        };
        ScaleError::Type { path: self.up_to(depth), value: shown, actual, expected }
    }

    fn set(&self, object: &mut Tree, value: i64) -> Result<(), ScaleError> {
        let (last, parents) = self.names.split_last().unwrap_or((&self.text, &[]));
        let mut at = object;
        for (depth, name) in parents.iter().enumerate() {
            at = at.object_mut().entry(name, Tree::object);
            if !matches!(at, Tree::Object(_)) {
                return Err(ScaleError::NoMap(self.up_to(depth + 1)));
            }
        }
        at.insert(last.as_str(), value);
        Ok(())
    }
}

impl Scale {
    /// Reads `subresources.scale`.
    pub fn parse(scale: &Tree) -> Self {
        let text = |name: &str| scale.str_at(&[name]).unwrap_or_default();
        let selector = Some(text("labelSelectorPath")).filter(|path| !path.is_empty());
        Self {
            spec_replicas: FieldAt::parse(text("specReplicasPath")),
            status_replicas: FieldAt::parse(text("statusReplicasPath")),
            label_selector: selector.map(FieldAt::parse),
        }
    }

    /// The autoscaling/v1 Scale of an object that has replicas.
    pub fn read(&self, object: &Tree) -> Result<Tree, ScaleError> {
        match self.spec_replicas.number(object)? {
            Some(replicas) => self.scale(object, replicas),
            None => Err(ScaleError::Missing(self.spec_replicas.text.clone())),
        }
    }

    /// The Scale that an update of the object begins with. Replicas that the object does not have are
    /// [`Self::UNSET`], and have to be given.
    pub fn read_for_update(&self, object: &Tree) -> Result<Tree, ScaleError> {
        let replicas = self.spec_replicas.number(object)?;
        self.scale(object, replicas.unwrap_or(Self::UNSET))
    }

    /// What stands for replicas that are not there: the least 32-bit number.
    pub const UNSET: i64 = i32::MIN as i64;

    /// Writes the replicas of a Scale, and the resourceVersion that it gives, into the object.
    pub fn write(&self, object: &mut Tree, scale: &Tree) -> Result<(), ScaleError> {
        let replicas = scale.i64_at(&["spec", "replicas"]).unwrap_or(0);
        if replicas == Self::UNSET {
            return Err(ScaleError::Empty(self.spec_replicas.text.clone()));
        }
        self.spec_replicas.set(object, replicas)?;
        let version = meta::resource_version(scale);
        if !version.is_empty() {
            meta::set_resource_version(object, version);
        }
        Ok(())
    }

    fn scale(&self, object: &Tree, replicas: i64) -> Result<Tree, ScaleError> {
        let current = self.status_replicas.number(object)?.unwrap_or(0);
        let selector = match &self.label_selector {
            Some(path) => path.string(object)?.unwrap_or_default(),
            None => "",
        };
        let mut scale = tree!({
            "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {}, "spec": {}, "status": { "replicas": current }
        });
        for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
            if let Some(value) = object.at(&["metadata", field]) {
                scale.set_at(&["metadata", field], value.clone());
            }
        }
        if replicas != 0 {
            scale.set_at(&["spec", "replicas"], replicas);
        }
        if !selector.is_empty() {
            scale.set_at(&["status", "selector"], selector);
        }
        Ok(scale)
    }

    /// What is wrong with the replicas that an object asks for.
    pub fn validate_spec(&self, object: &Tree) -> Vec<FieldError> {
        replicas(&self.spec_replicas, object).into_iter().collect()
    }

    /// What is wrong with the replicas and the selector that an object reports.
    pub fn validate_status(&self, object: &Tree) -> Vec<FieldError> {
        let mut errors: Vec<FieldError> = replicas(&self.status_replicas, object).into_iter().collect();
        if let Some(path) = &self.label_selector
            && let Err(error) = path.string(object)
        {
            errors.push(FieldError::invalid(&Path::new(&path.text), "", error.to_string()));
        }
        errors
    }
}

fn replicas(field: &FieldAt, object: &Tree) -> Option<FieldError> {
    const MAX: i64 = i32::MAX as i64;
    let refuse =
        |value: i64, detail: String| Some(FieldError::invalid(&Path::new(&field.text), value, detail));
    match field.number(object) {
        Err(error) => refuse(0, error.to_string()),
        Ok(Some(value)) if value < 0 => refuse(value, "should be a non-negative integer".to_owned()),
        Ok(Some(value)) if value > MAX => refuse(value, format!("should be less than or equal to {MAX}")),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use objects::tree;

    use super::{Scale, ScaleError};

    fn scale() -> Scale {
        Scale::parse(
            &tree!({ "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector" }),
        )
    }

    #[test]
    fn a_scale_is_read_and_written() {
        let mut object = tree!({ "metadata": { "name": "a", "uid": "u", "labels": {} }, "spec": { "replicas": 3 }, "status": { "replicas": 2, "selector": "a=b" } });
        let mut read = scale().read(&object).unwrap();
        expect![[r#"{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"a","uid":"u"},"spec":{"replicas":3},"status":{"replicas":2,"selector":"a=b"}}"#]]
        .assert_eq(&read.to_json_string());
        read.set_at(&["spec", "replicas"], 5);
        read.set_at(&["metadata", "resourceVersion"], "7");
        scale().write(&mut object, &read).unwrap();
        assert_eq!(object.i64_at(&["spec", "replicas"]), Some(5));
        assert_eq!(object.str_at(&["metadata", "resourceVersion"]), Some("7"));
    }

    #[test]
    fn replicas_that_are_missing_or_no_number_are_told() {
        let mut object = tree!({ "spec": {} });
        assert_eq!(scale().read(&object).unwrap_err(), ScaleError::Missing(".spec.replicas".to_owned()));
        let unset = scale().read_for_update(&object).unwrap();
        assert_eq!(
            scale().write(&mut object, &unset).unwrap_err().to_string(),
            "the spec replicas field \".spec.replicas\" cannot be empty"
        );
        let object = tree!({ "spec": { "replicas": "three" }, "status": "x" });
        let told: Vec<String> = scale()
            .validate_spec(&object)
            .iter()
            .chain(&scale().validate_status(&object))
            .map(ToString::to_string)
            .collect();
        expect![[r#"
            .spec.replicas: Invalid value: 0: .spec.replicas accessor error: three is of the type string, expected int64
            .status.replicas: Invalid value: 0: .status.replicas accessor error: x is of the type string, expected map[string]interface{}
            .status.selector: Invalid value: "": .status.selector accessor error: x is of the type string, expected map[string]interface{}"#]]
        .assert_eq(&told.join("\n"));
        let object = tree!({ "spec": { "replicas": (-1_i64) }, "status": { "replicas": (1_i64 << 40) } });
        assert_eq!(scale().validate_spec(&object).len() + scale().validate_status(&object).len(), 2);
    }
}
