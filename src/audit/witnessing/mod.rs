//! Witnesses of a log outside it: a folder, a file, and the server's own log.

pub mod beginnings;
pub mod floors;
pub mod rounds;
pub mod statement;
pub mod witness;
