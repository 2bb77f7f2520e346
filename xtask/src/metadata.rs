//! What `cargo metadata` says about the workspace's own packages.

use std::path::Path;

use serde_json::Value;

use crate::cmd::Cmd;

/// A package of this workspace.
#[derive(Debug)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its `description`, empty where there is none.
    pub(crate) description: String,
    /// The features it declares, `default` among them.
    pub(crate) features: Vec<String>,
    /// The names of its direct normal dependencies, optional ones included.
    pub(crate) dependencies: Vec<String>,
    /// Its folder, relative to the workspace root.
    pub(crate) folder: String,
    /// Whether it has a library.
    pub(crate) has_lib: bool,
}

impl Package {
    /// Whether it is part of what we make, and not a tool for making it.
    pub(crate) fn is_in_crates(&self) -> bool {
        self.folder.starts_with("crates/")
    }
}

/// Every package of the workspace, by name. Needs neither the network nor a lock file.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let json = Cmd::cargo(["metadata", "--no-deps", "--format-version", "1"]).capture(root)?;
    parse(&json)
}

fn parse(json: &str) -> Result<Vec<Package>, String> {
    let value: Value = serde_json::from_str(json)
        .map_err(|error| format!("`cargo metadata` gave no readable JSON: {error}"))?;
    let root = Path::new(text(&value["workspace_root"]));
    let mut packages: Vec<Package> =
        items(&value["packages"]).map(|package| read_package(package, root)).collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn read_package(package: &Value, root: &Path) -> Package {
    let manifest = Path::new(text(&package["manifest_path"]));
    let folder = manifest.parent().and_then(|folder| folder.strip_prefix(root).ok());
    Package {
        name: text(&package["name"]).to_owned(),
        description: text(&package["description"]).to_owned(),
        features: package["features"]
            .as_object()
            .map(|features| features.keys().cloned().collect())
            .unwrap_or_default(),
        dependencies: items(&package["dependencies"])
            .filter(|dependency| dependency["kind"].is_null())
            .map(|dependency| text(&dependency["name"]).to_owned())
            .collect(),
        folder: folder
            .map(|folder| folder.to_string_lossy().replace('\\', "/"))
            .unwrap_or_default(),
        has_lib: items(&package["targets"])
            .flat_map(|target| items(&target["kind"]))
            .any(|kind| text(kind) == "lib"),
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_checks_need() {
        let json = r#"{
            "workspace_root": "/w",
            "packages": [{
                "name": "lark", "description": null, "manifest_path": "/w/crates/lark/Cargo.toml",
                "features": {"default": ["sing"], "sing": []},
                "dependencies": [
                    {"name": "bytes", "kind": null}, {"name": "insta", "kind": "dev"}
                ],
                "targets": [{"kind": ["lib"]}, {"kind": ["test"]}]
            }]
        }"#;
        let packages = parse(json).unwrap();
        assert_eq!(packages.len(), 1);
        let lark = &packages[0];
        assert_eq!((lark.name.as_str(), lark.description.as_str()), ("lark", ""));
        assert_eq!(lark.features, ["default", "sing"]);
        assert_eq!(lark.dependencies, ["bytes"]);
        assert_eq!(lark.folder, "crates/lark");
        assert!(lark.has_lib && lark.is_in_crates());
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(parse("not json").is_err());
    }
}
