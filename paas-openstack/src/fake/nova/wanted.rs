//! What a create of servers asks for, checked as Nova's schema checks it.

use serde_json::Value;

use super::invalid::{invalid, misshapen};
use crate::fake::{
    collection::{Object, text},
    microversion::Microversion,
    refusal::Refusal,
};

/// Longest user data, as it is sent: base64.
const USER_DATA: usize = 65535;

/// What was asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) server: &'a Object,
    pub(super) name: &'a str,
    pub(super) count: usize,
    pub(super) networks: Networks<'a>,
    pub(super) disks: Vec<&'a Object>,
    pub(super) tags: Vec<String>,
    pub(super) metadata: Object,
    /// The server group of the scheduler hints.
    pub(super) group: Option<&'a str>,
}

/// Which networks.
#[derive(Debug)]
pub(super) enum Networks<'a> {
    /// Those that Nova finds.
    Auto,
    None,
    These(Vec<&'a Object>),
}

impl<'a> Wanted<'a> {
    pub(super) fn of(body: &'a Value, server: &'a Object, version: Microversion) -> Result<Self, Refusal> {
        known(server, version)?;
        let name = text(server, "name").trim();
        if name.is_empty() || name.chars().count() > 255 {
            let why = if name.is_empty() {
                "should be non-empty"
            } else {
                "is too long"
            };
            return Err(invalid("name", server.get("name"), why));
        }
        if server.get("flavorRef").is_none() {
            return Err(misshapen("server", server, "'flavorRef' is a required property"));
        }
        user_data(server)?;
        let count = |member: &str| {
            server
                .get(member)
                .and_then(|n| n.as_u64().or_else(|| n.as_str()?.parse().ok()))
        };
        let (least, most) = (count("min_count").unwrap_or(1), count("max_count"));
        let most = most.unwrap_or(least);
        if least == 0 || most < least {
            return Err(Refusal::nova(400, "min_count must be <= max_count"));
        }
        let networks = networks(server, version)?;
        let count = usize::try_from(most).unwrap_or(usize::MAX);
        if let Networks::These(these) = &networks
            && count > 1
            && these.iter().any(|one| one.contains_key("port"))
        {
            return Err(Refusal::nova(
                400,
                "Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one \
                     with different ports.",
            ));
        }
        let hints = ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"]
            .into_iter()
            .find_map(|name| body.get(name));
        Ok(Self {
            server,
            name,
            count,
            networks,
            disks: objects(server, "block_device_mapping_v2")?,
            tags: tags(server.get("tags"))?,
            metadata: metadata(server.get("metadata"))?,
            group: hints.and_then(|hints| hints.get("group")).and_then(Value::as_str),
        })
    }

    /// A text member that is there and not empty.
    pub(super) fn text(&self, member: &str) -> Option<&'a str> {
        self.server
            .get(member)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }
}

/// Members that Nova does not know are refused, and so are those of a later microversion.
fn known(server: &Object, version: Microversion) -> Result<(), Refusal> {
    let since = |member: &str| match member {
        "name"
        | "imageRef"
        | "flavorRef"
        | "adminPass"
        | "metadata"
        | "networks"
        | "OS-DCF:diskConfig"
        | "accessIPv4"
        | "accessIPv6"
        | "availability_zone"
        | "config_drive"
        | "key_name"
        | "min_count"
        | "max_count"
        | "return_reservation_id"
        | "security_groups"
        | "user_data"
        | "block_device_mapping"
        | "block_device_mapping_v2" => Some(1),
        "personality" if !version.has(2, 57) => Some(1),
        "description" => Some(19),
        "tags" => Some(52),
        "trusted_image_certificates" => Some(63),
        "host" | "hypervisor_hostname" => Some(74),
        "hostname" => Some(90),
        _ => None,
    };
    for member in server.keys() {
        if !since(member).is_some_and(|minor| version.has(2, minor)) {
            return Err(misshapen(
                "server",
                server,
                &format!("Additional properties are not allowed ('{member}' was unexpected)"),
            ));
        }
    }
    Ok(())
}

fn networks(server: &Object, version: Microversion) -> Result<Networks<'_>, Refusal> {
    match server.get("networks") {
        None if version.has(2, 37) => Err(misshapen("server", server, "'networks' is a required property")),
        None => Ok(Networks::Auto),
        Some(Value::String(word)) if version.has(2, 37) && word == "auto" => Ok(Networks::Auto),
        Some(Value::String(word)) if version.has(2, 37) && word == "none" => Ok(Networks::None),
        Some(Value::Array(these)) if these.is_empty() && !version.has(2, 37) => Ok(Networks::Auto),
        Some(Value::Array(_)) => Ok(Networks::These(objects(server, "networks")?)),
        other => Err(invalid(
            "networks",
            other,
            "is not valid under any of the given schemas",
        )),
    }
}

fn objects<'a>(server: &'a Object, member: &str) -> Result<Vec<&'a Object>, Refusal> {
    match server.get(member) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| {
                item.as_object()
                    .ok_or_else(|| invalid(member, Some(item), "is not of type 'object'"))
            })
            .collect(),
        other => Err(invalid(member, other, "is not of type 'array'")),
    }
}

fn user_data(server: &Object) -> Result<(), Refusal> {
    let Some(data) = server.get("user_data").filter(|data| !data.is_null()) else {
        return Ok(());
    };
    let Some(text) = data.as_str() else {
        return Err(invalid("user_data", Some(data), "is not of type 'string'"));
    };
    if text.len() > USER_DATA {
        return Err(invalid("user_data", Some(data), "is too long"));
    }
    let letters = text.bytes().filter(|b| !b.is_ascii_whitespace());
    let good = letters
        .clone()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    if !good || letters.count() % 4 != 0 {
        return Err(invalid("user_data", Some(data), "is not a 'base64'"));
    }
    Ok(())
}

/// Tags: at most 50, each of at most 60 characters, without `/` and `,`.
pub(super) fn tags(said: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let mut tags: Vec<String> = Vec::new();
    for (n, item) in said.and_then(Value::as_array).into_iter().flatten().enumerate() {
        // Items of lists are named by their place.
        let wrong = |why| invalid(&n.to_string(), Some(item), why);
        let tag = item.as_str().ok_or_else(|| wrong("is not of type 'string'"))?;
        match tag.chars().count() {
            0 => return Err(wrong("should be non-empty")),
            1..=60 => {}
            _ => return Err(wrong("is too long")),
        }
        if tag.contains(['/', ',']) {
            return Err(wrong("does not match '^[^,/]*$'"));
        }
        if !tags.iter().any(|seen| seen == tag) {
            tags.push(tag.to_owned());
        }
    }
    if tags.len() > 50 {
        return Err(invalid("tags", said, "is too long"));
    }
    Ok(tags)
}

/// Metadata: texts of at most 255 characters.
pub(super) fn metadata(said: Option<&Value>) -> Result<Object, Refusal> {
    let Some(said) = said.filter(|said| !said.is_null()) else {
        return Ok(Object::new());
    };
    let all = said
        .as_object()
        .ok_or_else(|| invalid("metadata", Some(said), "is not of type 'object'"))?;
    for (key, value) in all {
        let fits = value.as_str().is_some_and(|text| text.chars().count() <= 255);
        if !fits || key.is_empty() || key.chars().count() > 255 {
            return Err(invalid(
                key,
                Some(value),
                "is not a string of at most 255 characters",
            ));
        }
    }
    Ok(all.clone())
}
