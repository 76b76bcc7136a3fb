//! Writes an archive.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::{ARCHIVE_SCHEMA, Archive, CASE, EVIDENCE, JOURNAL, Line, MANIFEST, Manifest, is_bomb};
use crate::case::Case;
use crate::folder::{self, Folder};
use crate::journal::{Entry, EvidenceFile, tampered};
use crate::private::{self, sync};
use crate::store::StoreError;

/// Writes a case with its journal and its evidence into one file; gives what the file says about itself.
///
/// The file appears whole or not at all; one that is there already is replaced only if it is an archive of the same case. Files are
/// hashed while they are packed: what is not as the journal says is not given away.
///
/// # Errors
/// [`StoreError`] if the journal or the evidence is not whole, if another file is in the way, or if nothing can be written.
pub fn export(folder: &Folder, case: &Case, journal: &[Entry], to: &Path) -> Result<Manifest, StoreError> {
    if let Some(wrong) = tampered(journal).into_iter().next() {
        return Err(StoreError::Journal { uid: case.uid.clone(), expected: wrong.expected, found: wrong.found });
    }
    let not_whole = |found: &str| StoreError::Journal {
        uid: case.uid.clone(),
        expected: "the journal of this case".to_owned(),
        found: found.to_owned(),
    };
    if Case::of(case.number, journal).as_ref() != Some(case) {
        return Err(not_whole("one that adds up to another"));
    }
    is_free(to, &case.uid)?;
    let mut files = folder::files(journal);
    files.sort();
    let manifest = Manifest {
        schema: ARCHIVE_SCHEMA.to_owned(),
        uid: case.uid.clone(),
        entries: case.entries,
        head: case.head.clone(),
        files: files.len() as u64,
        bytes: files.iter().map(|file| file.bytes).sum(),
    };
    let part = Part::beside(to)?;
    let mut packing = Packing { evidence: folder.evidence(), case, journal, files: &files, manifest: &manifest };
    packing.write(&part.path, CompressionMethod::Deflated)?;
    let size = fs::metadata(&part.path).map(|file| file.len()).unwrap_or(u64::MAX);
    if is_bomb(size, manifest.bytes) {
        // Nobody could tell it from a trap.
        packing.write(&part.path, CompressionMethod::Stored)?;
    }
    part.becomes(to)?;
    Ok(manifest)
}

/// Whether nothing is in the way.
fn is_free(to: &Path, uid: &str) -> Result<(), StoreError> {
    let unusable = |expected: &str, found: String| StoreError::Unusable {
        path: to.to_owned(),
        expected: expected.to_owned(),
        found,
    };
    let taken = |found: String| unusable("no file yet, or an archive of this case", found);
    let above = to.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if to.file_name().is_none() || !above.is_dir() {
        let found = format!("no folder `{}`. Make it, or name a file elsewhere", above.display());
        return Err(unusable("a file in a folder that is there", found));
    }
    match to.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(taken(error.to_string())),
        Ok(there) if !there.is_file() => Err(taken("something else. Name another file".to_owned())),
        Ok(_) => match Archive::manifest(to) {
            Ok(manifest) if manifest.uid == uid => Ok(()),
            Ok(manifest) => Err(taken(format!("an archive of case {}. Name another file", manifest.uid))),
            Err(_) => Err(taken("another file. Name another one".to_owned())),
        },
    }
}

/// A file that is being written beside the one that it becomes; it goes if it does not become that.
struct Part {
    path: PathBuf,
}

impl Part {
    fn beside(to: &Path) -> Result<Part, StoreError> {
        let name = to.file_name().unwrap_or_default().to_string_lossy();
        let path = to.with_file_name(format!(".{name}.{}.part", std::process::id()));
        // One of this name was left by a process that is gone.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(folder::file_error(&path, "write the archive", &error))
            }
            _ => Ok(Part { path }),
        }
    }

    fn becomes(self, to: &Path) -> Result<(), StoreError> {
        let failed = |error: io::Error| folder::file_error(to, "put the archive in its place", &error);
        fs::rename(&self.path, to).map_err(failed)?;
        let above = to.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync(above).map_err(failed)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After `becomes` there is none any more.
        let _ = fs::remove_file(&self.path);
    }
}

struct Packing<'a> {
    evidence: PathBuf,
    case: &'a Case,
    journal: &'a [Entry],
    files: &'a [EvidenceFile],
    manifest: &'a Manifest,
}

impl Packing<'_> {
    fn write(&mut self, path: &Path, method: CompressionMethod) -> Result<(), StoreError> {
        let failed = |error: io::Error| folder::file_error(path, "write the archive", &error);
        let _ = fs::remove_file(path);
        let file = private::new_file(path).map_err(failed)?;
        let mut zip = ZipWriter::new(BufWriter::new(file));
        let written = self.members(&mut zip, method)?;
        let file = written
            .and_then(|()| zip.finish().map_err(io::Error::from))
            .and_then(|buffer| buffer.into_inner().map_err(io::IntoInnerError::into_error));
        file.and_then(|file| file.sync_all()).map_err(failed)
    }

    /// Writes all members; the inner fault is one of writing, the outer one of what is written.
    fn members(
        &self,
        zip: &mut ZipWriter<BufWriter<File>>,
        method: CompressionMethod,
    ) -> Result<io::Result<()>, StoreError> {
        let no_json = |error: serde_json::Error| StoreError::Journal {
            uid: self.case.uid.clone(),
            expected: "a case that can be written".to_owned(),
            found: error.to_string(),
        };
        let mut lines = Vec::new();
        for entry in self.journal {
            serde_json::to_writer(&mut lines, &Line::of(entry)).map_err(no_json)?;
            lines.push(b'\n');
        }
        let pretty = |json: Result<String, serde_json::Error>| json.map(|json| json + "\n").map_err(no_json);
        let manifest = pretty(serde_json::to_string_pretty(self.manifest))?;
        let case = pretty(serde_json::to_string_pretty(self.case))?;
        for (name, bytes) in [(MANIFEST, manifest.as_bytes()), (JOURNAL, &lines), (CASE, case.as_bytes())] {
            let started = zip.start_file(name, options(method, bytes.len() as u64)).map_err(io::Error::from);
            if let Err(error) = started.and_then(|()| zip.write_all(bytes)) {
                return Ok(Err(error));
            }
        }
        for file in self.files {
            match self.evidence(zip, file, method) {
                Ok(Ok(())) => {}
                failed => return failed,
            }
        }
        Ok(Ok(()))
    }

    fn evidence(
        &self,
        zip: &mut ZipWriter<BufWriter<File>>,
        file: &EvidenceFile,
        method: CompressionMethod,
    ) -> Result<io::Result<()>, StoreError> {
        let path = self.evidence.join(&file.name);
        let not_whole = |found: String| StoreError::Archive {
            path: path.clone(),
            expected: format!("the evidence that was added, of {} bytes with the SHA-256 {}", file.bytes, file.sha256),
            found: format!("{found}. `throughline case verify-journal` tells more"),
        };
        if !folder::is_plain(&file.name) || path.symlink_metadata().is_ok_and(|kind| !kind.is_file()) {
            return Err(not_whole("something else".to_owned()));
        }
        let mut from = File::open(&path).map_err(|error| not_whole(error.to_string()))?;
        if let Err(error) = zip.start_file(format!("{EVIDENCE}{}", file.name), options(method, file.bytes)) {
            return Ok(Err(error.into()));
        }
        match folder::hashed(&mut from, zip) {
            Err(error) => Ok(Err(error)),
            Ok((hash, bytes)) if hash == file.sha256 && bytes == file.bytes => Ok(Ok(())),
            Ok((hash, bytes)) => Err(not_whole(format!("one of {bytes} bytes with the SHA-256 {hash}"))),
        }
    }
}

/// The same on every machine: no clock, no owner, no system of its own.
fn options(method: CompressionMethod, bytes: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(method)
        .compression_level((method == CompressionMethod::Deflated).then_some(6))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o600)
        .system(System::Unix)
        // A little less than 4 GiB: what does not pack grows.
        .large_file(bytes >= 0xf000_0000)
}
