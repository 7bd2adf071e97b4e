//! The hosts that one run may reach now: those of its beginning, and what a person added since.

use std::sync::{Arc, RwLock};

use tokio_util::sync::CancellationToken;

use crate::exec::egress::pattern::{AllowedHosts, HostPattern, HostReach};
use crate::exec::egress::target::EgressTarget;
use crate::platform::sync::{read, write};

/// The hosts of a run. Clones share them, so that the list grows while the run's proxy serves it.
#[derive(Clone, Debug, Default)]
pub struct RunHosts {
    granted: Arc<RwLock<Granted>>,
}

#[derive(Debug, Default)]
struct Granted {
    always: AllowedHosts,
    lent: Vec<Lent>,
}

#[derive(Debug)]
struct Lent {
    pattern: HostPattern,
    ended: CancellationToken,
}

/// A host that is allowed for a while: until this is dropped, with which its connections end.
#[derive(Debug)]
pub struct HostLoan {
    hosts: RunHosts,
    ended: CancellationToken,
}

impl Drop for HostLoan {
    fn drop(&mut self) {
        self.ended.cancel();
        let mut granted = write(&self.hosts.granted);
        granted.lent.retain(|lent| !lent.ended.is_cancelled());
    }
}

/// The permission for one connection.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) reach: HostReach,
    /// Cancelled when the permission ends before the run does.
    pub(super) ended: CancellationToken,
}

impl RunHosts {
    /// The hosts that a run may reach from its beginning.
    pub fn new(hosts: AllowedHosts) -> Self {
        let granted = Granted {
            always: hosts,
            lent: Vec::new(),
        };
        Self {
            granted: Arc::new(RwLock::new(granted)),
        }
    }

    /// Allows hosts for the rest of the run.
    pub fn allow(&self, pattern: HostPattern) {
        write(&self.granted).always.extend([pattern]);
    }

    /// Allows hosts until the loan is dropped: for one command, of which a person said yes once.
    #[must_use]
    pub fn lend(&self, pattern: HostPattern) -> HostLoan {
        let ended = CancellationToken::new();
        let lent = Lent {
            pattern,
            ended: ended.clone(),
        };
        write(&self.granted).lent.push(lent);
        HostLoan {
            hosts: self.clone(),
            ended,
        }
    }

    /// The hosts that are allowed for the rest of the run.
    pub fn allowed(&self) -> AllowedHosts {
        read(&self.granted).always.clone()
    }

    /// The permission for a connection, if there is one. Of several the widest counts, and among
    /// those one that stays.
    pub(super) fn admit(&self, target: &EgressTarget) -> Option<Admission> {
        let granted = read(&self.granted);
        let lent = granted.lent.iter();
        let lent = lent
            .filter(|lent| lent.pattern.matches(target))
            .map(|lent| Admission {
                reach: lent.pattern.reach(),
                ended: lent.ended.clone(),
            });
        let always = granted.always.reach(target).map(|reach| Admission {
            reach,
            ended: CancellationToken::new(),
        });
        lent.chain(always).max_by_key(|admission| admission.reach)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> EgressTarget {
        EgressTarget::parse(text, None).unwrap()
    }

    fn hosts(text: &str) -> RunHosts {
        RunHosts::new(text.parse().unwrap())
    }

    fn reach(hosts: &RunHosts, text: &str) -> Option<HostReach> {
        hosts.admit(&target(text)).map(|admission| admission.reach)
    }

    #[test]
    fn a_run_without_hosts_reaches_none() {
        assert_eq!(reach(&RunHosts::default(), "example.com:443"), None);
    }

    #[test]
    fn what_is_added_is_seen_by_every_clone() {
        let hosts = hosts("example.com");
        let clone = hosts.clone();
        hosts.allow("example.org:8443".parse().unwrap());
        assert_eq!(reach(&clone, "example.org:8443"), Some(HostReach::Public));
        assert_eq!(reach(&clone, "example.org:443"), None);
        assert_eq!(clone.allowed().to_string(), "example.com,example.org:8443");
    }

    #[test]
    fn a_loan_ends_with_its_guard_and_so_do_its_connections() {
        let hosts = hosts("");
        let loan = hosts.lend("example.com".parse().unwrap());
        let other = hosts.lend("example.org".parse().unwrap());
        let admission = hosts.admit(&target("example.com:443")).unwrap();
        assert!(!admission.ended.is_cancelled());
        drop(loan);
        assert!(admission.ended.is_cancelled());
        assert_eq!(reach(&hosts, "example.com:443"), None);
        assert_eq!(reach(&hosts, "example.org:443"), Some(HostReach::Public));
        drop(other);
    }

    #[test]
    fn a_permission_that_stays_counts_before_one_that_ends() {
        let hosts = hosts("example.com");
        let loan = hosts.lend("example.com".parse().unwrap());
        let admission = hosts.admit(&target("example.com:443")).unwrap();
        drop(loan);
        assert!(!admission.ended.is_cancelled());
    }

    #[test]
    fn a_wider_loan_counts_before_a_permission_that_stays() {
        let hosts = hosts("git.example");
        let loan = hosts.lend("git.example=private".parse().unwrap());
        assert_eq!(reach(&hosts, "git.example:443"), Some(HostReach::Private));
        drop(loan);
        assert_eq!(reach(&hosts, "git.example:443"), Some(HostReach::Public));
    }
}
