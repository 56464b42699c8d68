//! Each plugin by itself, in a small cluster.

mod affinity;
mod devices;
mod nodes;
mod resources;
mod spread;
mod volumes;

use super::*;

#[test]
fn a_plugin_is_found_at_its_row() {
    for (index, row) in ROWS.iter().enumerate() {
        assert_eq!(row.plugin as usize, index, "{}", row.name);
        assert_eq!(row.weight > 0, row.score.is_some(), "{}", row.name);
    }
}

#[test]
fn scores_are_shares_of_the_highest() {
    assert_eq!(normal(vec![1, 2, 4], Order::MoreIsBetter), [25, 50, 100]);
    assert_eq!(normal(vec![1, 2, 4], Order::LessIsBetter), [75, 50, 0]);
    assert_eq!(normal(vec![0, 0], Order::MoreIsBetter), [0, 0]);
    assert_eq!(normal(vec![0, 0], Order::LessIsBetter), [100, 100]);
}
