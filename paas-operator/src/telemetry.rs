//! Logs, as lines for people or as JSON, and traces.

use clap::ValueEnum;
use paas_core::error::{Class, Error};
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, fmt, layer::SubscriberExt, registry::LookupSpan, util::SubscriberInitExt,
};

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

/// Ends what was sending when it is dropped.
#[cfg(feature = "otel")]
pub(crate) type Sending = Option<crate::traces::Traces>;
/// Nothing is sent.
#[cfg(not(feature = "otel"))]
pub(crate) type Sending = ();

/// Sends logs to stderr from now on, and traces to the collector at `endpoint`.
///
/// # Errors
/// [`codes::OP_ARGUMENT`] for a filter that is not understood, [`codes::OP_TRACES`] for an endpoint that cannot be used.
pub(crate) fn start(log: Log, filter: &str, endpoint: Option<&str>) -> Result<Sending, Error> {
    let wrong = |e: String| {
        Error::new(&codes::OP_ARGUMENT, Class::Invalid)
            .attempted(format!("read the log filter '{filter}'"))
            .happened(e)
    };
    let filter = EnvFilter::try_new(filter).map_err(|e| wrong(e.to_string()))?;
    let logs = logs(log).with_filter(filter);
    #[cfg(feature = "otel")]
    {
        let (layer, sending) = match endpoint {
            None => (None, None),
            Some(endpoint) => {
                let traces = crate::traces::Traces::to(endpoint)?;
                (Some(traces.layer()), Some(traces))
            }
        };
        let all = tracing_subscriber::registry().with(logs).with(layer);
        all.try_init().map_err(|e| wrong(e.to_string()))?;
        Ok(sending)
    }
    #[cfg(not(feature = "otel"))]
    {
        if let Some(endpoint) = endpoint {
            return Err(Error::new(&codes::OP_TRACES, Class::Unsupported)
                .attempted(format!("send traces to {endpoint}"))
                .happened("this build has no traces")
                .remedy("build paas-operator with the feature `otel`, or leave --otlp-endpoint out"));
        }
        let all = tracing_subscriber::registry().with(logs);
        all.try_init().map_err(|e| wrong(e.to_string()))
    }
}

fn logs<S: Subscriber + for<'a> LookupSpan<'a>>(log: Log) -> Box<dyn Layer<S> + Send + Sync> {
    let lines = fmt::layer().with_writer(std::io::stderr);
    match log {
        Log::Human => lines.boxed(),
        Log::Json => lines.json().flatten_event(true).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_not_understood_is_shown() {
        let error = start(Log::Json, "paas=loudly", None).map(|_| ()).unwrap_err();
        assert_eq!(error.code().id, codes::OP_ARGUMENT.id);
        assert!(error.to_string().contains("paas=loudly"), "{error}");
    }

    #[test]
    fn traces_that_cannot_be_sent_are_refused_at_the_start() {
        // With the feature it is no URL of plain HTTP, without it there are no traces at all.
        let error = start(Log::Json, "info", Some("https://collector:4318"))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.code().id, codes::OP_TRACES.id);
        assert!(error.to_string().contains("collector"), "{error}");
    }
}
