//! Paging: bounded limits, the same in every listing.

/// How many rows a listing returns when the client does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// The most rows one page may hold.
pub const MAX_LIMIT: u32 = 100;

/// `limit` and `offset` of a listing, as the old clients send them.
#[derive(Clone, Copy, Debug)]
pub struct PageQuery {
    /// At most this many rows; brought into its bounds, 1 to 100.
    pub limit: u32,
    /// Skip this many rows.
    pub offset: u32,
}

impl PageQuery {
    /// The limit, brought into its bounds, as SQL takes it.
    pub fn sql_limit(&self) -> i64 {
        i64::from(self.limit.clamp(1, MAX_LIMIT))
    }

    /// The offset, as SQL takes it.
    pub fn sql_offset(&self) -> i64 {
        i64::from(self.offset)
    }
}
