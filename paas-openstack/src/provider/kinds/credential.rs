//! Application credentials.

use paas_core::resource::{Diff, Need, View};
use paas_core::secrets::SecretRef;

use super::{Kind, changed, judged, view};

/// An application credential for what runs in the cluster and speaks to the cloud: its cloud controller and its storage driver. It can
/// make no further ones, and has the roles of who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The name of its secret in the store, where it lies before the credential is made.
    pub secret: String,
    /// Whether it may make further ones.
    pub unrestricted: bool,
    /// Its id and its secret, as they are in the store; `None` where it is only wanted.
    pub kept: Option<(SecretRef, SecretRef)>,
    /// True where it is the one that we are logged in with, which can make no other: it is given to the cluster, and never deleted.
    pub lent: bool,
}

impl Kind for Credential {
    const WORD: &'static str = "applicationCredential";

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, live: &Self) -> Diff {
        let may = |b: &bool| if *b { "anything" } else { "no further ones" }.to_owned();
        judged(
            [changed(
                "makes",
                Some(&live.unrestricted),
                Some(&self.unrestricted),
                may,
            )],
            [],
        )
    }

    fn view(&self) -> View {
        view([("secret", Some(self.secret.clone()))])
    }
}
