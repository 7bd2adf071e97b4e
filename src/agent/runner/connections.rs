//! The connections of a run's commands: each an event of the run and an entry in the audit log.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;

use crate::agent::deps::Deps;
use crate::audit::event::Event as AuditEvent;
use crate::audit::model::{Actor, Log, NewEntry, Outcome};
use crate::exec::credentials::outside::Outside;
use crate::exec::egress::connection::{ConnectionSink, ConnectionStage, EgressConnection};
use crate::exec::egress::hosts::RunHosts;
use crate::runs::event::{ConnectionOutcome, Event};
use crate::runs::log::journal::Journal;
use crate::runs::model::Run;

/// The hosts that a run may reach, with a keeper that records its connections until it is over.
pub(crate) fn outside(deps: &Deps, run: &Run, journal: &Journal) -> Outside {
    let hosts = deps.tools.containment.hosts_of(run.org_id.as_str());
    let (to, connections) = mpsc::unbounded_channel();
    let keeper = Keeper {
        deps: deps.clone(),
        run: run.clone(),
        journal: journal.clone(),
    };
    deps.tasks.spawn(keeper.keep(connections));
    // Credentials that cannot be read would have kept the server from starting.
    let credentials = deps.tools.containment.credentials.of(run.org_id.as_str());
    Outside {
        hosts: RunHosts::new(hosts),
        sink: Arc::new(Sink(to)),
        credentials: credentials.unwrap_or_default(),
    }
}

/// Passes connections on. There are never more at once than the proxy serves.
struct Sink(mpsc::UnboundedSender<EgressConnection>);

impl ConnectionSink for Sink {
    fn note(&self, connection: &EgressConnection) {
        // The keeper goes only when the process does.
        let _gone = self.0.send(connection.clone());
    }
}

struct Keeper {
    deps: Deps,
    run: Run,
    journal: Journal,
}

impl Keeper {
    async fn keep(self, mut connections: mpsc::UnboundedReceiver<EgressConnection>) {
        while let Some(connection) = connections.recv().await {
            let Some((outcome, reason)) = outcome_of(&connection) else {
                continue;
            };
            self.note_in_audit(&connection, outcome, reason);
            let event = Event::NetworkConnection {
                host: connection.host,
                port: connection.port,
                outcome,
                reason: reason.map(str::to_owned),
                timestamp: self.deps.clock.millis(),
            };
            // A run that another process took over has its log elsewhere.
            let _lost = self.journal.event(event).await;
        }
    }

    fn note_in_audit(
        &self,
        connection: &EgressConnection,
        outcome: ConnectionOutcome,
        reason: Option<&str>,
    ) {
        let entry = NewEntry {
            resource: Some(format!("{}:{}", connection.host, connection.port)),
            run_id: Some(self.run.id.0),
            trace_id: self.run.trace_id.clone().map(|trace| trace.0),
            payload: Some(json!({ "number": connection.number, "reason": reason })),
            ..NewEntry::new(
                Log::Org(self.run.org_id.clone()),
                AuditEvent::NetworkConnection,
                Actor::agent(&self.run.principal()),
            )
        };
        let outcome = match outcome {
            ConnectionOutcome::Allowed => Outcome::Success,
            ConnectionOutcome::Refused => Outcome::Refused,
            ConnectionOutcome::Failed => Outcome::Failure,
        };
        self.deps.audit.note_later(entry, outcome);
    }
}

/// The outcome of a connection and its reason; none for its end, which changes neither.
fn outcome_of(connection: &EgressConnection) -> Option<(ConnectionOutcome, Option<&'static str>)> {
    match connection.stage {
        ConnectionStage::Allowed => Some((ConnectionOutcome::Allowed, None)),
        ConnectionStage::Refused(refusal) => {
            Some((ConnectionOutcome::Refused, Some(refusal.as_str())))
        }
        ConnectionStage::Failed(failure) => {
            Some((ConnectionOutcome::Failed, Some(failure.as_str())))
        }
        ConnectionStage::Ended { .. } => None,
    }
}
