//! LimitRanger: what the LimitRanges of a namespace give to pods, and hold pods and claims to.

use objects::status::Status;
use objects::{Tree, limits, meta};

use super::Write;

pub(super) fn complete(write: &mut Write<'_>) -> Result<(), Status> {
    if write.call.resource.plural == "pods" && write.old.is_none() {
        for range in ranges(write) {
            limits::apply_defaults(&range, &mut write.object);
        }
    }
    Ok(())
}

pub(super) fn check(write: &mut Write<'_>) -> Result<(), Status> {
    let (plural, subresource) = (&write.call.resource.plural, &write.call.subresource);
    if !limits::applies(plural, subresource, write.old) {
        return Ok(());
    }
    let refused = ranges(write).iter().find_map(|range| limits::refuse(range, plural, &write.object));
    refused.map_or(Ok(()), |why| Err(write.forbidden(why)))
}

fn ranges(write: &Write<'_>) -> Vec<Tree> {
    let mut ranges = write.of_namespace("", "v1", "limitranges");
    ranges.sort_by(|one, two| meta::name(one).cmp(meta::name(two)));
    ranges
}
