//! Comparing the stored hashes of a tree with the records that they are made of.

use sqlx::PgConnection;

use crate::audit::record::Hash;
use crate::audit::store::tree;
use crate::audit::tree::merkle::Frontier;
use crate::audit::tree::tiles::{TilePosition, Tiles, WIDTH};

/// The number of tiles that are read at once.
const PAGE: i64 = 64;

/// Rebuilds the tree of a log and compares it with the stored one, tile by tile.
#[derive(Debug)]
pub struct TileCheck {
    org_id: String,
    /// The number of leaves that the stored tree has: those of the last checkpoint.
    stored: u64,
    frontier: Frontier,
    /// The right edge; what was compared is forgotten.
    tiles: Tiles,
    changed: Vec<TilePosition>,
    compared: i64,
    /// The first thing that was wrong; one is enough to know.
    problem: Option<String>,
}

impl TileCheck {
    /// The check of a log whose last checkpoint has so many records.
    pub fn new(org_id: &str, stored: u64) -> Self {
        Self {
            org_id: org_id.to_owned(),
            stored,
            frontier: Frontier::default(),
            tiles: Tiles::default(),
            changed: Vec::new(),
            compared: 0,
            problem: None,
        }
    }

    /// The tree so far.
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Takes the hashes of records that were dropped from what is stored, up to so many. `at` is told
    /// the tree after each. Answers whether all are there.
    pub async fn replay(
        &mut self,
        conn: &mut PgConnection,
        count: u64,
        mut at: impl FnMut(&Frontier) + Send,
    ) -> sqlx::Result<bool> {
        let mut tile = 0;
        while self.frontier.size() < count {
            let positions: Vec<TilePosition> = (tile..tile + PAGE).map(|n| (0, n)).collect();
            let mut found = tree::tiles(conn, &self.org_id, &positions).await?;
            found.sort_unstable_by_key(|(position, _)| *position);
            for (position, hashes) in found {
                let (leaves, _) = hashes.as_chunks::<32>();
                let before = self.frontier.size();
                if before >= count {
                    break;
                }
                if position.1.unsigned_abs() * WIDTH != before {
                    return Ok(false);
                }
                for leaf in leaves {
                    if self.frontier.size() < count {
                        self.push(*leaf);
                        at(&self.frontier);
                    }
                }
            }
            tile += PAGE;
            let is_there = self.frontier.size() >= count
                || self.frontier.size() == tile.unsigned_abs() * WIDTH;
            if !is_there {
                return Ok(false);
            }
            self.compare(conn).await?;
        }
        Ok(true)
    }

    /// Takes the next leaf.
    pub fn push(&mut self, leaf: Hash) {
        let size = self.frontier.size();
        self.frontier.push(leaf);
        if size < self.stored {
            self.changed.extend(self.tiles.push(size, leaf));
        }
    }

    /// Compares the tiles that are whole by now with what is stored.
    pub async fn compare(&mut self, conn: &mut PgConnection) -> sqlx::Result<()> {
        self.changed.sort_unstable();
        self.changed.dedup();
        let is_done = self.frontier.size() >= self.stored;
        let changed = std::mem::take(&mut self.changed);
        let (whole, partial): (Vec<_>, Vec<_>) = changed
            .into_iter()
            .partition(|position| is_done || self.tiles.is_whole(*position));
        self.changed = partial;
        if whole.is_empty() {
            return Ok(());
        }
        let found = tree::tiles(conn, &self.org_id, &whole).await?;
        for position in &whole {
            let expected = self.tiles.bytes(*position);
            let stored = found.iter().find(|(at, _)| at == position);
            if stored.map(|(_, hashes)| hashes) != expected.as_ref() {
                let (level, tile) = position;
                self.wrong(format!(
                    "the stored hashes of its tree, level {level}, tile {tile}, are not those of its \
                     records"
                ));
            }
            self.compared += 1;
            // The right edge is still needed for what comes.
            if self.tiles.is_whole(*position) {
                self.tiles.forget(*position);
            }
        }
        Ok(())
    }

    /// Compares what is left. Answers the first thing that was wrong.
    pub async fn finish(mut self, conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
        self.compare(conn).await?;
        let stored = tree::count_tiles(conn, &self.org_id).await?;
        if stored != self.compared {
            self.wrong(format!(
                "{stored} tiles of its tree are stored, and its checkpoints cover {}",
                self.compared
            ));
        }
        Ok(self.problem)
    }

    fn wrong(&mut self, problem: String) {
        self.problem.get_or_insert(problem);
    }
}
