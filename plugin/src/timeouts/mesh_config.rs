//! Istio's MeshConfig, which is text in a ConfigMap: what holds where no manifest says otherwise.

use serde_json::Value;

use super::field::{Fields, Manifest, Scope};

const NAMES: [&str; 3] =
    ["connectTimeout", "protocolDetectionTimeout", "defaultHttpRetryPolicy.perTryTimeout"];

/// Whether the ConfigMap is one: `istio`, or `istio-` and a revision.
pub(super) fn is_one(manifest: Manifest<'_>) -> bool {
    let name = manifest.name;
    (name == "istio" || name.starts_with("istio-")) && text(manifest).is_some()
}

pub(super) fn read(manifest: Manifest<'_>, fields: &mut Fields) {
    match serde_saphyr::from_str::<Value>(text(manifest).unwrap_or_default()) {
        Ok(mesh) => {
            let scope = Scope { mesh: true, ..Scope::default() };
            for name in NAMES {
                fields.take(manifest, ("data.mesh", &mesh), name, &scope);
            }
        }
        Err(_) => fields.notes.push(format!(
            "ConfigMap {} has no YAML at data.mesh: it is passed over.",
            manifest.name
        )),
    }
}

fn text(manifest: Manifest<'_>) -> Option<&str> {
    manifest.object.pointer("/data/mesh")?.as_str()
}
