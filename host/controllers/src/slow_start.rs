//! Many calls of one kind that are likely to fail alike: one at first, then twice as many at a time as before.

use futures_util::future::join_all;

/// How many calls succeeded, and the first error; after a batch with an error no other is begun.
pub(crate) async fn slow_start<E, F: Future<Output = Result<(), E>>>(
    count: usize,
    call: impl Fn(usize) -> F,
) -> (usize, Result<(), E>) {
    let (mut begun, mut size) = (0, 1);
    let mut successes = 0;
    while begun < count {
        let end = count.min(begun + size);
        let answers = join_all((begun..end).map(&call)).await;
        successes += answers.iter().filter(|answer| answer.is_ok()).count();
        if let Some(error) = answers.into_iter().find_map(Result::err) {
            return (successes, Err(error));
        }
        (begun, size) = (end, size * 2);
    }
    (successes, Ok(()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Calls that fail from one on: how many succeeded, whether any failed, and how many were made.
    async fn run(count: usize, failing: usize) -> (usize, bool, usize) {
        let calls = Mutex::new(0);
        let (successes, ended) = slow_start(count, |index| {
            *calls.lock().unwrap() += 1;
            async move { if index < failing { Ok(()) } else { Err(()) } }
        })
        .await;
        (successes, ended.is_err(), calls.into_inner().unwrap())
    }

    #[tokio::test]
    async fn all_calls_are_made_when_none_fails() {
        assert_eq!(run(0, 0).await, (0, false, 0));
        assert_eq!(run(12, 12).await, (12, false, 12));
    }

    #[tokio::test]
    async fn the_batch_with_an_error_is_the_last() {
        assert_eq!(run(100, 0).await, (0, true, 1));
        assert_eq!(run(100, 4).await, (4, true, 7));
    }
}
