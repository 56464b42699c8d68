//! When those who are refused are asked to come again: the more there are, the later. It doubles while many are refused
//! and falls by a second at a time when few are, as upstream's does.

use std::collections::VecDeque;

/// The longest that anybody is asked to wait, in seconds.
const MOST: u64 = 32;
/// Refusals a second from which on it doubles.
const MANY: u64 = 3;

/// Seconds, by the refusals of the last ones.
#[derive(Debug)]
pub(super) struct Pushback {
    seconds: u64,
    /// The second in which it rose last.
    rose: u64,
    /// Refusals by second, the present one last.
    history: VecDeque<(u64, u64)>,
}

impl Pushback {
    pub(super) const fn new() -> Self {
        Self { seconds: 1, rose: 0, history: VecDeque::new() }
    }

    /// A request is refused in a second; when it may come again.
    pub(super) fn refuse(&mut self, now: u64) -> u64 {
        match self.history.back_mut() {
            Some((second, refused)) if *second == now => *refused += 1,
            _ => {
                self.history.push_back((now, 1));
                while self.history.front().is_some_and(|(second, _)| now - second > MOST) {
                    self.history.pop_front();
                }
                self.adjust(now);
            }
        }
        self.seconds
    }

    /// By the refusals of as many seconds before this one as it asks to wait.
    fn adjust(&mut self, now: u64) {
        let since = now.saturating_sub(self.seconds);
        let recent = self.history.iter().filter(|(second, _)| (since..now).contains(second));
        let refused: u64 = recent.map(|(_, refused)| refused).sum();
        if refused >= MANY * self.seconds && now - self.rose >= self.seconds {
            (self.seconds, self.rose) = (MOST.min(2 * self.seconds), now);
        } else if refused < self.seconds && self.seconds > 1 {
            self.seconds -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What those are told who are refused in each of some seconds.
    fn told(pushback: &mut Pushback, seconds: std::ops::Range<u64>, each: u64) -> Vec<u64> {
        let tell = |second| (0..each).map(|_| pushback.refuse(second)).last().unwrap();
        seconds.map(tell).collect()
    }

    #[test]
    fn it_doubles_under_load_and_falls_slowly_after_it() {
        let mut pushback = Pushback::new();
        assert_eq!(told(&mut pushback, 100..103, 1), [1, 1, 1]);
        assert_eq!(told(&mut pushback, 103..111, 10), [1, 2, 2, 4, 4, 4, 4, 8]);
        assert!(told(&mut pushback, 111..200, 1000).contains(&32));
        assert_eq!(told(&mut pushback, 300..302, 1), [31, 30]);
    }
}
