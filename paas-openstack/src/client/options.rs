//! What a program chooses about a client, beside the cloud.

use std::{sync::Arc, time::Duration};

use paas_core::clock::{Clock, SystemClock};

use super::{pace::Rate, retry::Bounds, trace::Trace};

/// Options of a client; the defaults suit a controller.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Who is told every exchange.
    pub trace: Option<Arc<dyn Trace>>,
    /// Exchanges at once, over all services.
    pub concurrency: usize,
    /// The budget of calls, over all services.
    pub rate: Rate,
    /// How often a call is sent again.
    pub retries: Bounds,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// The deadline of one exchange, unless the cloud says another.
    pub timeout: Duration,
    /// The deadline of a call with all its attempts and waits.
    pub deadline: Duration,
    /// The largest answer, in bytes.
    pub max_answer: usize,
    /// The most pages of one list.
    pub max_pages: usize,
    /// How this program calls itself.
    pub user_agent: String,
    /// Use the proxy that the system's settings and environment name. Off: a library does not read the environment by itself.
    pub system_proxy: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            trace: None,
            concurrency: 16,
            rate: Rate::default(),
            retries: Bounds::default(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
            deadline: Duration::from_secs(180),
            max_answer: 32 << 20,
            max_pages: 10_000,
            user_agent: concat!("paas-openstack/", env!("CARGO_PKG_VERSION")).to_owned(),
            system_proxy: false,
        }
    }
}
