//! What goes over a connection: the head of a request, and bytes that are counted.

pub(super) mod head;
pub(super) mod stream;
