//! Folders for files that are on their way through: uploads, and packages that are made.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use ::case::private_folder;

/// Folders below that of the store, so that what stands in them is on its disk. Each program has a place of its own there, which it locks:
/// what a program that ended left is removed, and nobody removes what another still needs.
pub struct Staging {
    root: PathBuf,
    own: Mutex<Option<Own>>,
    last: AtomicU64,
}

struct Own {
    folder: PathBuf,
    /// Locked as long as the program lives.
    _lock: File,
}

/// What the name of a lock ends with; before that stands the name of its folder.
const LOCK: &str = ".lock";
/// How many programs may have a place.
const MAX_PROGRAMS: u32 = 1_000;

impl Staging {
    /// Those of a store.
    pub fn below(store: &Path) -> Staging {
        Staging { root: store.join("uploads"), own: Mutex::default(), last: AtomicU64::new(0) }
    }

    /// A new and empty one.
    ///
    /// # Errors
    /// What the system says.
    pub fn folder(&self) -> io::Result<PathBuf> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = match &mut *own {
            Some(own) => own,
            none => none.insert(self.place()?),
        };
        let folder = own.folder.join(self.last.fetch_add(1, Ordering::Relaxed).to_string());
        private_folder(&folder)?;
        Ok(folder)
    }

    /// Takes the first place that nobody has.
    fn place(&self) -> io::Result<Own> {
        private_folder(&self.root)?;
        for number in 0..MAX_PROGRAMS {
            let name = number.to_string();
            let lock = File::create(self.root.join(format!("{name}{LOCK}")))?;
            if lock.try_lock().is_ok() {
                let folder = self.root.join(name);
                remove(&folder)?;
                private_folder(&folder)?;
                return Ok(Own { folder, _lock: lock });
            }
        }
        Err(io::Error::other("a thousand other programs on this store"))
    }

    /// Removes what programs left that have ended. What cannot be removed now is in nobody's way, and is tried again at the next start.
    pub fn tidy(&self) {
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(LOCK) {
                continue;
            }
            // A lock stays when its folder goes: who removes it while another opens it would let two have one place.
            let lock = File::create(self.root.join(format!("{name}{LOCK}")));
            if lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
                let _ = remove(&entry.path());
            }
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Some(own) = self.own.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = remove(&own.folder);
        }
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_program_has_its_own_and_what_is_left_goes() {
        let store = tempfile::tempdir().unwrap();
        let left = store.path().join("uploads").join("7").join("3");
        fs::create_dir_all(&left).unwrap();
        let (one, other) = (Staging::below(store.path()), Staging::below(store.path()));
        let (first, second) = (one.folder().unwrap(), one.folder().unwrap());
        assert!(first.is_dir() && second.is_dir() && first != second);
        other.tidy();
        assert!(first.is_dir() && !left.exists());
        let third = other.folder().unwrap();
        assert_ne!(first.parent(), third.parent());
        drop(one);
        assert!(!first.exists() && third.is_dir());
    }
}
