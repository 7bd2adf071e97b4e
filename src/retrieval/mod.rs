//! Finding the right code in a workspace.
//!
//! Start at [`service::Retrieval`]. A search ranks pieces of files ("chunks") by BM25 over words as
//! programmers write them; the index of a workspace is brought up to date before every search, so
//! the answer is about the files as they are now. An index belongs to one organisation and one
//! folder and is never shared between two; nothing outside the folder is ever opened.

pub mod chunk;
pub mod error;
pub mod index;
pub mod model;
pub mod service;
pub mod store;
pub mod tables;
pub mod tokenize;
pub mod walk;
pub mod weights;
