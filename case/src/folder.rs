//! The evidence of a case: copied, hashed, never changed.
//!
//! Added files first stand in `staging/`; the journal entry that names them is the moment at which they are added; then they are moved
//! into `evidence/`. After a kill in between, what the journal names is moved, and what it does not name is removed, when the case is
//! opened next. So `evidence/` never holds a file that no entry names. Files and folders are for the owner alone.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::journal::{Deed, Entry, EvidenceFile, Purpose, hexadecimal};
use crate::private::{self, sync};
use crate::store::StoreError;

/// The folder of one case.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

/// Files that stand ready to be added.
#[derive(Debug)]
pub struct Added {
    /// The folder that they will stand in, such as `001`.
    pub batch: String,
    /// The files, by name.
    pub files: Vec<EvidenceFile>,
    /// Files whose content the case has already for the same purpose, by the name that they have there.
    pub known: Vec<(String, String)>,
    /// What could not be copied, one sentence each.
    pub refused: Vec<String>,
    /// The names that are given away, in lower case: some systems know no difference.
    taken: HashSet<String>,
    /// Nobody else adds to this case as long as this lives.
    _lock: File,
}

/// What became of files that stood ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// They stand where cites name them.
    Moved,
    /// No entry names them: there were none, or an entry of that key was there already. They are gone.
    Dropped,
}

/// Evidence that is not as the journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strange {
    /// Which file, below the evidence of the case.
    pub name: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

impl Folder {
    /// The folder of a case in a store's folder; it is made by the first evidence.
    pub fn of(store: &Path, uid: &str) -> Folder {
        Folder { root: store.join("cases").join(uid) }
    }

    /// Where the evidence stands: cites are relative to it. It may not be there yet.
    pub fn evidence(&self) -> PathBuf {
        self.root.join("evidence")
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    /// Finishes what a kill interrupted: moves what the journal names, removes what it does not.
    ///
    /// `read_journal` gives the journal of the case, read after nobody else can add to it: files that an entry names must never be taken
    /// for left over because the entry came after the journal was read.
    ///
    /// # Errors
    /// [`StoreError`] if a file cannot be moved.
    pub fn settle(&self, read_journal: impl Fn() -> Result<Vec<Entry>, StoreError>) -> Result<(), StoreError> {
        let staging = self.staging();
        if !staging.exists() {
            return Ok(());
        }
        let lock = match self.try_lock()? {
            Some(lock) => lock,
            // Somebody adds right now, and will finish that; only what an entry names already is worth the wait.
            None if batches(&read_journal()?).all(|batch| self.evidence().join(batch).exists()) => return Ok(()),
            None => self.lock()?,
        };
        self.place(&read_journal()?)?;
        drop(lock);
        Ok(())
    }

    /// Moves the files that stand ready and that the journal names, removes the others. Only who holds the lock may.
    pub(crate) fn place(&self, journal: &[Entry]) -> Result<(), StoreError> {
        for batch in batches(journal).filter(|batch| is_plain(batch)) {
            if self.staging().join(batch).exists() && !self.evidence().join(batch).exists() {
                self.move_in(batch)?;
            }
        }
        self.clear()
    }

    /// Removes what stands ready. Only who holds the lock may.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        let staging = self.staging();
        let failed = |error: io::Error| file_error(&staging, "remove what was not added", &error);
        fs::remove_dir_all(&staging).or_else(ignore_missing).map_err(failed)
    }

    /// Copies files and folders next to the evidence, ready to be added; `standard_input` is the content of `-`.
    ///
    /// What the case has for this purpose already is not added again. For another purpose it is: an export from after a change that is the
    /// same as the one from before it shows that nothing differs.
    ///
    /// `read_journal` gives the journal of the case, read after nobody else can add to it.
    ///
    /// # Errors
    /// [`StoreError`] if there is no room, or nothing can be written; nothing is left then.
    pub fn stage(
        &self,
        paths: &[PathBuf],
        purpose: Purpose,
        standard_input: &mut dyn Read,
        read_journal: impl FnOnce() -> Result<Vec<Entry>, StoreError>,
    ) -> Result<Added, StoreError> {
        let lock = self.lock()?;
        let journal = read_journal()?;
        self.place(&journal)?;
        let next = batches(&journal).filter_map(|batch| batch.parse::<u32>().ok()).max().unwrap_or(0).saturating_add(1);
        let mut added = Added {
            batch: format!("{next:03}"),
            files: Vec::new(),
            known: Vec::new(),
            refused: Vec::new(),
            taken: HashSet::new(),
            _lock: lock,
        };
        match self.fill(&mut added, paths, standard_input, &files_for(&journal, purpose)) {
            Ok(()) => Ok(added),
            Err(error) => {
                // The disk may be full: what is half there must not keep it so. What cannot be removed now is removed by `settle`.
                let _ = self.clear();
                Err(error)
            }
        }
    }

    fn fill(
        &self,
        added: &mut Added,
        paths: &[PathBuf],
        standard_input: &mut dyn Read,
        known: &[EvidenceFile],
    ) -> Result<(), StoreError> {
        let staged = self.staging().join(&added.batch);
        let failed = |error: io::Error| file_error(&staged, "make room for evidence", &error);
        private::folder(&staged).map_err(failed)?;
        for path in paths {
            if path.as_os_str() == "-" {
                added.copy(standard_input, "standard-input", &staged, known)?;
            } else {
                let below =
                    if path.is_dir() { path.clone() } else { path.parent().map(Path::to_owned).unwrap_or_default() };
                added.take(path, &below, &staged, known, 0)?;
            }
        }
        added.files.sort();
        sync_all(&staged).and_then(|()| sync(&self.staging())).map_err(failed)
    }

    /// Puts files that an entry of the journal names to the evidence; `journal` is as it is after the entry was appended. If it names
    /// them not, they are removed.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be moved; the next opening of the case tries again.
    pub fn add(&self, added: &Added, journal: &[Entry]) -> Result<Placed, StoreError> {
        self.place(journal)?;
        let is_named = !added.files.is_empty() && batches(journal).any(|batch| batch == added.batch);
        Ok(if is_named { Placed::Moved } else { Placed::Dropped })
    }

    fn move_in(&self, batch: &str) -> Result<(), StoreError> {
        let evidence = self.evidence();
        let (from, to) = (self.staging().join(batch), evidence.join(batch));
        let failed = |error: io::Error| file_error(&to, "move evidence into its place", &error);
        private::folder(&evidence).map_err(failed)?;
        fs::rename(&from, &to).map_err(failed)?;
        sync(&evidence).map_err(failed)
    }

    /// Evidence that is not as the journal says: altered, missing, or added by nobody.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    pub fn strange(&self, journal: &[Entry]) -> Result<Vec<Strange>, StoreError> {
        let evidence = self.evidence();
        let named = files(journal);
        let look = |file: &EvidenceFile| {
            let found = found(&evidence, file)?;
            let expected = format!("a file of {} bytes with the SHA-256 {}", file.bytes, file.sha256);
            Some(Strange { name: file.name.clone(), expected, found })
        };
        let mut strange: Vec<Strange> = named.iter().filter_map(look).collect();
        let mut there = Vec::new();
        if evidence.symlink_metadata().is_ok() {
            list(&evidence, &evidence, &mut there, 0)
                .map_err(|error| file_error(&evidence, "list the evidence", &error))?;
        }
        let names: HashSet<&str> = named.iter().map(|file| file.name.as_str()).collect();
        there.sort();
        for name in there.into_iter().filter(|name| !names.contains(name.as_str())) {
            let (expected, found) = ("no file that no entry names".to_owned(), "one".to_owned());
            strange.push(Strange { name, expected, found });
        }
        Ok(strange)
    }

    /// Keeps everybody else from adding to this case; the lock ends with the file, and with the process.
    pub(crate) fn lock(&self) -> Result<File, StoreError> {
        let file = self.lock_file()?;
        file.lock().map_err(|error| self.not_locked(&error))?;
        Ok(file)
    }

    /// The same, or `None` if somebody adds right now.
    fn try_lock(&self) -> Result<Option<File>, StoreError> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(self.not_locked(&error)),
        }
    }

    fn lock_file(&self) -> Result<File, StoreError> {
        private::folder(&self.root)
            .and_then(|()| private::file(&self.root.join("lock")))
            .map_err(|error| self.not_locked(&error))
    }

    fn not_locked(&self, error: &io::Error) -> StoreError {
        file_error(&self.root.join("lock"), "lock the case", error)
    }
}

/// What is found in place of a file; `None` if it is there as it should be.
fn found(evidence: &Path, file: &EvidenceFile) -> Option<String> {
    if !is_plain(&file.name) {
        return Some("a name that leads elsewhere".to_owned());
    }
    let path = evidence.join(&file.name);
    let of_error = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "none".to_owned(),
        _ => error.to_string(),
    };
    if let Some(link) = linked(evidence, &file.name) {
        return Some(format!("a link at {link}"));
    }
    let kind = match path.symlink_metadata() {
        Ok(kind) => kind,
        Err(error) => return Some(of_error(error)),
    };
    if !kind.is_file() {
        return Some("no file, but something else".to_owned());
    }
    match File::open(&path).and_then(|mut open| hashed(&mut open, &mut io::sink())) {
        Ok((hash, bytes)) if hash == file.sha256 && bytes == file.bytes => None,
        Ok((hash, bytes)) => Some(format!("one of {bytes} bytes with the SHA-256 {hash}")),
        Err(error) => Some(of_error(error)),
    }
}

/// The first part of a name below the evidence, or the evidence itself, that is a link: what it leads to can change unseen.
fn linked(evidence: &Path, name: &str) -> Option<String> {
    let below = Path::new(name).ancestors().filter(|part| !part.as_os_str().is_empty()).map(|part| evidence.join(part));
    let parts = below.chain([evidence.to_owned()]);
    let mut links = parts.filter(|part| part.is_symlink());
    links.next().map(|link| link.display().to_string())
}

/// Folders within folders are followed so far.
const MAX_DEPTH: usize = 32;

impl Added {
    /// Copies a file, or all files of a folder. A link is not followed: what it points to is not what was named.
    fn take(
        &mut self,
        path: &Path,
        below: &Path,
        staged: &Path,
        known: &[EvidenceFile],
        depth: usize,
    ) -> Result<(), StoreError> {
        let refused = |found: String| format!("{}: expected a file or a folder, found {found}", path.display());
        let kind = match if depth == 0 { fs::metadata(path) } else { fs::symlink_metadata(path) } {
            Ok(kind) => kind,
            Err(error) => {
                self.refused.push(refused(error.to_string()));
                return Ok(());
            }
        };
        if kind.is_dir() && depth < MAX_DEPTH {
            let entries = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => {
                    self.refused.push(refused(error.to_string()));
                    return Ok(());
                }
            };
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                self.take(&entry.path(), below, staged, known, depth + 1)?;
            }
            return Ok(());
        }
        if !kind.is_file() {
            let what = if kind.is_dir() {
                format!("more than {MAX_DEPTH} folders in each other")
            } else {
                "something else".to_owned()
            };
            self.refused.push(refused(what));
            return Ok(());
        }
        let name = plain(path.strip_prefix(below).unwrap_or(path));
        match File::open(path) {
            Ok(mut file) => self.copy(&mut file, &name, staged, known),
            Err(error) => {
                self.refused.push(refused(error.to_string()));
                Ok(())
            }
        }
    }

    fn copy(
        &mut self,
        from: &mut dyn Read,
        name: &str,
        staged: &Path,
        known: &[EvidenceFile],
    ) -> Result<(), StoreError> {
        let name = self.free(name);
        let to = staged.join(&name);
        let failed = |error: io::Error| file_error(&to, "copy evidence", &error);
        let made = to.parent().map_or(Ok(()), private::folder).and_then(|()| private::new_file(&to));
        let mut file = match made {
            Ok(file) => file,
            // A name that this system does not take is a matter of the file, a full disk one of the store.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput) => {
                self.refused.push(format!("{name}: expected a name that can be kept, found {error}"));
                return Ok(());
            }
            Err(error) => return Err(failed(error)),
        };
        let mut reading = Reading { from, failed: None };
        let copied = hashed(&mut reading, &mut file);
        if let Some(error) = reading.failed {
            self.refused.push(format!("{name}: expected to read all of it, found {error}"));
            drop(file);
            return fs::remove_file(&to).map_err(failed);
        }
        let (sha256, bytes) = copied.map_err(failed)?;
        if let Some(known) = known.iter().chain(&self.files).find(|known| known.sha256 == sha256) {
            self.known.push((name, known.name.clone()));
            drop(file);
            return fs::remove_file(&to).map_err(failed);
        }
        seal(&file).map_err(failed)?;
        self.taken.insert(name.to_lowercase());
        self.files.push(EvidenceFile { name: format!("{}/{name}", self.batch), sha256, bytes });
        Ok(())
    }

    /// A name that no other file of the batch has.
    fn free(&self, name: &str) -> String {
        let is_taken = |name: &str| self.taken.contains(&name.to_lowercase());
        if !is_taken(name) {
            return name.to_owned();
        }
        (2..).map(|number| format!("{number}-{name}")).find(|name| !is_taken(name)).unwrap_or_default()
    }
}

/// Brings a file to the disk, and lets nobody write to it any more.
pub(crate) fn seal(file: &File) -> io::Result<()> {
    let mut read_only = file.metadata()?.permissions();
    read_only.set_readonly(true);
    file.set_permissions(read_only)?;
    file.sync_all()
}

/// Tells a fault of reading from one of writing.
struct Reading<'a> {
    from: &'a mut dyn Read,
    failed: Option<io::Error>,
}

impl Read for Reading<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.from.read(buffer).or_else(|error| match error.kind() {
            io::ErrorKind::Interrupted => Err(error),
            _ => {
                self.failed = Some(error);
                Ok(0)
            }
        })
    }
}

/// A path below a named folder as cites name it: a backslash, which other systems take for a separator, becomes `_`.
fn plain(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().replace(['\\', '/'], "_")),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Whether a name leads to a file below the evidence, on every system: relative, without `..`, and without what some take for a separator.
pub(crate) fn is_plain(name: &str) -> bool {
    let is_part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
    let is_drive = cfg!(windows) && name.contains(':');
    name.split('/').all(is_part) && !is_drive
}

/// The batches that a journal names, in order.
pub(crate) fn batches(journal: &[Entry]) -> impl Iterator<Item = &str> {
    journal.iter().filter_map(|entry| match &entry.deed {
        Deed::EvidenceAdded { batch, .. } => Some(batch.as_str()),
        _ => None,
    })
}

/// The files that a journal names.
pub(crate) fn files(journal: &[Entry]) -> Vec<EvidenceFile> {
    added(journal).flat_map(|(_, files)| files).cloned().collect()
}

/// The files that a journal names for a purpose.
fn files_for(journal: &[Entry], purpose: Purpose) -> Vec<EvidenceFile> {
    added(journal).filter(|(own, _)| *own == purpose).flat_map(|(_, files)| files).cloned().collect()
}

/// What was added, for which purpose.
fn added(journal: &[Entry]) -> impl Iterator<Item = (Purpose, &[EvidenceFile])> {
    journal.iter().filter_map(|entry| match &entry.deed {
        Deed::EvidenceAdded { purpose, files, .. } => Some((*purpose, files.as_slice())),
        _ => None,
    })
}

/// Copies and hashes; gives the SHA-256 and the number of bytes.
pub(crate) fn hashed(from: &mut dyn Read, to: &mut dyn Write) -> io::Result<(String, u64)> {
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0_u8; 1 << 20]);
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        bytes += read as u64;
    }
    Ok((hexadecimal(&hash.finalize()), bytes))
}

fn list(folder: &Path, below: &Path, into: &mut Vec<String>, depth: usize) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.is_symlink() && depth <= MAX_DEPTH {
            list(&path, below, into, depth + 1)?;
        } else {
            let parts = path.strip_prefix(below).unwrap_or(&path).components();
            into.push(parts.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"));
        }
    }
    Ok(())
}

/// Brings the entries of a folder and of all folders in it to the disk.
pub(crate) fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        }
    }
    sync(folder)
}

fn ignore_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

pub(crate) fn file_error(path: &Path, doing: &'static str, error: &io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), doing, found: error.to_string() }
}
