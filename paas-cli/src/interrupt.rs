//! Ctrl-C and SIGTERM: the first finishes the call under way and stops, the second leaves at once. Both are safe: what is done is done,
//! and the same command goes on.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU8, Ordering},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

const WORK: u8 = 0;
const NOTHING: u8 = 1;
const CHILD: u8 = 2;
const SUPERVISE: u8 = 3;
const WATCH: u8 = 4;

/// Turns signals into cancellation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Interrupt {
    /// Cancelled by the first signal.
    pub(crate) cancel: CancellationToken,
    /// Told of each Ctrl-C that is not ours to act on.
    pub(crate) pressed: Arc<Notify>,
    mode: Arc<AtomicU8>,
    terminated: Arc<AtomicBool>,
}

/// Back to normal when dropped.
#[derive(Debug)]
pub(crate) struct Mode(Arc<AtomicU8>);

impl Drop for Mode {
    fn drop(&mut self) {
        self.0.store(WORK, Ordering::SeqCst);
    }
}

impl Interrupt {
    /// Listens from now on: once this returns, a signal is heard. The thread has its own runtime, so that it is heard while the engine
    /// computes.
    pub(crate) fn listen(&self) {
        let this = self.clone();
        let (listening, listens) = std::sync::mpsc::channel::<()>();
        let listener = std::thread::Builder::new()
            .name("signals".to_owned())
            .stack_size(128 << 10);
        // Without a listener the system's own rule holds: a signal ends the process, which is safe too.
        let _ = listener.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(this.wait(listening));
            }
        });
        // Who cannot listen lets go of its end.
        let _ = listens.recv();
    }

    async fn wait(self, listening: std::sync::mpsc::Sender<()>) {
        let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        drop(listening);
        loop {
            let by_user = tokio::select! {
                _ = int.recv() => true,
                _ = term.recv() => false,
            };
            match self.mode.load(Ordering::SeqCst) {
                // The terminal gave the signal to the child too, and the child knows what it means.
                CHILD if by_user => self.pressed.notify_one(),
                SUPERVISE if !self.cancel.is_cancelled() => {
                    say(
                        "\nStopping the databases; again to leave at once, with those running that are not stopped yet.\n",
                    );
                    self.terminated.store(!by_user, Ordering::SeqCst);
                    self.cancel.cancel();
                }
                WATCH if !self.cancel.is_cancelled() => self.cancel.cancel(),
                WORK if !self.cancel.is_cancelled() => {
                    say(
                        "\nStopping after the call under way; again to leave at once. Both are safe: run the same command again to go on.\n",
                    );
                    self.cancel.cancel();
                }
                _ => {
                    say("\n");
                    std::process::exit(i32::from(Exit::Interrupted as u8));
                }
            }
        }
    }

    /// While a question is asked, the first signal leaves at once.
    pub(crate) fn nothing_under_way(&self) -> Mode {
        self.mode.store(NOTHING, Ordering::SeqCst);
        Mode(self.mode.clone())
    }

    /// While databases are kept running: the first signal stops them.
    pub(crate) fn supervising(&self) -> Mode {
        self.mode.store(SUPERVISE, Ordering::SeqCst);
        Mode(self.mode.clone())
    }

    /// While something is only shown: the first signal ends it, and there is nothing to say about it.
    pub(crate) fn watching(&self) -> Mode {
        self.mode.store(WATCH, Ordering::SeqCst);
        Mode(self.mode.clone())
    }

    /// True if it was SIGTERM that ended the supervision: a service that is told to stop has not failed.
    pub(crate) fn was_terminated(&self) -> bool {
        self.terminated.load(Ordering::SeqCst)
    }

    /// While a child or a prompt has the terminal, Ctrl-C is theirs.
    pub(crate) fn child_has_terminal(&self) -> Mode {
        self.mode.store(CHILD, Ordering::SeqCst);
        Mode(self.mode.clone())
    }
}

fn say(text: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
