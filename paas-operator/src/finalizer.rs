//! The finalizer: set before the first effect, taken away when nothing is left.
//!
//! `kube::runtime::finalizer` is not used: it takes the finalizer away after any `Ok` of the cleanup, and a pass that has only begun
//! to delete is `Ok`. Both writes here are server-side applies of this one field, bound to the object's uid, so that an object that
//! was deleted meanwhile is not made anew by them.

use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use paas_core::{
    error::Error,
    spec::{API_VERSION, Kind},
};
use serde_json::{Value, json};

use crate::{FIELD_MANAGER, FINALIZER, object::title, refusal::refused};

/// Sets the finalizer; the object as it is then.
///
/// # Errors
/// The API server's.
pub(crate) async fn set(
    api: &Api<DynamicObject>,
    kind: Kind,
    object: &DynamicObject,
) -> Result<DynamicObject, Error> {
    apply(api, object, json!([FINALIZER]), kind)
        .await
        .map_err(|e| refused(format!("set the finalizer of {}", title(kind, object)), e))
}

/// Takes the finalizer away; false if the object was gone already.
///
/// # Errors
/// The API server's.
pub(crate) async fn clear(
    api: &Api<DynamicObject>,
    kind: Kind,
    object: &DynamicObject,
) -> Result<bool, Error> {
    match apply(api, object, json!([]), kind).await {
        Ok(_) => Ok(true),
        // With its uid in the patch, an object that is gone answers as a conflict.
        Err(e) if crate::refusal::is_absent(&e) || crate::refusal::is_conflict(&e) => {
            let now = api.get_opt(&object.name_any()).await;
            let now = now.map_err(|e| refused(format!("look at {}", title(kind, object)), e))?;
            match now.filter(|o| o.uid() == object.uid()) {
                None => Ok(false),
                Some(_) => Err(refused(format!("let go of {}", title(kind, object)), e)),
            }
        }
        Err(e) => Err(refused(format!("let go of {}", title(kind, object)), e)),
    }
}

async fn apply(
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    finalizers: Value,
    kind: Kind,
) -> Result<DynamicObject, kube::Error> {
    let patch = json!({
        "apiVersion": API_VERSION,
        "kind": kind.as_str(),
        "metadata": { "name": object.name_any(), "uid": object.uid(), "finalizers": finalizers },
    });
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&object.name_any(), &params, &Patch::Apply(&patch))
        .await
}
