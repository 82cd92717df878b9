//! Logs: lines for people, or JSON.

use clap::ValueEnum;
use paas_core::error::{Class, Error};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::codes;

/// The form of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Log {
    /// Lines for people.
    #[default]
    Human,
    /// A JSON object a line.
    Json,
}

/// Sends logs to stderr from now on.
///
/// # Errors
/// [`codes::OP_ARGUMENT`] for a filter that is not understood.
pub(crate) fn start(log: Log, filter: &str) -> Result<(), Error> {
    let wrong = |e: String| {
        Error::new(&codes::OP_ARGUMENT, Class::Invalid)
            .attempted(format!("read the log filter '{filter}'"))
            .happened(e)
    };
    let filter = EnvFilter::try_new(filter).map_err(|e| wrong(e.to_string()))?;
    let all = tracing_subscriber::registry().with(filter);
    let started = match log {
        Log::Human => all.with(fmt::layer().with_writer(std::io::stderr)).try_init(),
        Log::Json => {
            let json = fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(std::io::stderr);
            all.with(json).try_init()
        }
    };
    started.map_err(|e| wrong(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_not_understood_is_shown() {
        let error = start(Log::Json, "paas=loudly").unwrap_err();
        assert_eq!(error.code().id, codes::OP_ARGUMENT.id);
        assert!(error.to_string().contains("paas=loudly"), "{error}");
    }
}
