//! Records of connections: for the sink that hears of each, and of those that were refused.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use crate::platform::sync::lock;

/// The most hosts that a run's list of refusals holds; beyond them the oldest are forgotten.
const REFUSALS: usize = 128;

/// The receiver of what becomes of connections. It is called where they are served, so it must not wait.
pub trait ConnectionSink: Send + Sync {
    /// Takes note of a connection at one of its stages.
    fn note(&self, connection: &EgressConnection);
}

/// A connection that a process of a run asked for, at one of its stages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressConnection {
    /// Counts the run's connections from 1. All notes about one connection have the same number.
    pub number: u64,
    /// The host that was asked for. What could not be read is shown as far as it can be.
    pub host: String,
    /// The port; 0 when none could be read.
    pub port: u16,
    /// The stage.
    pub stage: ConnectionStage,
}

/// The stages of a connection: one of `Refused`, or `Failed`, or `Allowed` and then `Failed` or
/// `Ended`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionStage {
    /// It may be made, and is about to be.
    Allowed,
    /// It was not made.
    Refused(EgressRefusal),
    /// It might have been made, but could not.
    Failed(EgressFailure),
    /// It was made and is over.
    Ended {
        /// The bytes that went to the host.
        sent: u64,
        /// The bytes that came from it.
        received: u64,
        /// The time from permission to end.
        lasted: Duration,
    },
}

/// Rules that stop a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressRefusal {
    /// Its host is not allowed, or not at its port.
    Unlisted,
    /// Its host is allowed, and all its addresses are private, of this machine, or of a cloud's
    /// services for the machine.
    NotPublic,
    /// The request cannot be read as one for a single host, or wants what the proxy does not do.
    Malformed(&'static str),
}

impl EgressRefusal {
    /// The rule's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unlisted => "unlisted",
            Self::NotPublic => "not_public",
            Self::Malformed(_) => "malformed",
        }
    }

    /// The rule in a sentence, for `host:port`.
    pub(super) fn sentence(self, place: &str) -> String {
        match self {
            Self::Unlisted => format!("{place} is not allowed for this run"),
            Self::NotPublic => format!(
                "{place} is allowed for this run, but its address is not public and it is not \
                 named as a private host"
            ),
            Self::Malformed(reason) => format!("the request cannot be forwarded: {reason}"),
        }
    }
}

/// Reasons for which an allowed connection could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressFailure {
    /// The name has no address, or was not resolved in time.
    Unresolved,
    /// None of its addresses took the connection in time.
    Unreachable,
    /// The operator's own proxy, which leads out, refused it or cannot be reached.
    UpstreamProxy,
}

impl EgressFailure {
    /// The failure's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "unresolved",
            Self::Unreachable => "unreachable",
            Self::UpstreamProxy => "upstream_proxy",
        }
    }

    /// The failure in a sentence, for `host:port`.
    pub(super) fn sentence(self, place: &str) -> String {
        match self {
            Self::Unresolved => format!("the name of {place} cannot be resolved"),
            Self::Unreachable => format!("{place} cannot be reached"),
            Self::UpstreamProxy => {
                format!("the proxy of this machine's network does not connect to {place}")
            }
        }
    }
}

/// A host that a run was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedHost {
    /// The host as [`EgressConnection::host`] has it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The rule that stopped it.
    pub refusal: EgressRefusal,
}

impl fmt::Display for RefusedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = format!("`{}:{}`", self.host, self.port);
        let sentence = self.refusal.sentence(&place);
        match self.refusal {
            EgressRefusal::Malformed(_) if !self.host.is_empty() => {
                write!(f, "`{}`: {sentence}", self.host)
            }
            EgressRefusal::Malformed(_) | EgressRefusal::Unlisted | EgressRefusal::NotPublic => {
                f.write_str(&sentence)
            }
        }
    }
}

/// A moment in a run's list of refusals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RefusalMark(u64);

/// The hosts that a run was refused lately, each of them once.
#[derive(Debug, Default)]
pub(super) struct RefusalList(Mutex<Refusals>);

#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    latest: VecDeque<(u64, RefusedHost)>,
}

impl RefusalList {
    pub(super) fn add(&self, refused: RefusedHost) {
        let mut list = lock(&self.0);
        list.latest.retain(|(_, other)| *other != refused);
        if list.latest.len() == REFUSALS {
            list.latest.pop_front();
        }
        list.count += 1;
        let number = list.count;
        list.latest.push_back((number, refused));
    }

    pub(super) fn mark(&self) -> RefusalMark {
        RefusalMark(lock(&self.0).count)
    }

    pub(super) fn since(&self, mark: RefusalMark) -> Vec<RefusedHost> {
        let list = lock(&self.0);
        let since = list.latest.iter().filter(|(number, _)| *number > mark.0);
        since.map(|(_, refused)| refused.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(host: &str) -> RefusedHost {
        RefusedHost {
            host: host.to_owned(),
            port: 443,
            refusal: EgressRefusal::Unlisted,
        }
    }

    fn names(list: &RefusalList, mark: RefusalMark) -> Vec<String> {
        let since = list.since(mark).into_iter();
        since.map(|refused| refused.host).collect()
    }

    #[test]
    fn a_host_that_was_refused_again_is_told_again_and_once() {
        let list = RefusalList::default();
        let start = list.mark();
        list.add(refused("a.example"));
        list.add(refused("b.example"));
        let later = list.mark();
        list.add(refused("a.example"));
        list.add(refused("a.example"));
        assert_eq!(names(&list, start), ["b.example", "a.example"]);
        assert_eq!(names(&list, later), ["a.example"]);
        assert_eq!(names(&list, list.mark()), [""; 0]);
    }

    #[test]
    fn endlessly_many_hosts_leave_the_latest() {
        let list = RefusalList::default();
        for number in 0..10_000 {
            list.add(refused(&format!("{number}.example")));
        }
        let kept = names(&list, RefusalMark::default());
        assert_eq!(kept.len(), REFUSALS);
        assert_eq!(kept.last().unwrap(), "9999.example");
    }

    #[test]
    fn a_refusal_names_the_host_and_the_rule() {
        assert_eq!(
            refused("example.com").to_string(),
            "`example.com:443` is not allowed for this run"
        );
    }
}
