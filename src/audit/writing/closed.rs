//! Logs that take no records, for the readiness of the server.

use std::collections::HashSet;
use std::sync::{Arc, RwLock};

use crate::audit::model::Log;
use crate::audit::seals::fitting::LogState;
use crate::platform::health::Probe;
use crate::platform::sync::{read, write};

/// The most logs that are remembered as open.
const MAX_OPEN: usize = 10_000;
/// The check of readiness while every log is closed.
const ALL: &str =
    "the audit log takes no records, and so every change is refused; run `navi doctor`";

/// The organisations' logs that take records, as far as they are known, and those that take none.
#[derive(Clone, Debug, Default)]
pub struct ClosedLogs(Arc<RwLock<Logs>>);

#[derive(Debug, Default)]
struct Logs {
    open: HashSet<String>,
    closed: HashSet<String>,
    /// True once all were looked at. Until then, that none is known to be open means nothing.
    is_complete: bool,
}

impl ClosedLogs {
    /// Notes the states of all logs.
    pub fn note_states(&self, states: &[LogState]) {
        let open = states.iter().filter(|it| it.obstacle.is_none());
        self.note_open(open.map(|it| it.name.as_str()));
        for state in states {
            if let Some(error) = &state.obstacle {
                tracing::error!(%error, "nothing is appended to an audit log");
                self.note_closed(&state.name);
            }
        }
        write(&self.0).is_complete = true;
    }

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

    /// Checks that the logs take records.
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
        let is_shut = logs.is_complete && logs.open.is_empty();
        match logs.closed.len() {
            0 => Ok("ok".to_owned()),
            _ if is_shut => Err(ALL.to_owned()),
            closed => Ok(format!(
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
    use crate::audit::error::Error;

    fn state(name: &str, is_open: bool) -> LogState {
        LogState {
            name: name.to_owned(),
            obstacle: (!is_open).then_some(Error::Closed),
        }
    }

    #[test]
    fn a_server_is_not_ready_where_every_log_is_closed() {
        let logs = ClosedLogs::default();
        assert_eq!(logs.finding(), Ok("ok".to_owned()));
        logs.note_states(&[state("", true), state("acme", false)]);
        assert_eq!(logs.finding(), Err(ALL.to_owned()));
        logs.note_open(["globex"].into_iter());
        let some = logs.finding().unwrap();
        assert!(some.contains("logs of 1 organisations"), "{some}");
        logs.note_open(["acme"].into_iter());
        assert_eq!(logs.finding(), Ok("ok".to_owned()));
    }

    #[test]
    fn one_closed_log_does_not_take_away_the_server_of_the_others() {
        let logs = ClosedLogs::default();
        // The first request is for the closed one, and the others were not looked at yet.
        logs.note_closed("acme");
        assert!(logs.finding().is_ok());
        logs.note_states(&[state("acme", false), state("globex", true)]);
        assert!(logs.finding().is_ok());
        logs.note_closed("globex");
        assert_eq!(logs.finding(), Err(ALL.to_owned()));
    }

    #[test]
    fn the_servers_own_log_closes_nothing_else() {
        let logs = ClosedLogs::default();
        logs.note_states(&[state("", false)]);
        assert_eq!(logs.finding(), Ok("ok".to_owned()));
    }
}
