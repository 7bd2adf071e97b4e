//! The Merkle tree over a log: RFC 9162 §2.1, with the record's hash as the leaf's data.
//!
//! An inclusion proof shows that a record stands in a log of which a signed checkpoint tells the
//! root; a consistency proof shows that a later checkpoint continues an earlier one. Both are made
//! here and verified by the caller that asks for them; in the tests, by an independent implementation.

use sha2::{Digest, Sha256};

use crate::audit::record::Hash;

/// `SHA-256(0x00 ‖ data)`.
pub fn leaf(data: &[u8]) -> Hash {
    let mut hasher = Sha256::new_with_prefix([0]);
    hasher.update(data);
    hasher.finalize().into()
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new_with_prefix([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// The root of the empty tree: `SHA-256("")`.
pub fn empty() -> Hash {
    Sha256::digest([]).into()
}

/// A tree of which only the roots of its full subtrees are kept, largest first: enough to append,
/// and to know the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves, if there are as many peaks as it has.
    pub fn new(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        let expected = usize::try_from(size.count_ones()).ok()?;
        (peaks.len() == expected).then_some(Self { size, peaks })
    }

    /// The number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees, largest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Every trailing one of the size is a peak as large as what has grown so far.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return empty();
        };
        peaks.fold(*last, |right, left| node(left, &right))
    }
}

/// The hash of the leaves from one to before another, from wherever hashes are kept. Answers `None`
/// when one is missing.
pub trait Ranges {
    /// The root of the `2^height` leaves that begin at `index · 2^height`.
    fn subtree(&self, height: u32, index: u64) -> Option<Hash>;

    /// The root over the leaves `start..end`, where `start` is a multiple of the largest power of two
    /// that fits.
    fn range(&self, start: u64, end: u64) -> Option<Hash> {
        let count = end - start;
        if count == 0 {
            return Some(empty());
        }
        if count.is_power_of_two() && start.is_multiple_of(count) {
            return self.subtree(count.trailing_zeros(), start / count);
        }
        let split = start + largest_below(count);
        Some(node(&self.range(start, split)?, &self.range(split, end)?))
    }

    /// The proof that the leaf at `index` is in the tree of `size` leaves (RFC 9162 §2.1.3.1).
    fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        let (mut start, mut end, mut path) = (0, size, Vec::new());
        while end - start > 1 {
            let split = start + largest_below(end - start);
            if index < split {
                path.push(self.range(split, end)?);
                end = split;
            } else {
                path.push(self.range(start, split)?);
                start = split;
            }
        }
        path.reverse();
        Some(path)
    }

    /// The proof that the tree of `second` leaves begins with that of `first` (RFC 9162 §2.1.4.1).
    fn consistency(&self, first: u64, second: u64) -> Option<Vec<Hash>> {
        if first == 0 || first == second {
            return Some(Vec::new());
        }
        let (mut start, mut end, mut path) = (0, second, Vec::new());
        let mut whole = true;
        while end != first {
            let split = start + largest_below(end - start);
            if first <= split {
                path.push(self.range(split, end)?);
                end = split;
            } else {
                path.push(self.range(start, split)?);
                start = split;
                whole = false;
            }
        }
        if !whole {
            path.push(self.range(start, end)?);
        }
        path.reverse();
        Some(path)
    }
}

/// The largest power of two below `count`, which is more than one.
fn largest_below(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}
