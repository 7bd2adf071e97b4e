//! Weights of occurrences, and size limits of an index and a question.

/// The saturation of further occurrences of a term (BM25's `k1`).
pub(super) const SATURATION: f64 = 1.2;
/// The discount of long chunks (BM25's `b`); chunks are of similar length by construction.
pub(super) const LENGTH_WEIGHT: f64 = 0.6;
/// The extra weight of a defined name over a mentioned one: the place that defines a function should come
/// before the places that call it.
pub(super) const DEFINED_WHOLE: u32 = 8;
/// The extra weight of a part of a defined name.
pub(super) const DEFINED_PART: u32 = 2;
/// The weight that a word of the file's own name adds to each of its chunks.
pub(super) const FILE_NAME: u32 = 4;
/// The weight that a word of its folders' names adds.
pub(super) const FOLDER_NAME: u32 = 2;
/// Removed entries are swept out when there are half as many as live ones, and this many more; few in
/// tests, so that they see it happen.
pub(super) const SWEEP_SLACK: usize = if cfg!(test) { 8 } else { 10_000 };
/// The most terms of a question that are looked up, the rarest ones.
pub(super) const MAX_QUERY_TERMS: usize = 64;
