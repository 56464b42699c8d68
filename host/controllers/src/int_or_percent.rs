//! Numbers that may be a part of another.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// What becomes of the fraction of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    Up,
    Down,
}

/// The number, of a total. What is no percentage is nothing: the API server lets none of that in.
pub(crate) fn part_of(value: &IntOrString, total: i32, round: Round) -> i32 {
    match value {
        IntOrString::Int(number) => *number,
        IntOrString::String(text) => {
            let percent: i64 = text.strip_suffix('%').and_then(|text| text.parse().ok()).unwrap_or(0);
            let hundredths = percent.saturating_mul(i64::from(total));
            let part = match round {
                Round::Up => hundredths.saturating_add(99).div_euclid(100),
                Round::Down => hundredths.div_euclid(100),
            };
            i32::try_from(part).unwrap_or(i32::MAX)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_rounded_as_is_asked() {
        let of_ten = |text: &str, round| part_of(&IntOrString::String(text.to_owned()), 10, round);
        assert_eq!((of_ten("25%", Round::Up), of_ten("25%", Round::Down)), (3, 2));
        assert_eq!((of_ten("100%", Round::Up), of_ten("0%", Round::Up)), (10, 0));
        assert_eq!(part_of(&IntOrString::Int(7), 10, Round::Down), 7);
        assert_eq!(of_ten("many", Round::Up), 0);
    }
}
