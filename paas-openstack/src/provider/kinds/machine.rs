//! Servers, their key pair, and the groups that keep them apart.

use paas_core::{
    resource::{Diff, Key, Need, View},
    secrets::SecretRef,
};

use super::{Kind, changed, judged, view};
use crate::provider::choice::Choice;

/// A public key. It belongs to the user, not to the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The key in OpenSSH's form, without its comment.
    pub public_key: String,
}

impl Kind for KeyPair {
    const WORD: &'static str = "keyPair";

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [changed(
                "publicKey",
                Some(&live.public_key),
                Some(&self.public_key),
                String::clone,
            )],
            [],
        )
    }

    fn view(&self) -> View {
        let kind = self.public_key.split(' ').next().map(str::to_owned);
        view([("type", kind)])
    }
}

/// How strictly servers are kept on hosts of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Where there are enough hosts.
    SoftAntiAffinity,
    /// Or not at all.
    AntiAffinity,
}

impl Policy {
    /// Nova's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::SoftAntiAffinity => "soft-anti-affinity",
            Self::AntiAffinity => "anti-affinity",
        }
    }
}

/// Servers that are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerGroup {
    /// How strictly.
    pub policy: Policy,
}

impl Kind for ServerGroup {
    const WORD: &'static str = "serverGroup";

    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }

    fn diff(&self, live: &Self) -> Diff {
        judged(
            [changed("policy", Some(&live.policy), Some(&self.policy), |p| {
                p.word().to_owned()
            })],
            [],
        )
    }

    fn view(&self) -> View {
        view([("policy", Some(self.policy.word().to_owned()))])
    }
}

/// What a server boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// The flavor's own disk, filled from the image.
    Image,
    /// A volume that was made of the image before.
    Volume(Key),
}

/// Where user-data comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserData {
    /// A secret that is stored.
    Stored(SecretRef),
    /// Whoever installs the cluster says it ([`paas_core::driver::Boot`]), and has to know where the control plane is.
    Boot {
        /// The port of its first machine.
        control_plane: Key,
    },
}

/// A server. Its user-data is written at creation and never judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its only port.
    pub port: Key,
    /// What it is as large as.
    pub flavor: Choice,
    /// What it was installed from: a newer image alone replaces nothing.
    pub image: Choice,
    /// What it boots from.
    pub root: Root,
    /// Data volumes, attached at creation.
    pub volumes: Vec<Key>,
    /// Whose SSH key it takes.
    pub key_pair: Option<Key>,
    /// With whom it is kept apart.
    pub group: Option<Key>,
    /// Its availability zone; `None` for any.
    pub zone: Option<String>,
    /// What its first boot does.
    pub user_data: Option<UserData>,
    /// The pool whose replacements are bounded together.
    pub pool: String,
}

impl Kind for Server {
    const WORD: &'static str = "server";

    fn needs(&self) -> Vec<Need> {
        let root = match &self.root {
            Root::Image => None,
            Root::Volume(key) => Some(Need::Built(key.clone())),
        };
        let later = [&self.key_pair, &self.group]
            .into_iter()
            .flatten()
            .chain(&self.volumes);
        let plane = match &self.user_data {
            Some(UserData::Boot { control_plane }) if *control_plane != self.port => {
                Some(control_plane.clone())
            }
            Some(UserData::Boot { .. } | UserData::Stored(_)) | None => None,
        };
        std::iter::once(Need::Built(self.port.clone()))
            .chain(root)
            .chain(later.cloned().map(Need::Order))
            .chain(plane.map(Need::Order))
            .collect()
    }

    fn diff(&self, live: &Self) -> Diff {
        let root = |r: &Root| match r {
            Root::Image => "the flavor's disk".to_owned(),
            Root::Volume(key) => key.to_string(),
        };
        judged(
            [
                changed(
                    "flavor",
                    Some(&live.flavor),
                    Some(&self.flavor),
                    Choice::to_string,
                ),
                changed("image", Some(&live.image), Some(&self.image), Choice::to_string),
                changed("root", Some(&live.root), Some(&self.root), root),
                changed("zone", live.zone.as_ref(), self.zone.as_ref(), String::clone),
            ],
            [],
        )
    }

    fn view(&self) -> View {
        view([
            ("flavor", Some(self.flavor.to_string())),
            ("image", Some(self.image.to_string())),
            ("zone", self.zone.clone()),
        ])
    }
}
