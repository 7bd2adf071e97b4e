//! The bytes of a connection: the head of a request, and a body that is counted.

pub mod head;
pub mod stream;
