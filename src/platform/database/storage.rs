//! Databases that answer and store nothing, because their disk is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::platform::database::refusal::is_full;

/// The message for a database that cannot store anything.
pub const STORES_NOTHING: &str = "the database cannot store anything (disk full?)";

/// Records if a database refused to store a writer's rows. All clones share the state.
#[derive(Clone, Debug, Default)]
pub struct Storage(Arc<AtomicBool>);

impl Storage {
    /// Notes an error of a writer. One that says nothing of the disk changes nothing.
    pub fn note(&self, error: &sqlx::Error) {
        if is_full(error) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    /// Notes that there is room again. That one small record was stored does not show that.
    pub fn note_stored(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Returns whether the last writer that had to do with the disk was refused.
    pub fn is_refusing(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
