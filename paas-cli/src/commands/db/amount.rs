//! How far a dump or a load is.

use std::{future::Future, time::Duration};

use paas_core::{
    codes::CORE_CANCELLED,
    database::dump::Progress,
    error::{Class, Error},
    local::disk::human,
};

use crate::{app::App, ui::printer::Printer};

/// How often a person is told.
const TICK: Duration = Duration::from_millis(300);

/// Waits for `work`, tells a terminal how far it is, and ends it with the first Ctrl-C.
pub(super) async fn watch<T>(
    app: &App,
    progress: &Progress,
    attempted: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    ticks.tick().await;
    let mut told = false;
    let done = loop {
        tokio::select! {
            done = &mut work => break done,
            () = app.interrupt.cancel.cancelled() => {
                break Err(Error::new(&CORE_CANCELLED, Class::Cancelled).attempted(attempted));
            }
            _ = ticks.tick(), if Printer::watched() => {
                told = true;
                app.printer.ask(&format!("\r\x1b[2K{}", amount(progress.rows(), progress.bytes())));
            }
        }
    };
    if told {
        app.printer.ask("\r\x1b[2K");
    }
    done
}

/// `3 rows, 1.2 MiB`.
pub(super) fn amount(rows: u64, bytes: u64) -> String {
    let rows = match rows {
        1 => "1 row".to_owned(),
        many => format!("{many} rows"),
    };
    format!("{rows}, {}", human(bytes))
}
