//! The `authorizer` of expressions: requests that they put together, and the trait that answers them.

use std::fmt;

use crate::value::Value;

/// Answers the checks that expressions make.
pub trait Authorizer: Send + Sync {
    fn authorize(&self, request: &AccessRequest) -> AccessDecision;
}

/// A question to the authorizer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// Namespace and name of the service account that is asked about; none for the user of the request.
    pub service_account: Option<(String, String)>,
    pub verb: String,
    pub of: Access,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    Path(String),
    Resource(ResourceAccess),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceAccess {
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    /// As the expression has it; it need not be one that can be parsed.
    pub field_selector: String,
    pub label_selector: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessDecision {
    pub allowed: bool,
    pub reason: String,
    pub error: Option<String>,
}

/// How far an expression is with its question.
#[derive(Clone)]
pub enum Check<'a> {
    Authorizer(Asked<'a>),
    Path(Asked<'a>, String),
    Group(Asked<'a>, String),
    Resource(Asked<'a>, ResourceAccess),
    Decision(AccessDecision),
}

/// Who is asked, about whom.
#[derive(Clone)]
pub struct Asked<'a> {
    pub(crate) authorizer: &'a dyn Authorizer,
    pub(crate) service_account: Option<(String, String)>,
}

impl Check<'_> {
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Authorizer(_) => "kubernetes.authorization.Authorizer",
            Self::Path(..) => "kubernetes.authorization.PathCheck",
            Self::Group(..) => "kubernetes.authorization.GroupCheck",
            Self::Resource(..) => "kubernetes.authorization.ResourceCheck",
            Self::Decision(_) => "kubernetes.authorization.Decision",
        }
    }
}

impl Asked<'_> {
    pub(crate) fn ask(&self, verb: &str, of: Access) -> AccessDecision {
        let service_account = self.service_account.clone();
        self.authorizer.authorize(&AccessRequest { service_account, verb: verb.to_owned(), of })
    }
}

impl<'a> Value<'a> {
    /// The variable `authorizer`.
    pub fn authorizer(authorizer: &'a dyn Authorizer) -> Self {
        let asked = Asked { authorizer, service_account: None };
        Self::Authorizer(Check::Authorizer(asked).into())
    }

    /// The variable `authorizer.requestResource`: a check of what the request is for.
    pub fn request_resource(authorizer: &'a dyn Authorizer, access: ResourceAccess) -> Self {
        let asked = Asked { authorizer, service_account: None };
        Self::Authorizer(Check::Resource(asked, access).into())
    }
}

impl fmt::Debug for Check<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}
