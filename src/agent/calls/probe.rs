//! Probes: the means to recognise the effect of a call, stored with the call's start.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::agent::calls::call::Invocation;
use crate::exec::status_file::StatusFiles;
use crate::platform::hex::hex;
use crate::policy::model::Judgement;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::registry::ToolSet;
use crate::tools::tool;

/// A call, and the sign by which its effect can be recognised; stored with the call's start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredProbe {
    tool: String,
    arguments: Map<String, Value>,
    pub(crate) sign: Sign,
}

/// The sign of an effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Sign {
    /// There is no effect: it can be done again at any time.
    Repeatable,
    /// A file has other content.
    File {
        /// The file, relative to the workspace.
        path: String,
        /// SHA-256 of its content before, in hexadecimal; none when it was not there.
        before: Option<String>,
        /// SHA-256 of its content afterwards.
        after: String,
    },
    /// A command noted how far it came.
    Command {
        /// The name of the folder in which it did.
        records: String,
    },
    /// A server runs, which ends with the process that started it.
    Server,
    /// Nothing shows it.
    #[default]
    None,
}

impl StoredProbe {
    /// The probe of an invocation that is about to run.
    pub(crate) fn of(
        invocation: &Invocation,
        judgement: &Judgement,
        tools: &ToolContext,
        records: &StatusFiles,
    ) -> Self {
        Self {
            tool: invocation.tool.name().to_owned(),
            arguments: invocation.arguments.clone(),
            sign: Sign::of(invocation, judgement, tools, records),
        }
    }

    /// Reads a stored one; what cannot be read shows nothing.
    pub(crate) fn read(stored: Value) -> Self {
        serde_json::from_value(stored).unwrap_or_default()
    }

    /// As it is stored.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The invocation that was begun. It may differ from the model's call, because a person chose an
    /// alternative.
    /// alternative.
    pub(crate) fn invocation(&self, tools: &ToolSet) -> Option<Invocation> {
        Some(Invocation {
            tool: tools.named(&self.tool)?.clone(),
            arguments: self.arguments.clone(),
        })
    }

    /// True if nothing but the files themselves shows which of them it changed.
    pub(crate) fn is_unseen(&self) -> bool {
        match self.sign {
            Sign::Repeatable | Sign::File { .. } => false,
            Sign::Command { .. } | Sign::Server | Sign::None => true,
        }
    }

    /// True if the command has to note how far it comes.
    pub(crate) fn needs_record(&self) -> bool {
        matches!(self.sign, Sign::Command { .. })
    }
}

impl Sign {
    fn of(
        invocation: &Invocation,
        judgement: &Judgement,
        tools: &ToolContext,
        files: &StatusFiles,
    ) -> Self {
        if judgement.reads_only {
            return Self::Repeatable;
        }
        match invocation
            .tool
            .probe(Arguments::of(&invocation.arguments), tools)
        {
            tool::Probe::Repeatable => Self::Repeatable,
            tool::Probe::File(write) => Self::File {
                path: write.path,
                before: write.before.as_deref().map(sha256),
                after: sha256(&write.after),
            },
            tool::Probe::Command => {
                let records = files.name().map(str::to_owned);
                records.map_or(Self::None, |records| Self::Command { records })
            }
            tool::Probe::Server => Self::Server,
            tool::Probe::None => Self::None,
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
