//! Tiles: the hashes of a tree in rows of 256, so that a proof reads few of them.

use std::collections::HashMap;

use crate::audit::record::Hash;
use crate::audit::tree::merkle::{Frontier, Ranges, node};

/// The height of a tile: it holds 2⁸ hashes.
const HEIGHT: u32 = 8;
/// The hashes of a whole tile.
pub const WIDTH: u64 = 1 << HEIGHT;

/// Where a tile stands: its level, and its number within the level.
pub type TilePosition = (i16, i64);

/// Some tiles of a tree.
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    tiles: HashMap<TilePosition, Vec<Hash>>,
}

/// The tiles along the way to a leaf in a tree of `size` leaves: one on every level.
pub fn path_to(leaf: u64, size: u64) -> Vec<TilePosition> {
    let (mut found, mut at, mut count, mut level) = (Vec::new(), leaf, size, 0_i16);
    while count > 0 {
        at /= WIDTH;
        found.push((level, i64::try_from(at).unwrap_or(i64::MAX)));
        count /= WIDTH;
        level += 1;
    }
    found
}

impl Tiles {
    /// Takes a tile as it is stored: hashes of 32 bytes, one after the other.
    pub fn insert(&mut self, position: TilePosition, hashes: &[u8]) {
        let (hashes, _) = hashes.as_chunks::<32>();
        self.tiles.insert(position, hashes.to_vec());
    }

    /// A tile as it is stored.
    pub fn bytes(&self, position: TilePosition) -> Option<Vec<u8>> {
        self.tiles.get(&position).map(|hashes| hashes.concat())
    }

    /// True if a tile is here with all its hashes.
    pub fn is_whole(&self, position: TilePosition) -> bool {
        let tile = self.tiles.get(&position);
        tile.is_some_and(|hashes| hashes.len() as u64 == WIDTH)
    }

    /// Lets go of a tile to which nothing is appended any more.
    pub fn forget(&mut self, position: TilePosition) {
        self.tiles.remove(&position);
    }

    /// Appends the leaf number `size` to a tree of `size` leaves whose right edge is here, and the
    /// roots of the tiles that it fills. Answers the tiles that changed.
    pub fn push(&mut self, size: u64, leaf: Hash) -> Vec<TilePosition> {
        let (mut hash, mut index, mut level, mut changed) = (leaf, size, 0_i16, Vec::new());
        loop {
            let position = (level, i64::try_from(index / WIDTH).unwrap_or(i64::MAX));
            let tile = self.tiles.entry(position).or_default();
            // Hashes here from an earlier attempt are the same, or about to be found out.
            tile.truncate(usize::try_from(index % WIDTH).unwrap_or(usize::MAX));
            tile.push(hash);
            changed.push(position);
            if index % WIDTH != WIDTH - 1 {
                return changed;
            }
            hash = root_of(tile.clone());
            index /= WIDTH;
            level += 1;
        }
    }

    /// The frontier of the tree's first `size` leaves.
    pub fn frontier(&self, size: u64) -> Option<Frontier> {
        let (mut peaks, mut start) = (Vec::new(), 0);
        for height in (0..u64::BITS).rev() {
            if size & (1 << height) != 0 {
                peaks.push(self.subtree(height, start >> height)?);
                start += 1 << height;
            }
        }
        Frontier::new(size, peaks)
    }
}

impl Ranges for Tiles {
    fn subtree(&self, height: u32, index: u64) -> Option<Hash> {
        let level = i16::try_from(height / HEIGHT).ok()?;
        let width = 1_u64 << (height % HEIGHT);
        let first = index * width;
        let position = (level, i64::try_from(first / WIDTH).ok()?);
        let start = usize::try_from(first % WIDTH).ok()?;
        let hashes = self.tiles.get(&position)?;
        let hashes = hashes.get(start..start + usize::try_from(width).ok()?)?;
        Some(root_of(hashes.to_vec()))
    }
}

/// The root over a power of two of hashes.
fn root_of(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        hashes = hashes
            .chunks_exact(2)
            .map(|pair| node(&pair[0], &pair[1]))
            .collect();
    }
    hashes.first().copied().unwrap_or_default()
}
