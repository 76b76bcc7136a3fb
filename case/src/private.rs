//! Folders and files that only their owner may look into: evidence is somebody's mail.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Makes a folder and those above it that are missing, for the owner alone, and brings them to the disk. Folders that are there already
/// stay as they are: whoever made them decided who may look into them.
///
/// # Errors
/// What the system says.
pub fn folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let above = path.parent().unwrap_or(Path::new(""));
    folder(above)?;
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Another process may have made it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync(if above.as_os_str().is_empty() { Path::new(".") } else { above }),
    }
}

/// Makes a file that is not there yet, for the owner alone.
///
/// # Errors
/// What the system says; [`io::ErrorKind::AlreadyExists`] if it is there.
pub(crate) fn new_file(path: &Path) -> io::Result<File> {
    options().create_new(true).open(path)
}

/// Opens a file for writing, or makes it for the owner alone; what is in it stays.
///
/// # Errors
/// What the system says.
pub(crate) fn file(path: &Path) -> io::Result<File> {
    options().create(true).truncate(false).open(path)
}

fn options() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Brings a folder's own entries to the disk.
///
/// # Errors
/// What the system says.
pub(crate) fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
