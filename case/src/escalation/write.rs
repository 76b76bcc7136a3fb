//! Brings a package to the disk: whole or not at all, and never over something else.

use std::fs;
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::package::{Package, SUMS, sha256};
use crate::private::{self, sync};

/// What a package is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A zip archive.
    Archive,
    /// A folder.
    Folder,
}

/// Why no package was written.
#[derive(Debug, thiserror::Error)]
pub enum OutError {
    /// Something is there already.
    #[error("{0}: expected a name that is free, found a file or folder; nothing is overwritten")]
    Taken(PathBuf),
    /// It could not be written.
    #[error("{path}: expected to write the package, found {found}")]
    Write {
        /// Where.
        path: PathBuf,
        /// What came of it.
        found: String,
    },
}

impl Shape {
    /// What a name asks for: an archive if it ends in `.zip`.
    pub fn of(path: &Path) -> Shape {
        let is_zip = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
        if is_zip { Shape::Archive } else { Shape::Folder }
    }
}

/// Writes a package; gives its SHA-256: of the archive, or of the list of sums in the folder.
///
/// # Errors
/// [`OutError`] if something has that name already, or if it cannot be written. Then nothing is there.
pub fn write(package: &Package, path: &Path, shape: Shape) -> Result<String, OutError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => OutError::Taken(path.to_owned()),
        _ => OutError::Write { path: path.to_owned(), found: error.to_string() },
    };
    if path.symlink_metadata().is_ok() {
        return Err(OutError::Taken(path.to_owned()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let part = folder.join(format!(".{name}.{}.part", std::process::id()));
    // One of this name was left by a process that is gone.
    let _ = fs::remove_file(&part).or_else(|_| fs::remove_dir_all(&part));
    let done = match shape {
        Shape::Archive => archive(package).and_then(|bytes| {
            put(&part, &bytes)?;
            fs::hard_link(&part, path).or_else(|error| move_file(&part, path, error))?;
            Ok(sha256(&bytes))
        }),
        Shape::Folder => put_all(package, &part).and_then(|sum| {
            // A folder with something in it is never replaced; one without has nothing to lose.
            fs::rename(&part, path)?;
            Ok(sum)
        }),
    };
    let _ = match shape {
        Shape::Archive => fs::remove_file(&part),
        Shape::Folder => fs::remove_dir_all(&part),
    };
    let sum = done.map_err(failed)?;
    sync(folder).map_err(failed)?;
    Ok(sum)
}

/// Where a file system knows no second name for a file, it is moved.
fn move_file(from: &Path, to: &Path, error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists || to.symlink_metadata().is_ok() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    fs::rename(from, to)
}

/// The package as an archive: the same bytes for the same files, whenever and wherever it is made.
fn archive(package: &Package) -> io::Result<Vec<u8>> {
    // Stored, not packed: what a packer writes may change with its version.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o600);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in &package.files {
        zip.start_file(name.as_str(), options).map_err(io::Error::other)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish().map_err(io::Error::other)?.into_inner())
}

/// Writes all files below a new folder; gives the SHA-256 of the list of sums.
fn put_all(package: &Package, folder: &Path) -> io::Result<String> {
    private::folder(folder)?;
    let mut sum = String::new();
    for (name, bytes) in &package.files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            private::folder(parent)?;
        }
        put(&path, bytes)?;
        if name == SUMS {
            sum = sha256(bytes);
        }
    }
    sync(folder)?;
    Ok(sum)
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private::new_file(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        let file = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
        Package {
            files: vec![file("evidence/001/a.csv", "a,b\n"), file("summary.md", "# One\n"), file(SUMS, "sums\n")],
        }
    }

    #[test]
    fn the_same_files_make_the_same_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| write(&package(), &folder.path().join(name), Shape::Archive).expect("written");
        assert_eq!(write("one.zip"), write("two.zip"));
        let read = |name: &str| fs::read(folder.path().join(name)).expect("readable");
        assert_eq!(read("one.zip"), read("two.zip"));
        assert_eq!(sha256(&read("one.zip")), write("three.zip"));
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_is_left() {
        for (name, shape) in [("out.zip", Shape::Archive), ("out", Shape::Folder)] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join(name);
            write(&package(), &path, shape).expect("written");
            let again = write(&package(), &path, shape);
            assert!(matches!(again, Err(OutError::Taken(_))), "{name}: {again:?}");
            let there: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
            assert_eq!(there.len(), 1, "{name}: {there:?}");
        }
    }

    #[test]
    fn a_folder_that_is_missing_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("not there").join("out.zip");
        assert!(matches!(write(&package(), &path, Shape::Archive), Err(OutError::Write { .. })));
    }
}
