//! One watcher a store and client.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::alert::hex;
use crate::state;

/// Keeps every other watcher away from a client of a store. It ends with the process, whichever way that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why a client is not watched.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody else does.
    #[error("client `{client}`: another process watches it already with this store ({path} is locked)")]
    Taken {
        /// Which client.
        client: String,
        /// The file that is locked.
        path: PathBuf,
    },
    /// The lock cannot be made.
    #[error("{path}: expected to lock it, found {found}")]
    File {
        /// The file.
        path: PathBuf,
        /// What came of it.
        found: io::Error,
    },
}

impl Lock {
    /// Takes the lock of a client in the folder of a store.
    ///
    /// # Errors
    /// [`LockError`] if another process has it, or if it cannot be made.
    pub fn take(store: &Path, client: &str) -> Result<Lock, LockError> {
        let folder = store.join("watch");
        let path = folder.join(format!("{}.lock", slug(client)));
        let failed = |found: io::Error| LockError::File { path: path.clone(), found };
        fs::create_dir_all(&folder).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Taken { client: client.escape_debug().to_string(), path });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only for whoever looks at it: the lock is what counts.
        let _ = file.set_len(0).and_then(|()| writeln!(&file, "{}", std::process::id()));
        Ok(Lock { _file: file })
    }
}

/// A name for files of a client: what every file system takes, and no two clients have.
pub fn slug(client: &str) -> String {
    let named = state::named(client);
    let plain: String = named.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let hash = Sha256::digest(named.as_bytes());
    format!("{plain}-{}", hex(&hash[..4]))
}
