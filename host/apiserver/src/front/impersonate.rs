//! Acting as another: `Impersonate-*` headers, each of which the user must be allowed to use.

use http::HeaderMap;
use objects::status::Status;

use super::authenticate::{extra, grouped, values};
use super::{Asked, Parts};
use crate::authn::UserInfo;
use crate::authz::{Attributes, Target};

const AUTHENTICATION_GROUP: &str = "authentication.k8s.io";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";

impl Parts {
    /// The user whom the request is for, when the user who asks may act as that one.
    pub(super) fn impersonate(
        &self,
        asked: &mut Asked,
        headers: &HeaderMap,
        user: UserInfo,
    ) -> Result<UserInfo, Status> {
        let wanted = UserInfo {
            name: values(headers, "impersonate-user").next().unwrap_or_default(),
            uid: values(headers, "impersonate-uid").next().unwrap_or_default(),
            groups: values(headers, "impersonate-group").collect(),
            extra: extra(headers, "impersonate-extra-"),
        };
        if wanted == UserInfo::default() {
            return Ok(user);
        }
        if wanted.name.is_empty() {
            return Err(Status::internal(
                "impersonation of groups, a uid or extra without impersonating a user",
            ));
        }
        for question in questions(&wanted) {
            self.authorize(&user, &question)?;
        }
        let wanted = complete(wanted);
        if let Some(trail) = &mut asked.trail {
            trail.impersonated(&wanted);
        }
        Ok(wanted)
    }
}

/// What must be allowed.
fn questions(wanted: &UserInfo) -> Vec<Attributes> {
    let user = match service_account(&wanted.name) {
        Some((namespace, name)) => question("", "serviceaccounts", "", namespace, name),
        None => question("", "users", "", "", &wanted.name),
    };
    let groups = wanted.groups.iter().map(|group| question("", "groups", "", "", group));
    let extra = wanted.extra.iter().flat_map(|(key, values)| {
        values.iter().map(move |value| question(AUTHENTICATION_GROUP, "userextras", key, "", value))
    });
    let uid = (!wanted.uid.is_empty()).then(|| question(AUTHENTICATION_GROUP, "uids", "", "", &wanted.uid));
    std::iter::once(user).chain(groups).chain(extra).chain(uid).collect()
}

fn question(group: &str, resource: &str, subresource: &str, namespace: &str, name: &str) -> Attributes {
    Attributes {
        verb: "impersonate".to_owned(),
        target: Target::Resource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            subresource: subresource.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        },
    }
}

/// With the groups that such a user has anyway.
fn complete(mut wanted: UserInfo) -> UserInfo {
    if wanted.groups.is_empty()
        && let Some((namespace, _)) = service_account(&wanted.name)
    {
        wanted.groups =
            vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
    }
    grouped(wanted)
}

/// Namespace and name of a service account, by the name of its user.
fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')
}
