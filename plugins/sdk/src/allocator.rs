//! Memory for addons that are asked on every request: a call brings a dozen short strings, all of which it drops again.
//!
//! A piece of up to [`LARGEST`] bytes comes from the list of free pieces of its size, or from the block that is being cut,
//! and goes back to its list without a look at its neighbours. Its size is known from its layout, so that nothing is
//! written in front of it. What is larger is the standard library's. Measured with the rbac addon beside the standard
//! library's allocator, and beside the crate `talc`: see `make bench`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;

/// Bytes by which the sizes of pieces differ, and to which pieces are aligned.
const STEP: usize = 8;
const LARGEST: usize = 256;
const SIZES: usize = LARGEST / STEP;
const BLOCK: Layout = match Layout::from_size_align(4096, STEP) {
    Ok(layout) => layout,
    Err(_) => panic!("the alignment is a power of two"),
};

/// To be chosen by an addon with `#[global_allocator]`.
#[derive(Default)]
pub struct Allocator(UnsafeCell<Pieces>);

struct Pieces {
    /// By size.
    free: [*mut Piece; SIZES],
    /// What is not yet cut of the newest block.
    uncut: *mut u8,
    left: usize,
}

/// A piece that nobody has.
struct Piece {
    next: *mut Piece,
}

// SAFETY: a component has one thread.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
unsafe impl Sync for Allocator {}

impl Default for Pieces {
    fn default() -> Self {
        Self::NONE
    }
}

impl Pieces {
    const NONE: Self = Self { free: [ptr::null_mut(); SIZES], uncut: ptr::null_mut(), left: 0 };

    /// A piece that holds `size` steps and one more; null where memory has come to its end.
    fn take(&mut self, size: usize) -> *mut u8 {
        let piece = self.free[size];
        if piece.is_null() {
            return self.cut((size + 1) * STEP);
        }
        // SAFETY: what is in a list was put there by `give`, which wrote its `next`, and nobody has it.
        self.free[size] = unsafe { (*piece).next };
        piece.cast()
    }

    fn cut(&mut self, bytes: usize) -> *mut u8 {
        if self.left < bytes {
            // SAFETY: the layout of a block is not empty.
            let block = unsafe { System.alloc(BLOCK) };
            if block.is_null() {
                return block;
            }
            (self.uncut, self.left) = (block, BLOCK.size());
        }
        let piece = self.uncut;
        self.left -= bytes;
        // SAFETY: `left` bytes followed `uncut` in its block, and `bytes` of them are the piece.
        self.uncut = unsafe { piece.add(bytes) };
        piece
    }

    /// # Safety
    /// `piece` came from `take` of the same size, and nobody has it any more.
    unsafe fn give(&mut self, piece: *mut u8, size: usize) {
        let piece: *mut Piece = piece.cast();
        // SAFETY: a piece has a step at least, which is room and alignment for a pointer, and is ours again.
        unsafe { piece.write(Piece { next: self.free[size] }) };
        self.free[size] = piece;
    }
}

impl Allocator {
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Pieces::NONE))
    }
}

/// Where the pieces of a layout are; none where it is the standard library's.
fn size_of(layout: Layout) -> Option<usize> {
    (layout.align() <= STEP && layout.size() <= LARGEST).then(|| layout.size().saturating_sub(1) / STEP)
}

// SAFETY: a piece is cut from a block once, and is then either its owner's or in the one list of its size; its size and
// alignment are those of its layout or larger. Larger ones are the standard library's from begin to end, as `size_of` says
// the same of the same layout. The borrow of the pieces ends in each function before anything else is called.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match size_of(layout) {
            // SAFETY: one thread, and no other borrow.
            Some(size) => unsafe { &mut *self.0.get() }.take(size),
            // SAFETY: as the caller vouches.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        match size_of(layout) {
            // SAFETY: one thread, and no other borrow; the caller gives back what it was given.
            Some(size) => unsafe { (*self.0.get()).give(memory, size) },
            // SAFETY: as the caller vouches.
            None => unsafe { System.dealloc(memory, layout) },
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: as the caller vouches.
        let wanted = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        match (size_of(layout), size_of(wanted)) {
            (Some(had), Some(wants)) if had == wants => memory,
            // SAFETY: as the caller vouches.
            (None, None) => unsafe { System.realloc(memory, layout, bytes) },
            // SAFETY: the two do not overlap, and each has the bytes that are copied.
            _ => unsafe {
                let moved = self.alloc(wanted);
                if !moved.is_null() {
                    ptr::copy_nonoverlapping(memory, moved, layout.size().min(bytes));
                    self.dealloc(memory, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 1).unwrap()
    }

    /// Memory of a size, filled with a byte.
    struct Held {
        at: *mut u8,
        layout: Layout,
        byte: u8,
    }

    impl Held {
        fn is_whole(&self) -> bool {
            (0..self.layout.size()).all(|offset| unsafe { *self.at.add(offset) } == self.byte)
        }
    }

    #[test]
    fn what_is_held_is_held_alone() {
        let allocator = Allocator::new();
        let mut held: Vec<Held> = Vec::new();
        // A walk through sizes that come and go in another order each time.
        for step in 0..20_000_usize {
            let bytes = step * 7919 % 700 + 1;
            match step % 5 {
                0..=2 => {
                    let byte = step.to_le_bytes()[0];
                    let at = unsafe { allocator.alloc(layout(bytes)) };
                    unsafe { at.write_bytes(byte, bytes) };
                    held.push(Held { at, layout: layout(bytes), byte });
                }
                3 => {
                    let mut one = held.swap_remove(step * 31 % held.len());
                    assert!(one.is_whole(), "{} bytes, step {step}", one.layout.size());
                    let kept = one.layout.size().min(bytes);
                    one.at = unsafe { allocator.realloc(one.at, one.layout, bytes) };
                    assert!(
                        (0..kept).all(|offset| unsafe { *one.at.add(offset) } == one.byte),
                        "step {step}"
                    );
                    unsafe { one.at.write_bytes(one.byte, bytes) };
                    one.layout = layout(bytes);
                    held.push(one);
                }
                _ => {
                    let one = held.swap_remove(step * 17 % held.len());
                    assert!(one.is_whole(), "{} bytes, step {step}", one.layout.size());
                    unsafe { allocator.dealloc(one.at, one.layout) };
                }
            }
        }
        assert!(held.iter().all(Held::is_whole));
        held.iter().for_each(|one| unsafe { allocator.dealloc(one.at, one.layout) });
    }

    #[test]
    fn what_was_given_back_is_the_next_of_its_size() {
        let allocator = Allocator::new();
        let first = unsafe { allocator.alloc(layout(17)) };
        unsafe { allocator.dealloc(first, layout(17)) };
        assert_ne!(unsafe { allocator.alloc(layout(25)) }, first);
        assert_eq!(unsafe { allocator.alloc(layout(24)) }, first);
    }

    #[test]
    fn pieces_are_aligned_and_larger_alignments_are_the_standard_librarys() {
        let allocator = Allocator::new();
        for align in [1, 2, 4, 8, 16, 64] {
            let layout = Layout::from_size_align(24, align).unwrap();
            let memory = unsafe { allocator.alloc(layout) };
            assert_eq!(memory.align_offset(align), 0, "{align}");
            unsafe { allocator.dealloc(memory, layout) };
        }
    }
}
