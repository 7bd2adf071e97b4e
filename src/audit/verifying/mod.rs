//! Verifying logs: in the database, and record by record wherever they are.

pub mod awaited;
pub mod checkpoint_rows;
pub mod key_trail;
pub mod logs;
pub mod record_check;
pub mod report;
pub mod tile_check;
pub mod verifier;
