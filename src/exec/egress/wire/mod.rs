//! What goes over a connection: the head of a request, and bytes that are counted.

pub mod head;
pub mod stream;
