//! One run as its connections see it: what it may reach, how, and who is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::exec::egress::connection::{
    ConnectionSink, ConnectionStage, EgressConnection, EgressFailure, EgressRefusal, RefusalList,
    RefusedHost,
};
use crate::exec::egress::dial::{Dialer, NoWay};
use crate::exec::egress::hosts::{Admission, RunHosts};
use crate::exec::egress::limits::EgressLimits;
use crate::exec::egress::target::EgressTarget;
use crate::exec::egress::wire::stream::{Counted, Traffic};
use crate::platform::metrics::Metrics;
use crate::platform::text::cut_bytes;

/// The longest part of an unreadable target that is shown.
const SHOWN_BYTES: usize = 100;

/// A run whose connections are served.
pub(super) struct ServedRun {
    pub(super) limits: EgressLimits,
    dialer: Dialer,
    pub(super) hosts: RunHosts,
    sink: Arc<dyn ConnectionSink>,
    pub(super) refusals: RefusalList,
    metrics: Metrics,
    connections: AtomicU64,
}

impl ServedRun {
    pub(super) fn new(
        limits: EgressLimits,
        dialer: Dialer,
        hosts: RunHosts,
        sink: Arc<dyn ConnectionSink>,
        metrics: Metrics,
    ) -> Self {
        Self {
            limits,
            dialer,
            hosts,
            sink,
            refusals: RefusalList::default(),
            metrics,
            connections: AtomicU64::new(0),
        }
    }

    /// Connects to a host, if that is allowed. The verdict is reported before anything leaves.
    pub(super) async fn open(
        self: &Arc<Self>,
        target: &EgressTarget,
    ) -> Result<(Counted, OpenConnection), NoWay> {
        let number = self.next();
        let limit = self.limits.connect;
        let admission = self.hosts.admit(target);
        let admission = admission.ok_or(NoWay::Refused(EgressRefusal::Unlisted));
        let found = match admission {
            Ok(admission) => {
                let way = self.dialer.find(target, &admission, limit).await;
                way.map(|way| (way, admission))
            }
            Err(refused) => Err(refused),
        };
        let (way, admission) = found.inspect_err(|no_way| match *no_way {
            NoWay::Refused(refusal) => {
                self.refused(number, target.host.to_string(), target.port, refusal);
            }
            NoWay::Failed(failure) => {
                self.note(number, target, ConnectionStage::Failed(failure));
            }
        })?;
        self.note(number, target, ConnectionStage::Allowed);
        let mut open = OpenConnection {
            run: self.clone(),
            number,
            target: target.clone(),
            traffic: Arc::new(Traffic::new()),
            admission,
            failure: None,
        };
        let connecting = way.connect(target, limit);
        let stream = tokio::select! {
            stream = connecting => stream,
            () = open.admission.ended.cancelled() => Err(EgressFailure::Unreachable),
        };
        let stream = stream.map_err(|failure| {
            open.failure = Some(failure);
            NoWay::Failed(failure)
        })?;
        Ok((Counted::new(stream, open.traffic.clone()), open))
    }

    /// Tells of a request that could not be read.
    pub(super) fn malformed(&self, target: &str, reason: &'static str) {
        let refusal = EgressRefusal::Malformed(reason);
        self.refused(self.next(), shown(target), 0, refusal);
    }

    fn next(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn refused(&self, number: u64, host: String, port: u16, refusal: EgressRefusal) {
        self.refusals.add(RefusedHost {
            host: host.clone(),
            port,
            refusal,
        });
        self.tell(&EgressConnection {
            number,
            host,
            port,
            stage: ConnectionStage::Refused(refusal),
        });
    }

    fn note(&self, number: u64, target: &EgressTarget, stage: ConnectionStage) {
        self.tell(&EgressConnection {
            number,
            host: target.host.to_string(),
            port: target.port,
            stage,
        });
    }

    fn tell(&self, connection: &EgressConnection) {
        let verdict = match connection.stage {
            ConnectionStage::Allowed => Some("allowed"),
            ConnectionStage::Refused(_) => Some("refused"),
            ConnectionStage::Failed(_) => Some("failed"),
            ConnectionStage::Ended { .. } => None,
        };
        if let Some(verdict) = verdict {
            let counter = &self.metrics.navi_egress_connections_total;
            counter.with_label_values(&[verdict]).inc();
        }
        self.sink.note(connection);
    }
}

/// The readable part of an invalid target: the place of its host, without a user's password.
fn shown(target: &str) -> String {
    let rest = target.split_once("://").map_or(target, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    cut_bytes(&host.escape_default().to_string(), SHOWN_BYTES)
}

/// A connection that was allowed. Its end is reported when this is dropped.
pub(super) struct OpenConnection {
    run: Arc<ServedRun>,
    number: u64,
    target: EgressTarget,
    traffic: Arc<Traffic>,
    admission: Admission,
    failure: Option<EgressFailure>,
}

impl OpenConnection {
    /// Resolves when the connection must end: nothing happens any more, or it is not allowed any more.
    pub(super) async fn over(&self) {
        tokio::select! {
            () = self.traffic.idle(self.run.limits.idle) => {}
            () = self.admission.ended.cancelled() => {}
        }
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let stage = match self.failure {
            Some(failure) => ConnectionStage::Failed(failure),
            None => ConnectionStage::Ended {
                sent: self.traffic.sent(),
                received: self.traffic.received(),
                lasted: self.traffic.lasted(),
            },
        };
        self.run.note(self.number, &self.target, stage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_is_none_is_shown_without_its_password_and_in_bounds() {
        assert_eq!(
            shown("http://user:hidden@0x7f.1/path?token=hidden"),
            "0x7f.1"
        );
        assert_eq!(shown("user:hidden@evil.example:443"), "evil.example:443");
        assert_eq!(shown("/path"), "");
        assert_eq!(shown("a\u{202e}b\n"), "a\\u{202e}b\\n");
        assert!(shown(&"a".repeat(5_000)).len() <= SHOWN_BYTES + 4);
    }
}
