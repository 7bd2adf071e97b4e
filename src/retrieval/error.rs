//! Why a retrieval failed.

/// A failed retrieval. Files that cannot be read are no failure: they are left out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The workspace is absent or may not be entered.
    #[error("the workspace cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
    /// The workspace is a file.
    #[error("the workspace is not a folder")]
    NotAFolder,
    /// The search was given up because its work failed; the index is dropped and rebuilt by the next search.
    #[error("the index of the workspace failed and was dropped; search again")]
    IndexFailed,
}
