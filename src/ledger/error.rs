//! Why the ledger failed.

/// A failure of the ledger. A call that was recorded stays recorded whatever is answered here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The prices that are built in cannot be read: the binary is wrong.
    #[error("the built-in price list is invalid: {0}")]
    BuiltInPrices(#[source] serde_json::Error),
    /// A row of `model_prices` holds an amount finer than a nano-dollar or too large.
    #[error(
        "the price of `{model}` of `{provider}` is out of range; correct its row in `model_prices`"
    )]
    PriceOutOfRange {
        /// Whose model.
        provider: String,
        /// Which model.
        model: String,
    },
    /// The database did not answer in time; the rows wait in memory and are tried again.
    #[error("{rows} accounting rows could not be written yet")]
    Behind {
        /// How many rows wait.
        rows: usize,
    },
    /// The database will never take these rows. They are in the log, whole.
    #[error("{rows} accounting rows were refused by the database; the log has them")]
    Refused {
        /// How many rows were refused since this was last told.
        rows: usize,
    },
    /// The database failed.
    #[error("the ledger's database failed: {0}")]
    Database(#[from] sqlx::Error),
}
