//! Manifests from files, as `kubectl get -o yaml` and `-o json` write them and people do.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::Sources;
use super::field::Manifest;
use crate::talk::harmless;

impl Sources {
    /// Reads YAML or JSON with one object, several, or a list. Kinds that have no timeouts are
    /// passed over.
    ///
    /// # Errors
    /// A file that cannot be read or is something else; with its name and the place in it.
    pub(crate) fn from_files(files: &[PathBuf]) -> Result<Self> {
        let mut sources = Self::default();
        for file in files {
            let name = name(file);
            let text = std::fs::read_to_string(file).with_context(|| format!("--config {name}"))?;
            sources.read_text(&text).with_context(|| format!("--config {name}"))?;
        }
        Ok(sources)
    }

    pub(super) fn read_text(&mut self, text: &str) -> Result<()> {
        let options = serde_saphyr::options! {
            // What kubectl writes of a whole cluster is large; what a person waits for has an end.
            budget: serde_saphyr::budget! {
                max_events: 50_000_000,
                max_nodes: 20_000_000,
                max_documents: 100_000,
            },
            with_snippet: false,
        };
        let documents = serde_saphyr::from_multiple_with_options::<Value>(text, options);
        let documents = documents.map_err(|error| anyhow::anyhow!("{}", one_line(&error)))?;
        for (place, document) in documents.iter().enumerate() {
            self.object(document).with_context(|| format!("document {}", place + 1))?;
        }
        Ok(())
    }

    /// Takes an object, or each of a list.
    fn object(&mut self, object: &Value) -> Result<()> {
        let Some(manifest) = Manifest::of(object) else {
            bail!("no object of Kubernetes: it has no kind");
        };
        let items = object.get("items").and_then(Value::as_array);
        match items.filter(|_| manifest.kind.ends_with("List")) {
            Some(items) => {
                for (place, item) in items.iter().enumerate() {
                    self.object(item).with_context(|| format!("items[{place}]"))?;
                }
            }
            None => self.take(object),
        }
        Ok(())
    }
}

fn one_line(error: &serde_saphyr::Error) -> String {
    let lines = error.to_string();
    let lines: Vec<&str> = lines.lines().map(str::trim).collect();
    harmless(&lines.join(" "))
}

/// The file's name, fit for a terminal.
fn name(file: &Path) -> String {
    harmless(&file.to_string_lossy())
}
