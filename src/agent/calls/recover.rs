//! What became of a call that had begun in a process that was lost.
//!
//! Before an effect begins, what it can be recognised by is written beside the intent: the hashes of
//! a file before and after, or where a command notes how far it came. Whoever goes on looks there.
//! What certainly did not happen is done now, what did is not done again, and what nobody can tell
//! is asked about.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::agent::calls::execute::{Deed, Done, Planned};
use crate::agent::execution::run_loop::{Halt, Runner};
use crate::exec::status_file::{CommandStatus, StatusFiles};
use crate::llm::model::Message;
use crate::platform::hex::hex;
use crate::policy::model::Judgement;
use crate::tools::arguments::Arguments;
use crate::tools::context::ToolContext;
use crate::tools::files::write_file;
use crate::tools::outcome::Effect;
use crate::tools::registry::ToolSet;
use crate::tools::tool;

/// What a call's effect can be recognised by, as it is stored with its start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    tool: String,
    arguments: Map<String, Value>,
    sign: Sign,
}

/// The sign of an effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Sign {
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

/// What became of a call.
pub(crate) enum Recovered {
    /// It was done, and this is its result.
    Done(Done),
    /// It certainly did not happen.
    Unhappened,
    /// Nobody can tell.
    Unknown,
}

impl Probe {
    /// What a deed that is about to be done will be recognised by.
    pub(crate) fn of(
        deed: &Deed,
        judgement: &Judgement,
        tools: &ToolContext,
        records: &StatusFiles,
    ) -> Self {
        Self {
            tool: deed.tool.name().to_owned(),
            arguments: deed.arguments.clone(),
            sign: Sign::of(deed, judgement, tools, records),
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

    /// What was begun. It may differ from what the model asked for, because a person chose an
    /// alternative.
    pub(crate) fn deed(&self, tools: &ToolSet) -> Option<Deed> {
        Some(Deed {
            tool: tools.named(&self.tool)?.clone(),
            arguments: self.arguments.clone(),
        })
    }

    /// Whether the command has to note how far it comes.
    pub(crate) fn needs_record(&self) -> bool {
        matches!(self.sign, Sign::Command { .. })
    }
}

impl Sign {
    fn of(deed: &Deed, judgement: &Judgement, tools: &ToolContext, records: &StatusFiles) -> Self {
        if judgement.reads_only {
            return Self::Repeatable;
        }
        match deed.tool.probe(Arguments::of(&deed.arguments), tools) {
            tool::Probe::Repeatable => Self::Repeatable,
            tool::Probe::File(planned) => Self::File {
                path: planned.path,
                before: planned.before.as_deref().map(sha256),
                after: sha256(&planned.after),
            },
            tool::Probe::Command => {
                let records = records.name().map(str::to_owned);
                records.map_or(Self::None, |records| Self::Command { records })
            }
            tool::Probe::Server => Self::Server,
            tool::Probe::None => Self::None,
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

impl Runner {
    /// Looks what became of a call that had begun.
    pub(crate) async fn what_became_of(
        &mut self,
        planned: &Planned,
        probe: &Probe,
        deed: &Deed,
    ) -> Result<Recovered, Halt> {
        Ok(match &probe.sign {
            Sign::Repeatable => Recovered::Unhappened,
            Sign::Server => Recovered::Done(Done::told(
                "the server process that held this was lost, and what it had started ended with \
                 it; start it again if you need it",
            )),
            Sign::File {
                path,
                before,
                after,
            } => match self.found(path).await {
                Some(found) if found.as_ref() == Some(after) => {
                    Recovered::Done(written(path, before.is_some()))
                }
                Some(found) if found == *before => Recovered::Unhappened,
                Some(_) | None => Recovered::Unknown,
            },
            Sign::Command { records } => {
                let noted = &self.services.records;
                match noted.read(records, self.run.id, planned.id) {
                    Some(CommandStatus::NotBegun) => Recovered::Unhappened,
                    Some(CommandStatus::Ended(code)) => Recovered::Done(ran(deed, code)),
                    Some(CommandStatus::CutOff) | None => Recovered::Unknown,
                }
            }
            Sign::None => Recovered::Unknown,
        })
    }

    /// The hash of a file as it is now, if that can be told.
    async fn found(&self, path: &str) -> Option<Option<String>> {
        let workspace = self.tools.as_ref()?.workspace.clone();
        let path = path.to_owned();
        let look = move || match write_file::content(&workspace, &path) {
            Ok(content) => Some(content.as_deref().map(sha256)),
            Err(_) => None,
        };
        tokio::task::spawn_blocking(look).await.ok().flatten()
    }

    /// Before the model is asked again: it believes in servers that ended with the process that ran
    /// them.
    pub(crate) async fn tell_of_lost_servers(&mut self) -> Result<(), Halt> {
        let ports = std::mem::take(&mut self.lost_ports);
        if ports.is_empty() {
            return Ok(());
        }
        let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
        let told = format!(
            "The service restarted. The servers you had started (ports {}) ended with it; start \
             them again if you need them.",
            ports.join(", ")
        );
        self.say(Message::user(told)).await
    }
}

/// The result of a file tool that was done before its process was lost.
fn written(path: &str, existed: bool) -> Done {
    let action = if existed { "modified" } else { "created" };
    let result = json!({
        "success": true, "path": path, "action": action,
        "note": "this was done before the server was lost, and is as it should be",
    });
    let path = path.to_owned();
    let effect = if existed {
        Effect::Modified(path)
    } else {
        Effect::Created(path)
    };
    let mut done = Done::of(result);
    done.effects.push(effect);
    done
}

/// The result of a command that ended while nobody was there to read what it said.
fn ran(deed: &Deed, code: i32) -> Done {
    let success = code == 0;
    let message = format!(
        "it ended with exit code {code}; what it said was lost with the server, so look at what \
         it did if you need to know more"
    );
    let mut result = json!({
        "success": success, "exit_code": code, "stdout": "", "stderr": "", "message": message,
    });
    if !success {
        result["error"] = json!(message);
    }
    let command = deed.arguments.get("command").and_then(Value::as_str);
    let mut done = Done::of(result);
    done.effects.push(Effect::Ran {
        command: command.unwrap_or_default().to_owned(),
        exit_code: Some(code),
        success,
    });
    done
}
