//! ResourceQuota: a write takes what it uses from the quotas of its namespace, or is refused.

use objects::quota::{self, QuotaError};
use objects::status::Status;
use objects::{Tree, meta};

use super::Write;

const QUOTAS: (&str, &str, &str) = ("", "v1", "resourcequotas");
/// How often a quota is charged anew that another write charged in between, as upstream.
const ATTEMPTS: usize = 3;

pub(super) async fn charge(write: &mut Write<'_>) -> Result<(), Status> {
    let (group, version, plural) = QUOTAS;
    if write.of_namespace(group, version, plural).is_empty() {
        return Ok(());
    }
    let row = write.rest.registry().find(group, version, plural).ok_or_else(Status::no_such_path)?;
    for attempt in 1.. {
        let mut quotas = Vec::new();
        for quota in write.of_namespace(group, version, plural) {
            quotas.extend(write.rest.read_stored(&row, &write.call.namespace, meta::name(&quota)).await?);
        }
        let trees: Vec<&Tree> = quotas.iter().map(|found| &found.tree).collect();
        let asked = quota::Write {
            resource: &write.call.resource.group_resource(),
            subresource: &write.call.subresource,
            new: &write.object,
            old: write.old,
            now: supervise::clock::now(),
        };
        let charges = match quota::check(&trees, &asked) {
            Ok(charges) => charges,
            Err(error @ QuotaError::Negative { .. }) => return Err(Status::bad_request(error.to_string())),
            Err(error) => return Err(write.forbidden(error.to_string())),
        };
        if write.is_dry() {
            return Ok(());
        }
        let mut taken = true;
        for charge in charges {
            let quota = &quotas[charge.quota];
            let mut charged = quota.tree.clone();
            charged.set_at(&["status", "used"], charge.used.to_tree());
            taken &= write.rest.replace_stored(&row, quota, charged).await?;
        }
        if taken {
            return Ok(());
        }
        if attempt == ATTEMPTS {
            break;
        }
    }
    Err(Status::conflict(
        &write.call.resource.group_resource(),
        write.name(),
        "the quotas of the namespace are charged by others, please try again",
    ))
}
