//! Errors of the ledger.

/// A failure of the ledger. Recorded calls stay recorded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The built-in prices cannot be parsed, a defect of the binary.
    #[error("the built-in price list is invalid: {0}")]
    BuiltInPrices(#[source] serde_json::Error),
    /// A row of `model_prices` holds an amount finer than a nano-dollar or too large.
    #[error(
        "the price of `{model}` of `{provider}` is out of range; correct its row in `model_prices`"
    )]
    PriceOutOfRange {
        /// Provider.
        provider: String,
        /// Model.
        model: String,
    },
    /// The database did not respond in time. The rows wait in memory and are retried.
    #[error("{rows} accounting rows could not be written yet")]
    Behind {
        /// Number of waiting rows.
        rows: usize,
    },
    /// The database refused these rows for good. The log has them in full.
    #[error("{rows} accounting rows were refused by the database; the log has them")]
    Refused {
        /// Rows refused since the last such error.
        rows: usize,
    },
    /// The database failed.
    #[error("the ledger's database failed: {0}")]
    Database(#[from] sqlx::Error),
}
