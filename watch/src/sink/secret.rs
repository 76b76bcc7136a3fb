//! Secrets: read from where they are kept, never shown.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::config::{ConfigError, SecretIn};

/// A secret. It has no face: it is not shown by `{:?}`, and no message holds it.
#[derive(Clone)]
pub struct Secret(String);

/// Nobody has a longer one.
const MAX_BYTES: usize = 64 << 10;

impl Secret {
    /// Takes a text for a secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// Reads a secret from the one place that is named.
    ///
    /// # Errors
    /// [`ConfigError`] if none or several are named, if it cannot be read, or if it is empty.
    pub fn read(sink: &str, from: &SecretIn) -> Result<Secret, ConfigError> {
        let fault = |found: String| {
            let hint = "Name a file, a variable of the environment, or a credential of systemd that holds it";
            super::fault(sink, "a secret", found, hint)
        };
        let text = match (&from.file, &from.env, &from.credential) {
            (Some(file), None, None) => in_file(file).map_err(fault)?,
            (None, Some(name), None) => {
                std::env::var(name).map_err(|_| fault(format!("no variable `{}`", name.escape_debug())))?
            }
            (None, None, Some(name)) => in_file(&credential(name).map_err(fault)?).map_err(fault)?,
            _ => return Err(fault("none, or several places for it".to_owned())),
        };
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        if text.is_empty() { Err(fault("an empty one".to_owned())) } else { Ok(Secret(text)) }
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn in_file(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("{}: {} bytes", path.display(), bytes.len()));
    }
    String::from_utf8(bytes).map_err(|_| format!("{}: no text", path.display()))
}

/// The file of a credential that systemd handed over.
fn credential(name: &str) -> Result<PathBuf, String> {
    if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') {
        return Err(format!("`{}`, which is no name of a credential", name.escape_debug()));
    }
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or("no CREDENTIALS_DIRECTORY: systemd sets it")?;
    Ok(PathBuf::from(folder).join(name))
}
