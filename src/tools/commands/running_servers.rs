//! The servers that a run has started, by port.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::exec::capture::Capture;
use crate::exec::running::Running;
use crate::exec::sandbox::network::forward::Forward;
use crate::platform::sync::lock;
use crate::tools::commands::opened::OpenedNeeds;
use crate::tools::commands::protected::files::ProtectedFiles;

/// The servers of one run, by port. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct RunningServers {
    by_port: Arc<Mutex<BTreeMap<u16, RunningServer>>>,
    /// The protected files as they were before the first of the programs that still ran after their
    /// call.
    protected: Arc<Mutex<Option<ProtectedFiles>>>,
}

#[derive(Debug)]
pub(super) struct RunningServer {
    pub(super) running: Running,
    pub(super) log: Capture,
    /// Its needs beyond the wall, which are closed with it.
    pub(super) _opened: OpenedNeeds,
    /// Its port for programs of this machine.
    pub(super) _forward: Option<Forward>,
}

impl RunningServers {
    /// Forgets all servers; their processes end with the run's.
    pub fn clear(&self) {
        lock(&self.by_port).clear();
    }

    /// Remembers what is to be put back when nothing of the run is left.
    pub(super) fn settle_at_the_end(&self, protected: ProtectedFiles) {
        lock(&self.protected).get_or_insert(protected);
    }

    /// The protected files to put back now that nothing of the run is left.
    pub fn to_settle(&self) -> Option<ProtectedFiles> {
        lock(&self.protected).take()
    }

    /// The ports of the servers that run.
    pub fn ports(&self) -> Vec<u16> {
        let mut by_port = lock(&self.by_port);
        by_port.retain(|_, server| !server.running.state().gone);
        by_port.keys().copied().collect()
    }

    pub(super) fn insert(&self, port: u16, server: RunningServer) {
        lock(&self.by_port).insert(port, server);
    }

    pub(super) fn remove(&self, port: u16) -> Option<RunningServer> {
        lock(&self.by_port).remove(&port)
    }
}
