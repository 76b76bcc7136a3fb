//! Takes an archive over. It comes from elsewhere: nothing in it is believed before it is checked, and nothing is written before all is.

use std::cell::Cell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use zip::ZipArchive;

use super::{ARCHIVE_SCHEMA, CASE, EVIDENCE, JOURNAL, Line, MANIFEST, Manifest, is_bomb};
use crate::case::Case;
use crate::folder::{self, Folder};
use crate::journal::{Deed, Draft, Entry, EvidenceFile, tampered};
use crate::private;
use crate::store::{Store, StoreError};

/// So much of a directory of members is read at most.
const MAX_DIRECTORY_BYTES: u64 = 64 << 20;
/// So large a journal is read at most: it is held in memory.
const MAX_JOURNAL_BYTES: u64 = 256 << 20;
const MAX_MANIFEST_BYTES: u64 = 64 << 10;
const MAX_CASE_BYTES: u64 = 16 << 20;

/// An archive whose chain and whose files are as its journal says.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    zip: ZipArchive<Metered>,
    sha256: String,
    journal: Vec<Entry>,
    files: Vec<EvidenceFile>,
}

/// What became of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The store has a case more.
    New(Case),
    /// The store had the beginning of its journal, and has the rest now.
    Continued(Case),
    /// The store had all of it.
    Known(Case),
}

impl Archive {
    /// Opens an archive and checks all of it: members, chain, each file. Nothing is written.
    ///
    /// # Errors
    /// [`StoreError::Archive`] with what is wrong with it.
    pub fn open(path: &Path) -> Result<Archive, StoreError> {
        let (zip, manifest, size) = opened(path)?;
        let mut archive =
            Archive { path: path.to_owned(), zip, sha256: String::new(), journal: Vec::new(), files: Vec::new() };
        archive.journal = archive.read_journal()?;
        archive.is_whole(&manifest)?;
        archive.files = evidence_of(&archive.journal).map_err(|(expected, found)| archive.wrong(expected, found))?;
        let unpacked = archive.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
        if is_bomb(size, unpacked) {
            let found = format!("{size} bytes that unpack to {unpacked} (a zip bomb?)");
            return Err(archive.wrong("evidence that packs as evidence does", found));
        }
        archive.has_its_members()?;
        for file in archive.files.clone() {
            archive.unpack(&file, &mut io::sink())?;
        }
        let mut whole = File::open(path).map_err(|error| unreadable(path, error))?;
        archive.sha256 = folder::hashed(&mut whole, &mut io::sink()).map_err(|error| unreadable(path, error))?.0;
        Ok(archive)
    }

    /// What an archive says about itself; nothing of it is checked.
    ///
    /// # Errors
    /// [`StoreError::Archive`] if it is none.
    pub fn manifest(path: &Path) -> Result<Manifest, StoreError> {
        opened(path).map(|(_, manifest, _)| manifest)
    }

    /// The name of its case everywhere.
    pub fn uid(&self) -> &str {
        self.journal.first().map_or("", |entry| &entry.uid)
    }

    /// Its journal.
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// Its evidence.
    pub fn files(&self) -> &[EvidenceFile] {
        &self.files
    }

    /// SHA-256 of the file.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Takes it over into a store, whose folder is `root`; `draft` is put behind the journal if there was anything new.
    ///
    /// As one whole: files first stand ready, the journal is the moment at which the case is there, then the files are moved. A kill in
    /// between leaves nothing that the next import, or the next opening of the case, does not put right.
    ///
    /// # Errors
    /// [`StoreError`] if the store has another journal of this case, or if nothing can be written.
    pub fn import(mut self, root: &Path, store: &mut impl Store, draft: Draft) -> Result<Imported, StoreError> {
        let uid = self.uid().to_owned();
        clear_left_over(root, store)?;
        let folder = Folder::of(root, &uid);
        let _lock = folder.lock()?;
        let there = store.journal(&uid)?;
        folder.place(&there)?;
        let is_beginning = there.len() < self.journal.len() && self.journal.starts_with(&there);
        if !is_beginning {
            // Nothing new, or another journal: the store says which.
            return store.import(&self.journal, Vec::new()).map(Imported::Known);
        }
        let batches: HashSet<&str> = folder::batches(&there).collect();
        let is_new = |file: &EvidenceFile| !file.name.split_once('/').is_some_and(|(batch, _)| batches.contains(batch));
        let new: Vec<EvidenceFile> = self.files.iter().filter(|file| is_new(file)).cloned().collect();
        if let Err(error) = self.stage(&folder, &new) {
            let _ = folder.clear();
            return Err(error);
        }
        let imported = store.import(&self.journal, vec![draft]);
        // Also if that failed: what the store has is what counts.
        folder.place(&store.journal(&uid)?)?;
        imported.map(|case| if there.is_empty() { Imported::New(case) } else { Imported::Continued(case) })
    }

    fn stage(&mut self, folder: &Folder, files: &[EvidenceFile]) -> Result<(), StoreError> {
        let staging = folder.staging();
        private::folder(&staging).map_err(|error| folder::file_error(&staging, "make room for evidence", &error))?;
        for file in files {
            let to = staging.join(&file.name);
            let failed = |error: io::Error| folder::file_error(&to, "unpack evidence", &error);
            to.parent().map_or(Ok(()), private::folder).map_err(failed)?;
            let mut open = private::new_file(&to).map_err(failed)?;
            self.unpack(file, &mut open)?;
            folder::seal(&open).map_err(failed)?;
        }
        folder::sync_all(&staging).map_err(|error| folder::file_error(&staging, "make room for evidence", &error))
    }

    fn wrong(&self, expected: impl Into<String>, found: impl Into<String>) -> StoreError {
        StoreError::Archive { path: self.path.clone(), expected: expected.into(), found: found.into() }
    }

    fn read_journal(&mut self) -> Result<Vec<Entry>, StoreError> {
        let path = self.path.clone();
        let wrong = |line: usize, found: String| StoreError::Archive {
            path: path.clone(),
            expected: format!("an entry that this program knows, in line {line} of {JOURNAL}"),
            found,
        };
        let member = self.zip.by_name(JOURNAL).map_err(|error| unreadable(&path, error))?;
        let mut lines = BufReader::new(member.take(MAX_JOURNAL_BYTES + 1));
        let (mut journal, mut line, mut bytes, mut number) = (Vec::new(), Vec::new(), 0_u64, 0_usize);
        loop {
            line.clear();
            number += 1;
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => return Ok(journal),
                Ok(read) => bytes += read as u64,
                Err(error) => return Err(wrong(number, error.to_string())),
            }
            if bytes > MAX_JOURNAL_BYTES {
                return Err(wrong(number, format!("a journal of more than {MAX_JOURNAL_BYTES} bytes")));
            }
            let entry = serde_json::from_slice::<Line>(&line).and_then(Line::entry);
            journal.push(entry.map_err(|error| wrong(number, error.to_string()))?);
        }
    }

    /// Whether the chain holds, and is that of the case that the archive says it is of.
    fn is_whole(&mut self, manifest: &Manifest) -> Result<(), StoreError> {
        if let Some(wrong) = tampered(&self.journal).into_iter().next() {
            let at = wrong.seq.unwrap_or_default();
            return Err(self.wrong(format!("at entry {at}, {}", wrong.expected), wrong.found));
        }
        let Some(case) = Case::of(0, &self.journal) else {
            return Err(self.wrong("a journal that begins with the opening of a case", "another one"));
        };
        if case.uid.len() != 32 || !is_hexadecimal(&case.uid) {
            return Err(self.wrong("a case named by 32 hexadecimal digits", format!("`{}`", case.uid.escape_debug())));
        }
        if (&case.uid, case.entries, &case.head) != (&manifest.uid, manifest.entries, &manifest.head) {
            let expected = format!("{} entries up to {}, as {MANIFEST} says", manifest.entries, manifest.head);
            return Err(self.wrong(expected, format!("{} up to {} of case {}", case.entries, case.head, case.uid)));
        }
        let told: serde_json::Value = member(&mut self.zip, CASE, MAX_CASE_BYTES)
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))
            .map_err(|found| self.wrong(format!("{CASE} of a case"), found))?;
        if (told["uid"].as_str(), told["head"].as_str()) != (Some(&case.uid), Some(&case.head)) {
            return Err(self.wrong(format!("the case of this journal in {CASE}"), "another one"));
        }
        Ok(())
    }

    /// Whether there is one member for each file, all plain files, and nothing else.
    fn has_its_members(&mut self) -> Result<(), StoreError> {
        let wanted: HashSet<String> = [MANIFEST, JOURNAL, CASE]
            .map(str::to_owned)
            .into_iter()
            .chain(self.files.iter().map(|file| format!("{EVIDENCE}{}", file.name)))
            .collect();
        if self.zip.has_duplicate_names() {
            return Err(self.wrong("one member of each name", "two of one"));
        }
        for at in 0..self.zip.len() {
            let (name, is_plain) = match self.zip.by_index_data(at) {
                Ok(member) => (
                    member.name().map(std::borrow::Cow::into_owned).unwrap_or_default(),
                    member.is_file() && !member.encrypted() && !is_special(member.unix_mode()),
                ),
                Err(error) => return Err(self.wrong("a member that can be read", error.to_string())),
            };
            if !wanted.contains(&name) {
                let expected = "nothing but what the journal names";
                return Err(self.wrong(expected, format!("a member `{}`", name.escape_debug())));
            }
            if !is_plain {
                let found = "a folder, a link, or an encrypted one";
                return Err(self.wrong(format!("a plain file as `{}`", name.escape_debug()), found));
            }
        }
        if self.zip.len() != wanted.len() {
            let found = format!("{} members", self.zip.len());
            return Err(self.wrong(format!("{} members: each file that the journal names", wanted.len()), found));
        }
        if let Err(error) = self.zip.validate_header_consistency() {
            return Err(self.wrong("a zip archive whose parts agree", error.to_string()));
        }
        Ok(())
    }

    /// Unpacks a file, and fails unless it is the one that the journal names.
    fn unpack(&mut self, file: &EvidenceFile, to: &mut dyn io::Write) -> Result<(), StoreError> {
        let name = format!("{EVIDENCE}{}", file.name);
        let path = self.path.clone();
        let wrong = |found: String| StoreError::Archive {
            path: path.clone(),
            expected: format!("{name} of {} bytes with the SHA-256 {}", file.bytes, file.sha256),
            found,
        };
        let member = self.zip.by_name(&name).map_err(|error| wrong(error.to_string()))?;
        let mut limited = member.take(file.bytes.saturating_add(1));
        let (sha256, bytes) = folder::hashed(&mut limited, to).map_err(|error| wrong(error.to_string()))?;
        if bytes > file.bytes {
            return Err(wrong("a longer one".to_owned()));
        }
        if bytes != file.bytes || sha256 != file.sha256 {
            return Err(wrong(format!("one of {bytes} bytes with the SHA-256 {sha256}")));
        }
        Ok(())
    }
}

/// Opens a zip archive with a bound on what its directory may cost, and reads what it says about itself.
fn opened(path: &Path) -> Result<(ZipArchive<Metered>, Manifest, u64), StoreError> {
    let failed = |error: io::Error| unreadable(path, error);
    let is_file = fs::metadata(path).map_err(failed)?.is_file();
    let file = if is_file { File::open(path) } else { Err(io::Error::other("something else than a file")) };
    let file = file.map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let left = Rc::new(Cell::new(MAX_DIRECTORY_BYTES));
    let mut zip = ZipArchive::new(Metered { file, left: Rc::clone(&left) }).map_err(|error| unreadable(path, error))?;
    left.set(u64::MAX);
    let wrong = |found: String| StoreError::Archive {
        path: path.to_owned(),
        expected: format!("an archive that `throughline case export` wrote, with {MANIFEST} in it"),
        found,
    };
    let manifest = member(&mut zip, MANIFEST, MAX_MANIFEST_BYTES).map_err(wrong)?;
    let manifest: Manifest = serde_json::from_slice(&manifest).map_err(|error| wrong(error.to_string()))?;
    if manifest.schema != ARCHIVE_SCHEMA {
        let found = format!("the form `{}`; this program knows {ARCHIVE_SCHEMA}", manifest.schema.escape_debug());
        return Err(wrong(found));
    }
    Ok((zip, manifest, size))
}

/// A member of at most `limit` bytes.
fn member(zip: &mut ZipArchive<Metered>, name: &str, limit: u64) -> Result<Vec<u8>, String> {
    let member = zip.by_name(name).map_err(|error| format!("{name}: {error}"))?;
    let mut bytes = Vec::new();
    let read = member.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("{name}: {error}"))?;
    if read as u64 > limit { Err(format!("{name} of more than {limit} bytes")) } else { Ok(bytes) }
}

/// The files that a journal from elsewhere names, if each can stand where its cites say, on every system.
fn evidence_of(journal: &[Entry]) -> Result<Vec<EvidenceFile>, (String, String)> {
    let (mut batches, mut names, mut folders) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut all = Vec::new();
    for entry in journal {
        let Deed::EvidenceAdded { batch, files, .. } = &entry.deed else { continue };
        let is_number = (3..=9).contains(&batch.len()) && batch.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !batches.insert(batch.as_str()) {
            let found = format!("`{}`", batch.escape_debug());
            return Err((format!("a number of its own for the evidence of entry {}", entry.seq), found));
        }
        for file in files {
            let is_below = file.name.strip_prefix(batch.as_str()).is_some_and(|rest| rest.starts_with('/'));
            let is_short = file.name.len() <= 4096 && file.name.split('/').all(|part| part.len() <= 255);
            let is_hash = file.sha256.len() == 64 && is_hexadecimal(&file.sha256);
            let is_once = names.insert(file.name.to_lowercase());
            if !(is_below && is_short && is_hash && is_once && folder::is_plain(&file.name)) {
                let expected = format!("a file of its own below {batch}/, with its SHA-256, in entry {}", entry.seq);
                return Err((expected, format!("`{}`", file.name.escape_debug())));
            }
            let above = file.name.to_lowercase();
            folders.extend(above.match_indices('/').map(|(at, _)| above[..at].to_owned()));
            all.push(file.clone());
        }
    }
    match names.iter().find(|name| folders.contains(*name)) {
        Some(name) => Err(("a file or a folder of one name".to_owned(), format!("both as `{}`", name.escape_debug()))),
        None => Ok(all),
    }
}

/// Removes what an import that was killed left for a case that never came to be. Its folder and lock stay: somebody may wait there.
fn clear_left_over(root: &Path, store: &impl Store) -> Result<(), StoreError> {
    let Ok(folders) = fs::read_dir(root.join("cases")) else { return Ok(()) };
    for folder in folders.flatten() {
        let uid = folder.file_name().to_string_lossy().into_owned();
        if folder.path().join("staging").is_dir() {
            Folder::of(root, &uid).settle(|| store.journal(&uid))?;
        }
    }
    Ok(())
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether the mode of a member is that of a link, a device or the like; a mode without a kind is that of a file.
fn is_special(mode: Option<u32>) -> bool {
    !matches!(mode.unwrap_or_default() & 0o170_000, 0 | 0o100_000)
}

fn unreadable(path: &Path, error: impl std::fmt::Display) -> StoreError {
    StoreError::Archive {
        path: path.to_owned(),
        expected: "an archive that `throughline case export` wrote".to_owned(),
        found: error.to_string(),
    }
}

/// A file of which so much is read at most.
#[derive(Debug)]
struct Metered {
    file: File,
    left: Rc<Cell<u64>>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other("a directory of members that is too large")),
        }
        Ok(read)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
