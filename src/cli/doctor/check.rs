//! One thing that was looked at.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The name of the thing checked.
    pub name: &'static str,
    /// True if it is as it should be.
    pub ok: bool,
    /// The finding.
    pub detail: String,
    /// The remedy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    /// One that is as it should be.
    pub fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            ok: true,
            detail: detail.into(),
            mend: None,
        }
    }

    /// One that is not, and what to do about it.
    pub fn bad(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            name,
            ok: false,
            detail: detail.into(),
            mend: Some(mend.into()),
        }
    }
}
