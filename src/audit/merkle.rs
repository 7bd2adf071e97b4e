//! The Merkle tree over a log: RFC 9162 §2.1, with the record's hash as the leaf's data.
//!
//! An inclusion proof shows that a record stands in a log of which a signed checkpoint tells the
//! root; a consistency proof shows that a later checkpoint continues an earlier one.

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

    /// How many leaves there are.
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

/// Whether a leaf is the one at `index` of the tree with this size and root (RFC 9162 §2.1.3.2).
pub fn is_included(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the tree with the second size and root begins with the first (RFC 9162 §2.1.4.2).
pub fn is_consistent(
    (first, first_root): (u64, &Hash),
    (second, second_root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if first > second {
        return false;
    }
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    if first == 0 {
        return proof.is_empty() && *first_root == empty();
    }
    let mut path = proof.iter();
    let (mut at, mut last) = (first - 1, second - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    // A first tree that is a power of two is a node of the second itself.
    let start = if first.is_power_of_two() {
        Some(first_root)
    } else {
        path.next()
    };
    let Some(start) = start else { return false };
    let (mut old, mut new) = (*start, *start);
    for hash in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old = node(hash, &old);
            new = node(hash, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = node(&new, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old == *first_root && new == *second_root
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

#[cfg(test)]
mod tests {
    use ct_merkle::RootHash;
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;

    struct Leaves(Vec<Hash>);

    impl Ranges for Leaves {
        fn subtree(&self, height: u32, index: u64) -> Option<Hash> {
            let width = 1_usize << height;
            let start = usize::try_from(index).ok()? * width;
            let mut hashes = self.0.get(start..start + width)?.to_vec();
            while hashes.len() > 1 {
                hashes = hashes
                    .chunks(2)
                    .map(|pair| node(&pair[0], &pair[1]))
                    .collect();
            }
            hashes.first().copied()
        }
    }

    fn leaves(count: u64) -> Leaves {
        Leaves((0..count).map(|n| leaf(&n.to_be_bytes())).collect())
    }

    fn theirs(count: u64) -> RootHash<Sha256> {
        let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for n in 0..count {
            tree.push(n.to_be_bytes().to_vec());
        }
        tree.root()
    }

    #[test]
    fn the_roots_are_those_of_another_implementation() {
        let mut frontier = Frontier::default();
        for count in 0..130_u64 {
            let ours = frontier.root();
            assert_eq!(
                ours.as_slice(),
                theirs(count).as_bytes().as_slice(),
                "{count}"
            );
            assert_eq!(leaves(count).range(0, count), Some(ours), "{count}");
            frontier.push(leaf(&count.to_be_bytes()));
        }
    }

    #[test]
    fn every_proof_of_every_small_tree_holds_and_holds_for_nothing_else() {
        for size in 1..40_u64 {
            let tree = leaves(size);
            let root = tree.range(0, size).unwrap();
            for index in 0..size {
                let proof = tree.inclusion(index, size).unwrap();
                let at = usize::try_from(index).unwrap();
                assert!(is_included(index, size, &tree.0[at], &proof, &root));
                for other in 0..size {
                    let at = usize::try_from(other).unwrap();
                    let held = is_included(index, size, &tree.0[at], &proof, &root);
                    assert_eq!(held, other == index);
                    assert_eq!(
                        is_included(
                            other,
                            size,
                            &tree.0[usize::try_from(index).unwrap()],
                            &proof,
                            &root
                        ),
                        other == index
                    );
                }
            }
            for first in 0..=size {
                let old = tree.range(0, first).unwrap();
                let proof = tree.consistency(first, size).unwrap();
                assert!(
                    is_consistent((first, &old), (size, &root), &proof),
                    "{first} {size}"
                );
                for wrong in (1..size).filter(|wrong| *wrong != first) {
                    assert!(!is_consistent((wrong, &old), (size, &root), &proof));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_changed_proof_proves_nothing(size in 2..300_u64, at: prop::sample::Index, bit in 0..256_usize) {
            let tree = leaves(size);
            let root = tree.range(0, size).unwrap();
            let index = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();
            let mut proof = tree.inclusion(index, size).unwrap();
            let which = at.index(proof.len());
            proof[which][bit / 8] ^= 1 << (bit % 8);
            let leaf = tree.0[usize::try_from(index).unwrap()];
            prop_assert!(!is_included(index, size, &leaf, &proof, &root));
            let old = tree.range(0, index).unwrap();
            let mut proof = tree.consistency(index, size).unwrap();
            if !proof.is_empty() {
                let which = at.index(proof.len());
                proof[which][bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!is_consistent((index, &old), (size, &root), &proof));
            }
        }
    }
}
