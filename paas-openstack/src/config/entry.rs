//! One cloud out of the files: its profile, its entry, its region, and the environment beside it.

use std::{path::PathBuf, rc::Rc};

use paas_core::error::{Class, Error};

use super::{
    auth,
    fields::Fields,
    files::{Files, environment},
    place::{Place, meant},
    select::of_environment,
    services,
    sources::{Choice, Sources},
    transport,
    tree::{Content, Node},
    warning::Warning,
};
use crate::{Cloud, codes};

/// The cloud of that name, and its file.
pub(super) fn cloud(
    sources: &Sources,
    files: &Files,
    name: &str,
    choice: &Choice,
    warnings: &mut Vec<Warning>,
) -> Result<(Cloud, Option<PathBuf>), Error> {
    let cloud = build(sources, files, name, choice, warnings);
    cloud.map_err(|e| e.attempted(format!("read cloud {name:?}")))
}

fn build(
    sources: &Sources,
    files: &Files,
    name: &str,
    choice: &Choice,
    warnings: &mut Vec<Warning>,
) -> Result<(Cloud, Option<PathBuf>), Error> {
    let in_file = files.clouds.get(name).cloned();
    let of_variables = in_file.is_none();
    let entry = in_file.or_else(|| environment(sources)).ok_or_else(|| {
        Error::new(&codes::OS_NO_CLOUD, Class::NotFound).happened(format!("there is no cloud {name:?}"))
    })?;
    let profile = profile(sources, files, &entry, warnings)?;
    // The variables lie over a cloud of a file only in what the `openstack` command has them do.
    let beside = |variable: &'static str| {
        let value = sources.variable(variable).filter(|_| !of_variables)?;
        Some(Node::text_of(Place::Variable(Rc::from(variable)), value))
    };
    let asked = choice
        .region
        .as_ref()
        .map(|region| Node::text_of(Place::Caller, region.as_str()));
    let asked = asked.or_else(|| beside("OS_REGION_NAME"));

    let mut fields = Fields::default();
    for layer in profile.iter().chain([&entry]) {
        fields.overlay(layer, "the entry")?;
    }
    let region = region(&entry, profile.as_deref(), asked.as_deref())?;
    if let Some(values) = region.as_ref().and_then(|region| region.values.as_ref()) {
        fields.overlay(values, "values")?;
    }
    fields.top.remove("region_name");
    if let Some(region) = region.filter(|region| !region.name.is_empty()) {
        fields
            .top
            .insert("region_name".to_owned(), Node::text_of(region.place, region.name));
    }
    fields.settle();
    if let Some(interface) = beside("OS_INTERFACE").or_else(|| beside("OS_ENDPOINT_TYPE")) {
        fields.top.insert("interface".to_owned(), interface);
    }

    let (auth_url, identity, scope) = auth::read(&fields, &entry.place, warnings)?;
    let cloud = Cloud {
        name: name.to_owned(),
        auth_url,
        identity,
        scope,
        region: fields.text("region_name")?,
        interfaces: services::interfaces(&fields, "interface")?.unwrap_or_else(|| vec!["public".to_owned()]),
        tls: transport::tls(&fields, sources, name, warnings)?,
        services: services::read(&fields)?,
        timeout: transport::timeout(&fields)?,
    };
    Ok((cloud, entry.place.file().map(PathBuf::from)))
}

/// What lies below the entry.
fn profile(
    sources: &Sources,
    files: &Files,
    entry: &Node,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Rc<Node>>, Error> {
    let map = entry.map("the entry")?;
    let named = map.and_then(|map| {
        map.get("profile")
            .filter(|n| !n.is_null())
            .or_else(|| map.get("cloud"))
    });
    let Some(named) = named else { return Ok(None) };
    let Some(profile) = named
        .text("profile")?
        .filter(|name| name != of_environment(sources))
    else {
        return Ok(None);
    };
    if let Some(found) = files.profile(&profile)? {
        return Ok(Some(found));
    }
    if profile.contains("//") {
        return Err(named.place.error(
            &codes::OS_PROFILE,
            "profile is a URL, and profiles are not fetched",
        ));
    }
    let place = named.place.to_string();
    warnings.push(Warning::UnknownProfile { place, profile });
    Ok(None)
}

struct Region {
    name: String,
    place: Place,
    values: Option<Rc<Node>>,
}

/// The region that was asked for, if the cloud has it, else its first one.
fn region(entry: &Node, profile: Option<&Node>, asked: Option<&Node>) -> Result<Option<Region>, Error> {
    let mut regions = regions(entry)?;
    if regions.is_empty() {
        regions = profile.map_or(Ok(Vec::new()), self::regions)?;
    }
    let Some((asked, name)) = asked.and_then(|node| Some((node, node.text("region").ok()??))) else {
        return Ok(regions.into_iter().next());
    };
    if regions.is_empty() {
        let place = asked.place.clone();
        return Ok(Some(Region {
            name,
            place,
            values: None,
        }));
    }
    let names: Vec<String> = regions.iter().map(|region| region.name.clone()).collect();
    regions
        .into_iter()
        .find(|region| region.name == name)
        .map(Some)
        .ok_or_else(|| {
            let near = meant(&name, names.iter().map(String::as_str));
            let what = format!(
                "there is no region {name:?}{near}; this cloud has: {}",
                names.join(", ")
            );
            asked.place.error(&codes::OS_NO_REGION, what)
        })
}

/// The regions that an entry or a profile says it has: `regions`, else `region_name`, which may be several with commas.
fn regions(entry: &Node) -> Result<Vec<Region>, Error> {
    let map = entry.map("the entry")?;
    let field = |name: &str| {
        let value = map?.iter().find(|(key, _)| key.replace('-', "_") == name)?.1;
        (!value.is_null()).then_some(value)
    };
    let (name, listed) = match (field("regions"), field("region_name")) {
        (Some(regions), _) => ("regions", regions),
        (None, Some(name)) => ("region_name", name),
        (None, None) => return Ok(Vec::new()),
    };
    match &listed.content {
        Content::List(list) => list.iter().map(|node| one_region(node)).collect(),
        _ if name == "regions" => Err(listed.place.wrong("regions", "must be a list of regions")),
        _ => {
            let text = listed.text(name)?.unwrap_or_default();
            let region = |name: &str| Region {
                name: name.to_owned(),
                place: listed.place.clone(),
                values: None,
            };
            Ok(text.split(',').map(region).collect())
        }
    }
}

fn one_region(node: &Node) -> Result<Region, Error> {
    let wrong = || {
        node.place.wrong(
            "regions",
            "has an entry that is neither a name nor a map of name and values",
        )
    };
    let (name, values) = match &node.content {
        Content::Map(map) if map.keys().all(|key| key == "name" || key == "values") => (
            map.get("name").ok_or_else(wrong)?.text("regions.name")?,
            map.get("values").cloned(),
        ),
        Content::Scalar { .. } => (node.text("regions")?, None),
        Content::Map(_) | Content::List(_) | Content::Null => return Err(wrong()),
    };
    let name = name.unwrap_or_default();
    Ok(Region {
        name,
        place: node.place.clone(),
        values,
    })
}
