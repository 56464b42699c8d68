//! Whom a bearer token is of: one that the API server itself gave out, or one that an authenticator knows.

use std::sync::Arc;

use super::authenticate::grouped;
use crate::authn::{Authenticate, Authentication, Credentials};
use crate::tokens::{Bearer, Verifier};

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bearers {
    verifier: Verifier,
    authenticate: Arc<dyn Authenticate>,
    /// For which the tokens of authenticators are, that know none.
    audiences: Vec<String>,
}

impl Bearers {
    pub(crate) fn new(
        verifier: Verifier,
        authenticate: Arc<dyn Authenticate>,
        audiences: Vec<String>,
    ) -> Self {
        Self { verifier, authenticate, audiences }
    }

    /// A service account or a joining machine with the groups that everybody has; `None` where the token is of neither.
    pub(crate) fn own(&self, token: &str, audiences: &[String]) -> Result<Option<Bearer>, String> {
        let now = supervise::clock::now();
        let found = self.verifier.verify(token, audiences, now).map_err(|why| why.to_string())?;
        if found.is_none()
            && let Some(user) = self.verifier.bootstrap(token, now)
        {
            return Ok(Some(Bearer { user: grouped(user), audiences: self.audiences.clone() }));
        }
        Ok(found.map(|bearer| Bearer { user: grouped(bearer.user), ..bearer }))
    }

    /// Whom the token is of, for audiences; for none those of the API.
    pub(crate) fn ask(&self, token: &str, audiences: &[String]) -> Result<Option<Bearer>, String> {
        if let Some(bearer) = self.own(token, audiences)? {
            return Ok(Some(bearer));
        }
        let shared: Vec<String> = self
            .audiences
            .iter()
            .filter(|own| audiences.is_empty() || audiences.contains(own))
            .cloned()
            .collect();
        if shared.is_empty() {
            return Ok(None);
        }
        let credentials = Credentials { bearer: Some(token.to_owned()), ..Credentials::default() };
        match self.authenticate.authenticate(&credentials) {
            Authentication::User(user) => Ok(Some(Bearer { user: grouped(user), audiences: shared })),
            Authentication::Unknown => Ok(None),
            Authentication::Failed(why) => Err(why),
        }
    }
}
