//! Answers that are sent while they are made: chats, which are kept, and reviews, which are not.

pub mod stream;
