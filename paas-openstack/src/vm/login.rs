//! Who logs in to a machine.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::image::Image;

/// The user that an image lets in with the SSH key: what it says itself, else what its distribution's cloud images have. `None` where
/// neither is known.
pub fn login(image: &Image) -> Option<String> {
    by_words(
        &image.name,
        image.property("os_admin_user"),
        image.property("os_distro"),
    )
}

/// The same for a volume that an image was written to: Cinder keeps what the image said.
pub(super) fn login_by_volume(said: &BTreeMap<String, Value>) -> Option<String> {
    let word = |name: &str| said.get(name).and_then(Value::as_str);
    by_words(
        word("image_name").unwrap_or_default(),
        word("os_admin_user"),
        word("os_distro"),
    )
}

fn by_words(name: &str, user: Option<&str>, distro: Option<&str>) -> Option<String> {
    if let Some(user) = user.filter(|u| plain(u)) {
        return Some(user.to_owned());
    }
    let distro = distro.map(str::to_ascii_lowercase);
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let user = match &distro {
        Some(said) => by_distro(said),
        None => words.find_map(by_distro),
    };
    user.map(str::to_owned)
}

/// What `ssh` takes as a user without quotes: whoever shares an image writes its properties.
fn plain(user: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    user.starts_with(|c: char| c.is_ascii_alphanumeric()) && user.len() <= 32 && user.chars().all(letter)
}

/// The default user of the distribution's own cloud images; words as in the property `os_distro`, which libosinfo defines.
fn by_distro(distro: &str) -> Option<&'static str> {
    Some(match distro {
        "debian" => "debian",
        "ubuntu" => "ubuntu",
        "fedora" => "fedora",
        "centos" | "rhel" => "cloud-user",
        "rocky" | "rockylinux" => "rocky",
        "almalinux" | "alma" => "almalinux",
        "opensuse" | "sles" | "sle" => "opensuse",
        "arch" | "archlinux" => "arch",
        "alpine" | "alpinelinux" => "alpine",
        "flatcar" | "fedora-coreos" | "fcos" => "core",
        "freebsd" => "freebsd",
        "cirros" => "cirros",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_says_who_logs_in_by_itself_or_by_its_distribution_or_by_its_name() {
        let image = |text: &str| login(&serde_json::from_str::<Image>(text).unwrap());
        let user = |text| image(text).unwrap_or_default();
        assert_eq!(
            user(r#"{"id": "1", "name": "x", "os_admin_user": "me", "os_distro": "debian"}"#),
            "me"
        );
        assert_eq!(
            user(r#"{"id": "1", "name": "x", "os_distro": "Debian"}"#),
            "debian"
        );
        assert_eq!(user(r#"{"id": "1", "name": "Ubuntu 24.04 LTS"}"#), "ubuntu");
        assert_eq!(user(r#"{"id": "1", "name": "lab-debian-12"}"#), "debian");
        assert_eq!(
            user(r#"{"id": "1", "name": "ubuntu-look-alike", "os_distro": "plan9"}"#),
            ""
        );
        assert_eq!(
            user(r#"{"id": "1", "name": "x", "os_admin_user": "-oProxyCommand=x"}"#),
            ""
        );
    }
}
