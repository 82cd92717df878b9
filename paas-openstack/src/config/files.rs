//! The files as one configuration: the first clouds.yaml, with the first secure.yaml over it; and profiles when they are asked for.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
    rc::Rc,
};

use paas_core::error::{Class, Error};

use super::{
    access::{self, Found},
    place::Place,
    sources::{Places, Sources},
    tree::{Map, Node, has_secret, merge},
    warning::Warning,
    yaml,
};
use crate::codes;

/// What the files say.
pub(super) struct Files {
    /// The clouds by name.
    pub(super) clouds: Map,
    /// The files that were read.
    pub(super) read: Vec<PathBuf>,
    pub(super) places: Places,
    pub(super) warnings: Vec<Warning>,
    profiles: OnceCell<Result<Map, Error>>,
}

impl Files {
    pub(super) fn read(sources: &Sources) -> Result<Self, Error> {
        let places = sources.places();
        let mut warnings = Vec::new();
        let named = |variable| sources.variable(variable).map(|_| variable);
        let variable = match &sources.file {
            Some(_) => None,
            None => named("OS_CLIENT_CONFIG_FILE"),
        };
        let clouds = first(&places.clouds, variable, &mut warnings)?;
        if clouds.is_none()
            && let Some(file) = &sources.file
        {
            return Err(refused(file, "is not there, or is closed to this user"));
        }
        let secure = first(&places.secure, named("OS_CLIENT_SECURE_FILE"), &mut warnings)?;
        let read = [&clouds, &secure]
            .into_iter()
            .flatten()
            .map(|(file, _)| file.clone())
            .collect();
        let root = match (clouds.and_then(|c| c.1), secure.and_then(|s| s.1)) {
            (Some(clouds), Some(secure)) => {
                // A wrong shape is told with the file that has it.
                clouds_of(&clouds)?;
                clouds_of(&secure)?;
                Some(merge(&clouds, &secure))
            }
            (clouds, secure) => clouds.or(secure),
        };
        Ok(Self {
            clouds: root.map_or(Ok(Map::new()), |root| clouds_of(&root))?,
            read,
            places,
            warnings,
            profiles: OnceCell::new(),
        })
    }

    /// A profile of clouds-public.yaml.
    pub(super) fn profile(&self, name: &str) -> Result<Option<Rc<Node>>, Error> {
        let profiles = self.profiles.get_or_init(|| {
            let Some((_, Some(root))) = first(&self.places.public, None, &mut Vec::new())? else {
                return Ok(Map::new());
            };
            let profiles = root.map("the file")?.and_then(|map| map.get("public-clouds"));
            let profiles = profiles.map_or(Ok(None), |node| node.map("public-clouds"))?;
            Ok(profiles.cloned().unwrap_or_default())
        });
        profiles
            .as_ref()
            .map(|map| map.get(name).cloned())
            .map_err(Clone::clone)
    }
}

fn clouds_of(root: &Node) -> Result<Map, Error> {
    let wrong = |node: &Node, what: &str| node.place.error(&codes::OS_SYNTAX, what);
    let top = root
        .map("the file")
        .map_err(|_| wrong(root, "the file must be a map with the field clouds"))?;
    let Some(clouds) = top.and_then(|map| map.get("clouds")) else {
        return Ok(Map::new());
    };
    let map = clouds
        .map("clouds")
        .map_err(|_| wrong(clouds, "clouds must be a map of clouds by name"))?;
    Ok(map.cloned().unwrap_or_default())
}

type Read = (PathBuf, Option<Rc<Node>>);

/// The first file that is there. `variable` named the first of them.
fn first(
    files: &[PathBuf],
    variable: Option<&'static str>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Read>, Error> {
    for (index, file) in files.iter().enumerate() {
        let variable = variable.filter(|_| index == 0);
        match (access::read(file)?, variable) {
            (Found::Nothing, None) => {}
            (Found::Nothing, Some(variable)) => warnings.push(Warning::NotThere {
                variable,
                file: file.clone(),
            }),
            (Found::Closed, None) => warnings.push(Warning::Closed { file: file.clone() }),
            (Found::Closed, Some(_)) => return Err(refused(file, "is closed to this user")),
            (Found::Text { text, open }, _) => {
                let shared: Rc<Path> = Rc::from(file.as_path());
                let root = match file.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
                    true => yaml::read_json(&shared, &text),
                    false => yaml::read(&shared, &text, warnings),
                };
                let root = root.map_err(|e| e.attempted("read clouds"))?;
                if open && root.as_ref().is_some_and(|root| has_secret(root)) {
                    warnings.push(Warning::OpenToOthers { file: file.clone() });
                }
                return Ok(Some((file.clone(), root.filter(|root| !root.is_null()))));
            }
        }
    }
    Ok(None)
}

fn refused(file: &Path, what: &str) -> Error {
    Error::new(&codes::OS_FILE, Class::Invalid)
        .attempted("read clouds")
        .happened(format!("{} {what}", file.display()))
}

/// The cloud that all `OS_*` together are, if there is one: fields that are variables.
pub(super) fn environment(sources: &Sources) -> Option<Rc<Node>> {
    // These say which cloud is meant and where, not what it is.
    const CHOOSING: [&str; 5] = [
        "OS_CLOUD",
        "OS_REGION_NAME",
        "OS_CLIENT_CONFIG_FILE",
        "OS_CLIENT_SECURE_FILE",
        "OS_CLOUD_NAME",
    ];
    // What OpenStack's own test runs set.
    const FOREIGN: [&str; 3] = ["OS_TEST", "OS_STD", "OS_LOG"];
    let ours: Vec<_> = sources
        .environment
        .iter()
        .filter(|(name, _)| {
            name.starts_with("OS_") && !FOREIGN.iter().any(|foreign| name.starts_with(foreign))
        })
        .collect();
    ours.iter()
        .any(|(name, _)| !CHOOSING.contains(&name.as_str()))
        .then(|| {
            let fields = ours.into_iter().map(|(name, value)| {
                let place = Place::Variable(Rc::from(name.as_str()));
                (
                    name["OS_".len()..].to_lowercase(),
                    Node::text_of(place, value.as_str()),
                )
            });
            let map = fields.collect();
            Node::new(Place::Variable(Rc::from("OS_*")), super::tree::Content::Map(map))
        })
}
