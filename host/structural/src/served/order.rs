//! The order of versions: `v2`, `v1`, `v1beta2`, `v1alpha1`, then others by their letters.

use std::cmp::Ordering;

/// Compares two versions; the greater one is to be preferred.
pub fn compare_versions(one: &str, two: &str) -> Ordering {
    match (parse(one), parse(two)) {
        (Some(one), Some(two)) => one.cmp(&two),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => two.cmp(one),
    }
}

/// Stability, major and minor number.
fn parse(version: &str) -> Option<(u8, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let (major, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    let major = major.parse().ok()?;
    if rest.is_empty() {
        return Some((2, major, 0));
    }
    let (stability, minor) = match rest.strip_prefix("beta") {
        Some(minor) => (1, minor),
        None => (0, rest.strip_prefix("alpha")?),
    };
    minor.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    Some((stability, major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::compare_versions;

    #[test]
    fn stable_versions_come_first() {
        let mut versions = ["v1alpha1", "foo10", "v1", "v2beta1", "v11", "foo1", "v1beta2", "v10"];
        versions.sort_by(|one, two| compare_versions(two, one));
        assert_eq!(versions, ["v11", "v10", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo1", "foo10"]);
    }
}
