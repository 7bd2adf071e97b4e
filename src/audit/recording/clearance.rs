//! Clearance of a request, for handlers that look things up while it is given.

use std::future::pending;

use tokio::sync::watch;

/// Clearance to change something, which may not be given yet: the request's entry is on its way to the disk, or
/// its sender is being looked at. It stands among the request's extensions. The default is one that is given.
#[derive(Clone, Debug, Default)]
pub struct Clearance(Vec<watch::Receiver<bool>>);

/// Proof that a request may change something.
#[derive(Debug)]
pub struct Cleared(());

/// The end of a [`Clearance`] of the layer that gives it.
#[derive(Debug)]
pub struct Clearing(watch::Sender<bool>);

impl Clearance {
    /// True if the handler waits for it. All others change things as soon as they are called.
    pub fn is_waited_for(&self) -> bool {
        !self.0.is_empty()
    }

    /// The same, when another layer has given it as well.
    pub fn and(mut self) -> (Clearing, Self) {
        let (sender, receiver) = watch::channel(false);
        self.0.push(receiver);
        (Clearing(sender), self)
    }

    /// Waits for it. Never answers when it is not given: the request is refused then, and its handler dropped.
    pub async fn given(mut self) -> Cleared {
        for layer in &mut self.0 {
            if layer.wait_for(|is_given| *is_given).await.is_err() {
                return pending().await;
            }
        }
        Cleared(())
    }
}

impl Clearing {
    /// Lets the handler go on.
    pub fn give(&self) {
        self.0.send_replace(true);
    }
}
