//! What goes wrong with a machine's first boot.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// What goes wrong with the next first boot of a machine of some name.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// The image has no cloud-init: the machine is up, and nothing of ours is ever on its console.
    NoCloudInit,
    /// A phase of the script fails.
    Fails {
        /// Which.
        phase: &'static str,
        /// What it printed.
        words: Vec<String>,
    },
    /// The machine is without power from the beginning of a phase on.
    PowerLost {
        /// Which.
        phase: &'static str,
    },
    /// So many tries of kubeadm to reach the API are lost on their way.
    JoinsLost(usize),
    /// The machine begins only when it is let go.
    Held(Latch),
}

/// Something that is waited for until it is let go, once and for all.
#[derive(Debug, Clone)]
pub struct Latch(Arc<Semaphore>);

impl Latch {
    /// One that holds.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets everybody go.
    pub fn let_go(&self) {
        self.0.close();
    }

    /// Waits until it is let go.
    pub async fn wait(&self) {
        // Nobody ever adds to it, so an answer is its end.
        let _ = self.0.acquire().await;
    }
}

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}
