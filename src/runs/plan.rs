//! The plan of a run: at most five steps.

use serde::{Deserialize, Serialize};

use crate::platform::text::within_chars;
use crate::runs::event_data::PlanStep;

/// The most characters of a step's title.
pub(crate) const MAX_TITLE: usize = 72;

/// The most characters of a step's detail.
pub(crate) const MAX_DETAIL: usize = 180;

/// The work, in steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Names the plan within its run.
    pub id: String,
    /// One to five steps, counted from 1.
    pub steps: Vec<PlanStep>,
    /// Files the plan expects to touch.
    pub estimated_files: Vec<String>,
}

impl Plan {
    /// A plan of one step: for what needs no plan, and for when none could be had.
    pub fn single(title: &str) -> Self {
        let step = PlanStep {
            index: 1,
            title: within_chars(title.trim(), MAX_TITLE),
            detail: within_chars(title.trim(), MAX_DETAIL),
        };
        Self {
            id: String::new(),
            steps: vec![step],
            estimated_files: Vec::new(),
        }
    }

    /// The same plan under a name.
    #[must_use]
    pub fn named(mut self, id: String) -> Self {
        self.id = id;
        self
    }
}
