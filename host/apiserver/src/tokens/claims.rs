//! The claims of a service account token.

use objects::{Tree, tree};

/// What a service account token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    /// Seconds since the epoch, as the other times.
    pub(crate) issued: i64,
    pub(crate) not_before: i64,
    pub(crate) expires: i64,
    /// Unlike that of any other token.
    pub(crate) id: String,
    pub(crate) namespace: String,
    pub(crate) account: Reference,
    pub(crate) pod: Option<Reference>,
    pub(crate) secret: Option<Reference>,
    /// What the token is bound to, or the node of its pod.
    pub(crate) node: Option<Reference>,
}

/// An object, named for good by its uid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) name: String,
    /// Empty for the node of a pod where there was no such node.
    pub(crate) uid: String,
}

impl Claims {
    /// The user name of the account.
    pub(crate) fn subject(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account.name)
    }

    pub(crate) fn to_tree(&self) -> Tree {
        let mut kubernetes = tree!({ "namespace": (self.namespace.as_str()) });
        for (key, reference) in [
            ("node", self.node.as_ref()),
            ("pod", self.pod.as_ref()),
            ("secret", self.secret.as_ref()),
            ("serviceaccount", Some(&self.account)),
        ] {
            if let Some(reference) = reference {
                kubernetes.insert(key, reference.to_tree());
            }
        }
        tree!({
            "aud": (self.audiences.clone()), "exp": (self.expires), "iat": (self.issued),
            "iss": (self.issuer.as_str()), "jti": (self.id.as_str()), "kubernetes.io": kubernetes,
            "nbf": (self.not_before), "sub": (self.subject())
        })
    }

    /// `None` where a claim is missing or the subject is another account than the claims'.
    pub(crate) fn from_tree(tree: &Tree) -> Option<Self> {
        let kubernetes = tree.get("kubernetes.io")?;
        let reference = |key: &str| kubernetes.get(key).and_then(Reference::from_tree);
        let text = |tree: &Tree| tree.as_str().map(str::to_owned);
        let audience = tree.get("aud")?;
        let claims = Self {
            issuer: text(tree.get("iss")?)?,
            audiences: match text(audience) {
                Some(one) => vec![one],
                None => audience.items().iter().filter_map(text).collect(),
            },
            issued: tree.i64_at(&["iat"])?,
            not_before: tree.i64_at(&["nbf"])?,
            expires: tree.i64_at(&["exp"])?,
            id: text(tree.get("jti")?)?,
            namespace: text(kubernetes.get("namespace")?)?,
            account: reference("serviceaccount")?,
            pod: reference("pod"),
            secret: reference("secret"),
            node: reference("node"),
        };
        (tree.str_at(&["sub"])? == claims.subject()).then_some(claims)
    }
}

impl Reference {
    fn to_tree(&self) -> Tree {
        let mut tree = tree!({ "name": (self.name.as_str()) });
        if !self.uid.is_empty() {
            tree.insert("uid", self.uid.as_str());
        }
        tree
    }

    fn from_tree(tree: &Tree) -> Option<Self> {
        let text = |key: &str| tree.str_at(&[key]).unwrap_or_default().to_owned();
        let reference = Self { name: text("name"), uid: text("uid") };
        (!reference.name.is_empty()).then_some(reference)
    }
}
