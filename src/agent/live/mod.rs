//! Answers that are sent while they are made, and kept nowhere: chats and reviews.

pub mod stream;
