//! The watched folder, as the file system has it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use watch::world::{Folder, Listed};

/// Folders within folders are followed so far.
const MAX_DEPTH: usize = 16;
/// A folder with more files is none in which exports arrive.
const MAX_FILES: usize = 100_000;

/// A folder on the disk. Links are not followed, and names that begin with a full stop are left out: programs write there what is not
/// ready.
pub struct Exports {
    root: PathBuf,
}

impl Exports {
    /// A folder by its path.
    pub fn at(root: &Path) -> Exports {
        Exports { root: root.to_owned() }
    }
}

impl Folder for Exports {
    fn list(&mut self) -> Result<Vec<Listed>, String> {
        let mut found = Vec::new();
        list(&self.root, "", 0, &mut found).map_err(|error| format!("{}: {error}", self.root.display()))?;
        if found.len() >= MAX_FILES {
            return Err(format!("{}: more than {MAX_FILES} files; move away what is old", self.root.display()));
        }
        Ok(found)
    }

    fn hash(&mut self, listed: &Listed) -> Result<Option<String>, String> {
        let path = self.root.join(&listed.name);
        match hashed(&path, listed) {
            Ok(hash) => Ok(hash),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn list(folder: &Path, below: &str, depth: usize, found: &mut Vec<Listed>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || found.len() >= MAX_FILES {
            continue;
        }
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        // What is gone between the two calls is gone.
        let Ok(metadata) = entry.path().symlink_metadata() else { continue };
        if metadata.is_dir() && depth < MAX_DEPTH {
            list(&entry.path(), &name, depth + 1, found)?;
        } else if metadata.is_file() {
            found.push(listed(name, &metadata));
        }
    }
    Ok(())
}

fn listed(name: String, metadata: &Metadata) -> Listed {
    let changed_at = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok()).unwrap_or_default();
    Listed { name, bytes: metadata.len(), changed_at }
}

/// The SHA-256 of a file; `None` if it is not as it was listed, before or after it was read.
fn hashed(path: &Path, as_listed: &Listed) -> io::Result<Option<String>> {
    let mut file = File::open(path)?;
    let is_as_listed =
        |file: &File| Ok::<_, io::Error>(listed(as_listed.name.clone(), &file.metadata()?) == *as_listed);
    if !is_as_listed(&file)? {
        return Ok(None);
    }
    let (mut hash, mut buffer) = (Sha256::new(), vec![0_u8; 1 << 20]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hash.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let hash = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(is_as_listed(&file)?.then_some(hash))
}
