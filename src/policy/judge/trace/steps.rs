//! Keeping the way of a walk.

use crate::policy::judge::trace::tree::StepKind;
use crate::policy::judge::walker::Walker;

impl Walker<'_> {
    /// Begins a step of the tree; everything up to [`Self::done`] belongs to it.
    pub(in crate::policy::judge) fn begin(&mut self, kind: StepKind, text: &str) {
        if let Some(trace) = &mut self.trace {
            trace.begin(kind, text);
        }
    }

    /// Ends the step that was begun last.
    pub(in crate::policy::judge) fn done(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.done();
        }
    }
}
