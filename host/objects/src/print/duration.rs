//! Durations as people read them: two units at most, fewer the longer it is.

use jiff::SignedDuration;

/// `45s`, `3m20s`, `12m`, `5h30m`, `20h`, `3d4h`, `25d`, `2y10d`, `9y`.
pub fn human_duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match () {
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 2 * 60 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 3 * 60 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if hours < 8 * 24 => two(days, "d", hours % 24, "h"),
        () if hours < 2 * 365 * 24 => format!("{days}d"),
        () if hours < 8 * 365 * 24 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

fn two(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}{large_unit}")
    } else {
        format!("{large}{large_unit}{small}{small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::human_duration;

    #[test]
    fn the_longer_the_coarser() {
        let shown: Vec<String> = [
            -5,
            -1,
            0,
            119,
            120,
            200,
            600,
            10_799,
            10_800,
            19_800,
            28_800,
            172_799,
            172_800,
            187_200,
            691_200,
            63_072_000,
            63_158_400,
            252_288_000,
        ]
        .into_iter()
        .map(|seconds| human_duration(SignedDuration::from_secs(seconds)))
        .collect();
        assert_eq!(
            shown.join(" "),
            "<invalid> 0s 0s 119s 2m 3m20s 10m 179m 3h 5h30m 8h 47h 2d 2d4h 8d 2y 2y1d 8y"
        );
    }
}
