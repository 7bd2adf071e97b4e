//! The Merkle tree and its tiles, against an independent implementation.

use std::collections::HashMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use navi::audit::record::Hash;
use navi::audit::tree::merkle::{Frontier, Ranges, leaf, node};
use navi::audit::tree::tiles::{Tiles, WIDTH, path_to};
use sha2::Sha256;

use crate::audit::oracle::{is_consistent, is_included};

/// A tree of which all leaves are kept.
struct Leaves(Vec<Hash>);

impl Ranges for Leaves {
    fn subtree(&self, height: u32, index: u64) -> Option<Hash> {
        let width = 1_usize << height;
        let start = usize::try_from(index).ok()? * width;
        let mut hashes = self.0.get(start..start + width)?.to_vec();
        while hashes.len() > 1 {
            let pairs = hashes.chunks(2);
            hashes = pairs.map(|pair| node(&pair[0], &pair[1])).collect();
        }
        hashes.first().copied()
    }
}

fn data(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

fn leaves(count: u64) -> Leaves {
    Leaves((0..count).map(|n| leaf(&data(n))).collect())
}

#[test]
fn the_roots_are_those_of_another_implementation() {
    let mut frontier = Frontier::default();
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for count in 0..130_u64 {
        let ours = frontier.root();
        assert_eq!(ours[..], theirs.root().as_bytes()[..], "{count}");
        assert_eq!(leaves(count).range(0, count), Some(ours), "{count}");
        frontier.push(leaf(&data(count)));
        theirs.push(data(count).to_vec());
    }
}

#[test]
fn every_proof_of_every_small_tree_is_verified_by_another_implementation() {
    for size in 1..40_u64 {
        let tree = leaves(size);
        let root = tree.range(0, size).unwrap();
        for index in 0..size {
            let proof = tree.inclusion(index, size).unwrap();
            for of in 0..size {
                let included = is_included(index, &data(of), &proof, (size, &root));
                assert_eq!(included, of == index, "{of} at {index} of {size}");
            }
        }
        for first in 1..=size {
            let old = tree.range(0, first).unwrap();
            let proof = tree.consistency(first, size).unwrap();
            for of in 1..=size {
                let consistent = is_consistent((of, &old), (size, &root), &proof);
                assert_eq!(consistent, of == first, "{first} as {of} of {size}");
            }
        }
    }
}

#[test]
fn nothing_needs_to_be_proved_of_the_empty_tree() {
    assert_eq!(leaves(9).consistency(0, 9), Some(Vec::new()));
}

/// The tiles along the ways to some leaves of a tree.
fn around(all: &Tiles, size: u64, leaves: [u64; 2]) -> Tiles {
    let mut few = Tiles::default();
    for position in leaves.into_iter().flat_map(|leaf| path_to(leaf, size)) {
        if let Some(tile) = all.bytes(position) {
            few.insert(position, &tile);
        }
    }
    few
}

#[test]
fn proofs_from_a_few_tiles_hold_in_trees_of_several_levels() {
    let size = WIDTH * WIDTH + 3 * WIDTH + 77;
    let (mut all, mut frontier) = (Tiles::default(), Frontier::default());
    let mut roots = HashMap::new();
    for n in 0..size {
        all.push(n, leaf(&data(n)));
        frontier.push(leaf(&data(n)));
        roots.insert(frontier.size(), frontier.root());
    }
    let root = frontier.root();
    for index in [0, 1, 255, 256, 65_535, 65_536, 65_537, size - 1] {
        let few = around(&all, size, [index, size - 1]);
        assert_eq!(few.frontier(size).unwrap(), frontier, "{index}");
        let proof = few.inclusion(index, size).unwrap();
        assert!(
            is_included(index, &data(index), &proof, (size, &root)),
            "{index}"
        );
        let first = index + 1;
        let proof = few.consistency(first, size).unwrap();
        assert!(
            is_consistent((first, &roots[&first]), (size, &root), &proof),
            "{first}"
        );
    }
}

#[test]
fn a_missing_tile_is_no_proof() {
    let mut all = Tiles::default();
    for n in 0..300 {
        all.push(n, leaf(&data(n)));
    }
    assert!(around(&all, 300, [3, 299]).inclusion(3, 300).is_some());
    assert_eq!(around(&all, 300, [3, 3]).inclusion(3, 300), None);
}
