//! Which image has which version of PostgreSQL.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{codes::CNPG_VERSION, kinds::GROUP};
use crate::{
    error::{Class, Error, Result},
    spec::EngineVersion,
};

/// Where images come from. CloudNativePG reads the major version from an image's tag, which therefore has to begin with it
/// (its documentation, "Image Tag Requirements"); in a catalog the version is the entry's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Images {
    /// One repository in which every version is a tag: `<repository>:<version><suffix>`.
    Repository {
        /// The repository.
        repository: String,
        /// What follows the version in the tag: `-system-trixie`.
        suffix: String,
    },
    /// A catalog in the cluster, which knows an image for each major version.
    Catalog {
        /// True for a `ClusterImageCatalog`, false for an `ImageCatalog` of the instance's namespace.
        cluster_wide: bool,
        /// Its name.
        name: String,
    },
    /// Whole names by version, as it is written in a spec: `17`, `17.6`.
    Table(BTreeMap<String, String>),
}

impl Default for Images {
    /// The images that CloudNativePG's makers publish, of the kind that its own default is of (`pkg/versions/versions.go` of 1.30.0).
    fn default() -> Self {
        Self::Repository {
            repository: "ghcr.io/cloudnative-pg/postgresql".to_owned(),
            suffix: "-system-trixie".to_owned(),
        }
    }
}

impl Images {
    /// What a Cluster says about its image for a version; nothing without one: CloudNativePG's webhook then writes its own default into
    /// the Cluster once, and it stays.
    ///
    /// # Errors
    /// `PAAS-K8S-0012` for a version that a table lacks, or an exact one of a catalog, which knows major versions only.
    pub fn fields(&self, version: Option<&EngineVersion>) -> Result<Vec<(&'static str, Value)>> {
        let Some(version) = version else {
            return Ok(Vec::new());
        };
        let refused = |why: String| {
            Err(Error::new(&CNPG_VERSION, Class::Unsupported)
                .attempted(format!("find an image of PostgreSQL {version}"))
                .happened(why))
        };
        match self {
            Self::Repository { repository, suffix } => Ok(vec![(
                "imageName",
                format!("{repository}:{version}{suffix}").into(),
            )]),
            Self::Catalog { cluster_wide, name } => {
                if version.minor().is_some() {
                    return refused(format!("the catalog {name} knows major versions only"));
                }
                let kind = if *cluster_wide {
                    "ClusterImageCatalog"
                } else {
                    "ImageCatalog"
                };
                let of = json!({"apiGroup": GROUP, "kind": kind, "name": name, "major": version.major()});
                Ok(vec![("imageCatalogRef", of)])
            }
            Self::Table(images) => match images.get(version.as_str()) {
                Some(image) => Ok(vec![("imageName", image.as_str().into())]),
                None => refused(format!(
                    "there are images of {}",
                    images.keys().cloned().collect::<Vec<_>>().join(", ")
                )),
            },
        }
    }
}

/// The major version that an image's tag begins with.
pub(super) fn major(image: &str) -> Option<u32> {
    let named = image.split('@').next()?.rsplit('/').next()?;
    let (_, tag) = named.split_once(':')?;
    let digits = tag.bytes().take_while(u8::is_ascii_digit).count();
    tag.get(..digits)?.parse().ok()
}

/// The version that an image's tag begins with: `17`, `17.6`.
pub(super) fn version(image: &str) -> Option<String> {
    let named = image.split('@').next()?.rsplit('/').next()?;
    let (_, tag) = named.split_once(':')?;
    let end = tag
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(tag.len());
    let version = tag.get(..end)?.trim_end_matches('.');
    (!version.is_empty()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> EngineVersion {
        text.parse().unwrap()
    }

    #[test]
    fn a_version_is_a_tag_of_the_repository_and_the_tag_tells_the_major() {
        let fields = Images::default().fields(Some(&version("17.6"))).unwrap();
        let image = fields[0].1.as_str().unwrap();
        assert!(image.ends_with(":17.6-system-trixie"), "{image}");
        assert_eq!(major(image), Some(17));
        assert_eq!(major("host:5000/pg"), None);
        assert_eq!(major("host:5000/pg:16.2@sha256:99aa"), Some(16));
        assert_eq!(Images::default().fields(None).unwrap(), []);
    }

    #[test]
    fn a_catalog_is_asked_by_major_version() {
        let name = "postgresql".to_owned();
        let catalog = Images::Catalog {
            cluster_wide: true,
            name,
        };
        let fields = catalog.fields(Some(&version("18"))).unwrap();
        assert_eq!(fields[0].0, "imageCatalogRef");
        assert_eq!(fields[0].1["major"], 18);
        let e = catalog.fields(Some(&version("18.4"))).unwrap_err();
        assert_eq!(e.code().id, CNPG_VERSION.id);
    }

    #[test]
    fn a_table_without_the_version_says_what_it_has() {
        let table = Images::Table(BTreeMap::from([("17".to_owned(), "here/pg:17".to_owned())]));
        assert_eq!(table.fields(Some(&version("17"))).unwrap()[0].1, "here/pg:17");
        let e = table.fields(Some(&version("18"))).unwrap_err();
        assert!(e.to_string().contains("there are images of 17"), "{e}");
    }
}
