//! Folders: everything within, sorted, each folder once.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::Opening;

impl Opening {
    /// Opens all files of a folder and its folders, by name. A link to a folder that was already entered is refused,
    /// so a loop ends. Hidden files are read too: evidence is what was supplied.
    pub(crate) fn folder(&mut self, root: &Path, prefix: &str) {
        let mut entered = HashSet::new();
        let mut names = Vec::new();
        self.list(root, prefix, 0, &mut entered, &mut names);
        for (path, name) in names {
            self.file(&path, name);
        }
    }

    fn list(
        &mut self,
        folder: &Path,
        prefix: &str,
        depth: usize,
        entered: &mut HashSet<PathBuf>,
        names: &mut Vec<(PathBuf, String)>,
    ) {
        let name = prefix.trim_end_matches('/').to_owned();
        if depth > self.limits.depth {
            let found = format!("folders more than {} deep", self.limits.depth);
            return self.refuse(name, "evidence near the top", found, "name the inner folder itself");
        }
        let own = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if !entered.insert(own) {
            let found = "a link to a folder that is read already";
            return self.refuse(name, "each folder once", found, "remove the link; nothing is lost");
        }
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                return self.refuse(name, "a folder that can be listed", error.to_string(), "check its permissions");
            }
        };
        let mut entries: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        entries.sort();
        for path in entries {
            let own = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
            if path.is_dir() {
                self.list(&path, &format!("{prefix}{own}/"), depth + 1, entered, names);
            } else if names.len() > self.limits.files {
                return;
            } else {
                names.push((path, format!("{prefix}{own}")));
            }
        }
    }
}
