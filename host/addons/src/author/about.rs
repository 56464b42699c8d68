//! What a file says of itself, without running it: `plugin info FILE`.

use std::fmt::Write;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::library::{ComponentError, Package};

/// A component that is what it says.
pub struct About {
    package: Package,
    /// Names of the contract's imports and of all others.
    imports: Vec<String>,
    metadata: Value,
    size: usize,
}

impl About {
    pub fn read(component: Bytes) -> Result<Self, ComponentError> {
        let size = component.len();
        let inspection = engine::inspect(&component)?;
        let own = inspection.imports.iter().map(|import| import.name().to_owned());
        let imports = own.chain(inspection.other_imports.iter().cloned()).collect();
        let package = Package::read(component)?;
        let metadata = serde_json::from_slice(&inspection.metadata).map_err(crate::MetadataError::Json)?;
        Ok(Self { package, imports, metadata, size })
    }

    /// For programs: the metadata as it is in the component, beside what the component is.
    pub fn json(&self) -> Value {
        json!({
            "metadata": self.metadata,
            "digest": format!("sha256:{}", self.package.digest),
            "size": self.size,
            "imports": self.imports,
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let metadata = &self.package.metadata;
        let mut rows = vec![
            ("name", metadata.name.clone()),
            ("version", metadata.version.clone()),
            ("description", metadata.description.clone()),
            ("contract", metadata.contract.clone()),
            ("digest", format!("sha256:{}", self.package.digest)),
            ("size", format!("{} bytes", self.size)),
            ("roles", metadata.roles.join(", ")),
            ("imports", self.imports.join(", ")),
            ("conflicts", metadata.conflicts.join(", ")),
        ];
        rows.retain(|(_, value)| !value.is_empty());
        let mut text = String::new();
        for (name, value) in rows {
            line(&mut text, &format!("{:<13}{value}", format!("{name}:")));
        }
        let settings = metadata.settings.iter().map(|setting| {
            let default = serde_json::to_string(&setting.default).unwrap_or_default();
            let about = if setting.description.is_empty() { "" } else { ": " };
            format!("{} [default: {default}]{about}{}", setting.name, setting.description)
        });
        for (title, lines) in [("settings:", settings.collect()), ("wants:", metadata.wants.lines())] {
            if !lines.is_empty() {
                line(&mut text, title);
                lines.iter().for_each(|each| line(&mut text, &format!("  {each}")));
            }
        }
        text
    }
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a text takes any line");
}
