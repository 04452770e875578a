//! Independent pieces of work, done in several threads.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

/// As many threads as the machine runs at a time; one where it does not tell.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Does all of this in so many threads, the first of the items first; what comes of it is in the order of the items. A panic of `work`
/// is a panic of the caller.
pub fn in_parallel<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    jobs: usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let queue: Mutex<VecDeque<(usize, T)>> = Mutex::new(items.into_iter().enumerate().collect());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((index, item)) = next else { break };
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_in_the_order_of_what_goes_in() {
        for jobs in [0, 1, 3, 200] {
            let found = in_parallel(0..100_u32, jobs, |number| {
                if number % 7 == 0 {
                    std::thread::yield_now();
                }
                number * 2
            });
            assert!(found.iter().copied().eq((0..100).map(|number| number * 2)), "{jobs}: {found:?}");
        }
    }
}
