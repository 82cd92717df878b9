//! What a command works with: its printer, the global options, and a way to stop.

use std::{future::Future, sync::Arc};

use paas_core::error::{Class, Error};

use crate::{args::Global, exit::Failure, interrupt::Interrupt, ui::printer::Printer};

/// What a command works with.
#[derive(Debug)]
pub(crate) struct App {
    /// The global options.
    pub(crate) global: Global,
    /// Where text goes.
    pub(crate) printer: Arc<Printer>,
    /// How it is stopped.
    pub(crate) interrupt: Interrupt,
    /// True if kubectl runs us.
    pub(crate) plugin: bool,
}

impl App {
    /// Nothing is read or started yet.
    pub(crate) fn new(global: Global, plugin: bool) -> Self {
        let printer = Arc::new(Printer::new(global.output, global.verbose));
        Self {
            global,
            printer,
            interrupt: Interrupt::default(),
            plugin,
        }
    }

    /// Runs a future to its end, on this thread.
    ///
    /// # Errors
    /// Its own, or that the system gives no runtime.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| {
                Error::new(&paas_core::codes::CORE_PROVIDER, Class::Internal)
                    .attempted("start")
                    .happened(e.to_string())
            })?;
        self.interrupt.listen();
        runtime.block_on(future)
    }
}
