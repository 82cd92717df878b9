//! Changes of an image: a JSON patch of whole members.

use serde_json::Value;

use super::{READ_ONLY, Refusal, State, Who, World, check, denied, seconds};

/// Members that every image has, and that a patch cannot take away.
const BASE: &[&str] = &[
    "container_format",
    "disk_format",
    "min_disk",
    "min_ram",
    "name",
    "os_hidden",
    "owner",
    "protected",
    "visibility",
];

impl State {
    pub(super) fn patch(
        &mut self,
        world: &World,
        who: &Who,
        id: &str,
        changes: &Value,
    ) -> Result<(), Refusal> {
        let Some(changes) = changes.as_array() else {
            return Err(Refusal::glance(
                400,
                "Request body must be a JSON array of operation objects.",
            ));
        };
        let image = self.ours(who, id, "modify_image")?;
        // All of it happens, or none.
        let mut changed = image.clone();
        for change in changes {
            let (operation, name) = operation(change)?;
            if READ_ONLY.contains(&name.as_str()) || name == "id" {
                return Err(Refusal::glance(403, &format!("Attribute '{name}' is read-only.")));
            }
            if name == "owner" && !who.is_admin() {
                return Err(denied("modify_image"));
            }
            let value = change.get("value").cloned().unwrap_or_default();
            let present = changed.contains_key(&name);
            match operation.as_str() {
                "remove" if BASE.contains(&name.as_str()) => {
                    let words = format!("Property {name} may not be removed.");
                    return Err(Refusal::glance(403, &words));
                }
                "remove" | "replace" if !present => {
                    return Err(Refusal::glance(409, &format!("Property {name} does not exist.")));
                }
                "remove" => {
                    changed.remove(&name);
                }
                _ => {
                    check(who, &name, &value)?;
                    changed.insert(name, value);
                }
            }
        }
        if !changes.is_empty() {
            changed.insert("updated_at".to_owned(), Value::String(seconds(world.now())));
        }
        *image = changed;
        Ok(())
    }
}

/// The operation and the member that one change names.
fn operation(change: &Value) -> Result<(String, String), Refusal> {
    let operation = change["op"].as_str().unwrap_or_default();
    if !matches!(operation, "add" | "remove" | "replace") {
        let words = format!(
            "Invalid operation: `{operation}`. It must be one of the following: add, remove, replace."
        );
        return Err(Refusal::glance(400, &words));
    }
    let path = change["path"].as_str().unwrap_or_default();
    let Some(name) = path
        .strip_prefix('/')
        .filter(|name| !name.is_empty() && !name.contains('/'))
    else {
        let words = format!("Invalid JSON pointer for this resource: '{path}'");
        return Err(Refusal::glance(400, &words));
    };
    if operation != "remove" && change.get("value").is_none() {
        return Err(Refusal::glance(
            400,
            &format!("Operation \"{operation}\" requires a member named \"value\"."),
        ));
    }
    Ok((operation.to_owned(), name.replace("~1", "/").replace("~0", "~")))
}
