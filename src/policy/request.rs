//! The actions of calls, in the words of the policy. The policy knows no tool.

use serde_json::Value;

/// An action that is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A shell command.
    Command {
        /// The command.
        text: &'a str,
        /// The folder it runs in, as the call names it.
        directory: &'a str,
        /// True when it goes on in the background: it can neither be repeated nor be replaced by a
        /// search.
        in_background: bool,
        /// The needs beyond the wall that it declares, as [`CallNeeds`] reads them. A call whose needs
        /// cannot be read is refused by its tool.
        ///
        /// [`CallNeeds`]: crate::policy::wall::widening::CallNeeds
        needs: Option<&'a Value>,
    },
    /// A file is read, or the contents of the files below a folder are searched.
    Read {
        /// The file or folder, as the call names it.
        path: &'a str,
    },
    /// A file is written.
    Write {
        /// The file, as the call names it.
        path: &'a str,
    },
    /// Nothing that any rule is about, or a call that its tool will refuse.
    Harmless {
        /// True when it changes nothing at all, so that it may be repeated.
        reads_only: bool,
    },
}

impl<'a> Request<'a> {
    /// The shell that reads the request; empty when none does.
    pub fn shell(self) -> &'static str {
        match self {
            Self::Command { .. } => "bash",
            Self::Read { .. } | Self::Write { .. } | Self::Harmless { .. } => "",
        }
    }

    /// True when it changes the file that it names.
    pub fn writes_a_file(self) -> bool {
        matches!(self, Self::Write { .. })
    }

    /// The file that it changes, as the call names it.
    pub fn written_file(self) -> Option<&'a str> {
        match self {
            Self::Write { path } => Some(path),
            Self::Command { .. } | Self::Read { .. } | Self::Harmless { .. } => None,
        }
    }

    /// The part of the request that a person is shown: the command or the path.
    pub(super) fn shown(self) -> Option<&'a str> {
        match self {
            Self::Command { text, .. } => Some(text),
            Self::Read { path } | Self::Write { path } => Some(path),
            Self::Harmless { .. } => None,
        }
    }
}
