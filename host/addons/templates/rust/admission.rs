//! Keeps namespaces from being deleted. addon.json says which writes it is shown.

use sdk::admission::{Request, Review};
use sdk::{Admission, Error, settings};

struct Addon {
    /// Names of the namespaces that stay.
    protected: Vec<String>,
}

sdk::addon!(Addon: admission);

impl Default for Addon {
    fn default() -> Self {
        let setting = settings::all().into_iter().find(|setting| setting.name == "protected");
        // The value is JSON: names in quotes, between brackets and commas, of which a name has none.
        let value = setting.map(|setting| setting.value).unwrap_or_default();
        let names = value.split(['[', ']', '"', ',']).map(str::trim).filter(|name| !name.is_empty());
        Self { protected: names.map(str::to_owned).collect() }
    }
}

impl Admission for Addon {
    fn validate(&self, request: &Request) -> Result<Review, Error> {
        Ok(match self.protected.contains(&request.name) {
            true => Review::denied(format!("the namespace {} is protected", request.name)),
            false => Review::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use sdk::admission::Operation;
    use sdk::{GroupVersionResource, User};

    use super::*;

    fn is_denied(name: &str) -> bool {
        settings::give(&[("protected", r#"["production", "billing"]"#)]);
        let request = Request {
            operation: Operation::Delete,
            resource: GroupVersionResource {
                group: String::new(),
                version: "v1".into(),
                resource: "namespaces".into(),
            },
            subresource: String::new(),
            object_kind: "Namespace".into(),
            namespace: String::new(),
            name: name.into(),
            user: User { name: "alice".into(), uid: String::new(), groups: Vec::new(), extra: Vec::new() },
            object: None,
            old_object: None,
            options: b"{}".to_vec(),
            dry_run: false,
            extra: Vec::new(),
        };
        Addon::default().validate(&request).unwrap().denied.is_some()
    }

    #[test]
    fn what_is_protected_stays() {
        assert!(is_denied("production") && is_denied("billing"));
        assert!(!is_denied("test") && !is_denied(""));
    }
}
