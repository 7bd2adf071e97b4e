//! Background work that shutdown waits for.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// The door for spawned tasks: each is told when the process ends, and awaited.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    panics: Arc<OnceLock<Witness>>,
}

/// Told what a task said when it panicked.
struct Witness(Box<dyn Fn(&str) + Send + Sync>);

impl std::fmt::Debug for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Witness")
    }
}

/// The message of a panic.
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no text")
}

/// Starts blocking work at once, where it may block, and resolves to what it returns. The work is
/// finished even when the future is dropped, and its result is then dropped too. Panics when it does.
pub fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> + Send {
    let working = tokio::task::spawn_blocking(work);
    async move {
        match working.await {
            Ok(output) => output,
            Err(panic) => resume_unwind(panic.into_panic()),
        }
    }
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process is asked to end. Long tasks select on it.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Hands the messages of panics to a witness. Only the first witness is used.
    pub fn on_panic(&self, witness: impl Fn(&str) + Send + Sync + 'static) {
        let _first = self.panics.set(Witness(Box::new(witness)));
    }

    /// Spawns a task that [`Self::shutdown`] waits for. When it panics, that is logged and told. What it logs
    /// has the fields of what spawned it, such as the id of a run.
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let panics = self.panics.clone();
        let watched = async move {
            match AssertUnwindSafe(task).catch_unwind().await {
                Ok(output) => output,
                Err(payload) => {
                    let text = panic_text(&*payload);
                    tracing::error!(panic = text, "a background task panicked");
                    if let Some(witness) = panics.get() {
                        (witness.0)(text);
                    }
                    resume_unwind(payload)
                }
            }
        };
        self.tracker.spawn(watched.in_current_span())
    }

    /// Tells every task to end and waits for them, at most `grace`. Answers whether all ended.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait())
            .await
            .is_ok()
    }
}
