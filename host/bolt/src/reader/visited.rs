//! Which pages a walk has come to, so that it comes to none twice.

use super::fault::Fault;
use crate::page::PageId;

#[derive(Debug)]
pub(super) struct Visited {
    bits: Vec<u64>,
    pages: u64,
}

impl Visited {
    /// None of so many pages.
    pub(super) fn none_of(pages: u64) -> Self {
        Self { bits: vec![0; pages.div_ceil(64) as usize], pages }
    }

    /// Notes a page and those that follow it as its overflow.
    pub(super) fn enter(&mut self, page: PageId, overflow: u32) -> Result<(), Fault> {
        let last = page.0.checked_add(u64::from(overflow)).filter(|last| *last < self.pages);
        for id in page.0..=last.ok_or(Fault::BeyondEnd)? {
            let (bits, bit) = (&mut self.bits[(id / 64) as usize], 1 << (id % 64));
            if *bits & bit != 0 {
                return Err(Fault::Visited);
            }
            *bits |= bit;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_entered_once_whether_by_itself_or_as_overflow() {
        let mut visited = Visited::none_of(70);
        assert_eq!(visited.enter(PageId(62), 3), Ok(()));
        assert_eq!(visited.enter(PageId(65), 0), Err(Fault::Visited));
        assert_eq!(visited.enter(PageId(60), 2), Err(Fault::Visited));
        assert_eq!(visited.enter(PageId(66), 3), Ok(()));
    }

    #[test]
    fn pages_beyond_the_last_are_refused() {
        let mut visited = Visited::none_of(70);
        assert_eq!(visited.enter(PageId(70), 0), Err(Fault::BeyondEnd));
        assert_eq!(visited.enter(PageId(69), 1), Err(Fault::BeyondEnd));
        assert_eq!(visited.enter(PageId(u64::MAX), u32::MAX), Err(Fault::BeyondEnd));
    }
}
