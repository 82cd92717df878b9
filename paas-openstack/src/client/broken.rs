//! Why an exchange ended without a whole answer.

use std::{error::Error as StdError, io, time::Duration};

use rustls::AlertDescription as Alert;

/// The kinds of failure that lead to different decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The other side could not be trusted; nothing was sent.
    Tls(String),
    /// No connection came about; nothing was sent.
    Unreachable(String),
    /// The connection ended before the answer did.
    Lost(String),
    /// The deadline of the exchange passed.
    TimedOut(Duration),
    /// The call's turn would come after its deadline, because many wait or the cloud asked to slow down; nothing was sent.
    TooLate,
    /// The answer is larger than this many bytes.
    TooLarge(usize),
}

impl Broken {
    /// What `reqwest` says, sorted.
    pub(crate) fn from(error: reqwest::Error, deadline: Duration) -> Self {
        let error = error.without_url();
        if let Some(tls) = tls_cause(&error) {
            return Self::Tls(tls);
        }
        if error.is_connect() || error.is_builder() {
            return Self::Unreachable(deepest(&error));
        }
        if error.is_timeout() {
            return Self::TimedOut(deadline);
        }
        Self::Lost(deepest(&error))
    }

    /// False only if certainly nothing was sent.
    pub(crate) fn may_have_been_sent(&self) -> bool {
        match self {
            Self::Tls(_) | Self::Unreachable(_) | Self::TooLate => false,
            Self::Lost(_) | Self::TimedOut(_) | Self::TooLarge(_) => true,
        }
    }
}

/// The failure of the handshake, if that is what it was. With TLS 1.3 the refusal of our certificate arrives when our side has
/// finished already, but before the other side read any request.
fn tls_cause(error: &reqwest::Error) -> Option<String> {
    let tls: &rustls::Error = causes(error).find_map(|cause| cause.downcast_ref())?;
    let refused = matches!(
        tls,
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::HandshakeFailure
        )
    );
    (error.is_connect() || refused).then(|| tls.to_string())
}

fn deepest(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map_or_else(|| error.to_string(), ToString::to_string)
}

/// From the outermost to the innermost.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(Some(error as &(dyn StdError + 'static)), |cause| beneath(*cause))
}

/// An I/O error says the source of what it wraps, not what it wraps.
fn beneath<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}
