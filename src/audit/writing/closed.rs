//! Logs that take no records, for the readiness of the server.

use std::collections::HashSet;
use std::sync::{Arc, RwLock};

use crate::audit::model::Log;
use crate::platform::health::Probe;
use crate::platform::sync::{read, write};

/// The most logs that are remembered as open.
const MAX_OPEN: usize = 10_000;
/// The check of readiness while every log is closed.
const ALL: &str =
    "the audit log takes no records, and so every change is refused; run `navi doctor`";

/// The organisations' logs that this process has written to, and those that take no records.
#[derive(Clone, Debug, Default)]
pub struct ClosedLogs(Arc<RwLock<Logs>>);

#[derive(Debug, Default)]
struct Logs {
    open: HashSet<String>,
    closed: HashSet<String>,
}

impl ClosedLogs {
    /// Notes logs that records were appended to.
    pub fn note_open<'a>(&self, names: impl Iterator<Item = &'a str>) {
        for name in names.filter(|name| is_of_org(name)) {
            if read(&self.0).open.contains(name) {
                continue;
            }
            let mut logs = write(&self.0);
            logs.closed.remove(name);
            if logs.open.len() < MAX_OPEN {
                logs.open.insert(name.to_owned());
            }
        }
    }

    /// Notes a log that takes no records.
    pub fn note_closed(&self, name: &str) {
        if is_of_org(name) {
            let mut logs = write(&self.0);
            logs.open.remove(name);
            logs.closed.insert(name.to_owned());
        }
    }

    /// Checks that the logs take records, as far as this process has written to them.
    pub fn probe(&self) -> Probe {
        let logs = self.clone();
        Box::new(move || {
            let found = logs.finding();
            Box::pin(async move { found })
        })
    }

    /// What readiness says: one closed log must not take away the server of the others.
    fn finding(&self) -> Result<String, String> {
        let logs = read(&self.0);
        match (logs.closed.len(), logs.open.is_empty()) {
            (0, _) => Ok("ok".to_owned()),
            (_, true) => Err(ALL.to_owned()),
            (closed, false) => Ok(format!(
                "the logs of {closed} organisations take no records; run `navi doctor`"
            )),
        }
    }
}

/// The server's own log closes nothing but itself.
fn is_of_org(name: &str) -> bool {
    Log::from_name(name) != Log::Server
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_not_ready_while_all_logs_it_wrote_to_are_closed() {
        let logs = ClosedLogs::default();
        assert_eq!(logs.finding(), Ok("ok".to_owned()));
        logs.note_open(["", "acme"].into_iter());
        logs.note_closed("");
        assert_eq!(logs.finding(), Ok("ok".to_owned()));
        logs.note_closed("acme");
        assert_eq!(logs.finding(), Err(ALL.to_owned()));
        logs.note_open(["globex"].into_iter());
        let some = logs.finding().unwrap();
        assert!(some.contains("logs of 1 organisations"), "{some}");
        logs.note_open(["acme"].into_iter());
        assert_eq!(logs.finding(), Ok("ok".to_owned()));
    }
}
