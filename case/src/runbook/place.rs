//! Where runbooks stand: `runbooks/CLIENT/SLUG.md` below the folder of the store, earlier versions beside it as `SLUG.v1.md`.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::text::{MAX_BYTES, Runbook, RunbookError};
use crate::private;

/// The longest slug, in characters.
const SLUG_CHARS: usize = 80;
/// The longest name of a client, in characters.
const CLIENT_CHARS: usize = 200;
/// Names that some systems keep for devices.
const DEVICES: [&str; 8] = ["con", "prn", "aux", "nul", "com1", "com2", "lpt1", "lpt2"];

/// The runbooks of a store.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
}

/// A runbook that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its name among the client's.
    pub slug: String,
    /// Its file.
    pub file: PathBuf,
    /// What it says, or what is wrong with it.
    pub runbook: Result<Runbook, ShelfError>,
}

/// Why a runbook cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShelfError {
    /// Its text.
    #[error("{file}: {error}")]
    Text {
        /// Its file.
        file: String,
        /// What is wrong with it.
        error: RunbookError,
    },
    /// Its file.
    #[error("{file}: expected to {doing}, found {found}")]
    File {
        /// Which.
        file: String,
        /// What was being done.
        doing: &'static str,
        /// What came of it.
        found: String,
    },
    /// It is not where it says that it belongs.
    #[error("{file}: expected a runbook of {expected}, found one of {found}")]
    Misplaced {
        /// Its file.
        file: String,
        /// Whose it should be.
        expected: String,
        /// Whose it says it is.
        found: String,
    },
}

/// Whether a text is the name of a runbook: lower-case letters, digits and single dashes.
pub fn is_slug(text: &str) -> bool {
    let is_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= SLUG_CHARS
        && text.chars().all(is_char)
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
        && !DEVICES.contains(&text)
}

/// A text as the name of a runbook; `runbook` if nothing of it can stand in one.
pub fn slug_of(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    slug.truncate(SLUG_CHARS);
    let slug = slug.trim_end_matches('-').to_owned();
    if is_slug(&slug) { slug } else { "runbook".to_owned() }
}

/// The name of a client as runbooks hold it: without controls and blanks around it.
pub fn client_name(client: &str) -> String {
    let plain: String = client.chars().filter(|c| !c.is_control()).take(CLIENT_CHARS).collect();
    plain.trim().to_owned()
}

/// The folder of a client: two clients never share one. A name that is not safe as it stands gets a part of its hash.
fn folder_of(client: &str) -> String {
    let name = client_name(client).to_lowercase();
    let is_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_safe = is_slug(&name) && name.chars().all(is_char) && !is_hashed(&name);
    if is_safe {
        return name;
    }
    let hash = Sha256::digest(name.as_bytes());
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let mut start = if name.is_empty() { "no-client".to_owned() } else { slug_of(&name) };
    start.truncate(40);
    format!("{}-{hash}", start.trim_end_matches('-'))
}

/// Whether a name looks as if it had got a part of a hash.
fn is_hashed(name: &str) -> bool {
    name.rsplit_once('-').is_some_and(|(_, end)| end.len() == 16 && end.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_same_client(one: &str, other: &str) -> bool {
    client_name(one).to_lowercase() == client_name(other).to_lowercase()
}

impl Shelf {
    /// The runbooks below the folder of a store.
    pub fn of(store: &Path) -> Shelf {
        Shelf { root: store.join("runbooks") }
    }

    fn folder(&self, client: &str) -> PathBuf {
        self.root.join(folder_of(client))
    }

    /// Where a runbook stands, or would: a version that is not the newest has its number in the name.
    pub fn file(&self, runbook: &Runbook) -> PathBuf {
        let folder = self.folder(&runbook.client);
        let earlier = folder.join(format!("{}.v{}.md", runbook.slug, runbook.version));
        if earlier.exists() { earlier } else { folder.join(format!("{}.md", runbook.slug)) }
    }

    /// The runbooks of a client, by name; none if it has none. One that cannot be read stands among them with what is wrong.
    ///
    /// # Errors
    /// [`ShelfError`] if the folder cannot be read.
    pub fn of_client(&self, client: &str) -> Result<Vec<Kept>, ShelfError> {
        let folder = self.folder(client);
        let mut kept = self.within(&folder)?;
        for one in &mut kept {
            if let Ok(runbook) = &one.runbook
                && !is_same_client(&runbook.client, client)
            {
                one.runbook = Err(misplaced(&one.file, client, &runbook.client));
            }
        }
        Ok(kept)
    }

    /// The runbooks of all clients, by client and name.
    ///
    /// # Errors
    /// [`ShelfError`] if the folders cannot be read.
    pub fn all(&self) -> Result<Vec<Kept>, ShelfError> {
        let mut all = Vec::new();
        for folder in entries(&self.root)?.into_iter().filter(|path| path.is_dir()) {
            for mut one in self.within(&folder)? {
                if let Ok(runbook) = &one.runbook
                    && self.folder(&runbook.client) != folder
                {
                    let expected = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
                    one.runbook = Err(misplaced(&one.file, &expected, &runbook.client));
                }
                all.push(one);
            }
        }
        Ok(all)
    }

    fn within(&self, folder: &Path) -> Result<Vec<Kept>, ShelfError> {
        let mut kept = Vec::new();
        for file in entries(folder)? {
            let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            // A name with another dot in it is an earlier version, or none of ours.
            let Some(slug) = name.strip_suffix(".md").filter(|slug| is_slug(slug)).map(str::to_owned) else { continue };
            let runbook = read(&file).and_then(|runbook| match runbook.slug == slug {
                true => Ok(runbook),
                false => Err(misplaced(&file, &slug, &runbook.slug)),
            });
            kept.push(Kept { slug, file, runbook });
        }
        Ok(kept)
    }

    /// One runbook of a client, the newest version or that which is asked for; `None` if there is none.
    ///
    /// # Errors
    /// [`ShelfError`] if it cannot be read, or is another client's.
    pub fn one(&self, client: &str, slug: &str, version: Option<u64>) -> Result<Option<Runbook>, ShelfError> {
        if !is_slug(slug) {
            return Ok(None);
        }
        let folder = self.folder(client);
        let current = folder.join(format!("{slug}.md"));
        if !current.exists() {
            return Ok(None);
        }
        let newest = read(&current)?;
        let (file, runbook) = match version {
            Some(version) if version != newest.version => {
                let file = folder.join(format!("{slug}.v{version}.md"));
                if !file.exists() {
                    return Ok(None);
                }
                let runbook = read(&file)?;
                (file, runbook)
            }
            _ => (current, newest),
        };
        match is_same_client(&runbook.client, client) && runbook.slug == slug {
            true => Ok(Some(runbook)),
            false => {
                Err(misplaced(&file, &format!("{client}/{slug}"), &format!("{}/{}", runbook.client, runbook.slug)))
            }
        }
    }

    /// Keeps a runbook as the newest version, the one before beside it; gives its text's SHA-256. `note` is called with it before anything
    /// is seen of the new version: if that fails, nothing is kept.
    ///
    /// # Errors
    /// What `note` says, or [`ShelfError`] if it cannot be written, or is not the version after the newest.
    pub fn keep<E: From<ShelfError>>(
        &self,
        runbook: &Runbook,
        note: impl FnOnce(&str) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let folder = self.folder(&runbook.client);
        let current = folder.join(format!("{}.md", runbook.slug));
        private::folder(&folder).map_err(|error| failed(&folder, "make the folder", &error))?;
        let lock = locked(&folder)?;
        let before = self.one(&runbook.client, &runbook.slug, None)?;
        let expected = before.as_ref().map_or(1, |before| before.version + 1);
        if runbook.version != expected {
            let found = format!("version {}", runbook.version);
            let file = current.display().to_string();
            return Err(ShelfError::Misplaced { file, expected: format!("version {expected}"), found }.into());
        }
        let text = runbook.write();
        let sha256 = sha256_of(text.as_bytes());
        let fresh = folder.join(format!("{}.new", runbook.slug));
        let write = |path: &Path, bytes: &[u8]| {
            let _ = fs::remove_file(path);
            let mut file = private::new_file(path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write(&fresh, text.as_bytes()).map_err(|error| failed(&fresh, "write the runbook", &error))?;
        if let Some(before) = before {
            let old = folder.join(format!("{}.v{}.md", before.slug, before.version));
            let copied = fs::read(&current).and_then(|bytes| write(&old, &bytes));
            copied.map_err(|error| failed(&old, "keep the version before", &error))?;
        }
        if let Err(error) = note(&sha256) {
            let _ = fs::remove_file(&fresh);
            return Err(error);
        }
        let moved = fs::rename(&fresh, &current).and_then(|()| private::sync(&folder));
        moved.map_err(|error| failed(&current, "put the runbook in its place", &error))?;
        drop(lock);
        Ok(current)
    }
}

impl Shelf {
    /// Versions that wait beside their place: a process ended while it kept them, or one keeps them right now.
    ///
    /// # Errors
    /// [`ShelfError`] if the folders cannot be read.
    pub fn left_behind(&self) -> Result<Vec<PathBuf>, ShelfError> {
        let mut left = Vec::new();
        for folder in entries(&self.root)?.into_iter().filter(|path| path.is_dir()) {
            left.extend(entries(&folder)?.into_iter().filter(|file| slug_left_behind(file).is_some()));
        }
        Ok(left)
    }

    /// Puts versions that were left behind in their place if they were noted: `is_noted` is asked with the SHA-256 of the text. One that
    /// was not is no version, and stays where it is until the next one is kept.
    ///
    /// # Errors
    /// [`ShelfError`] if one cannot be put in its place.
    pub fn mend(&self, is_noted: impl Fn(&Runbook, &str) -> bool) -> Result<(), ShelfError> {
        for fresh in self.left_behind()? {
            let (Some(folder), Some(slug)) = (fresh.parent(), slug_left_behind(&fresh)) else { continue };
            let lock = locked(folder)?;
            // What is gone by now was put in its place by the one that kept it; what was not written whole was never noted.
            let Ok((runbook, text)) = read_with_text(&fresh) else { continue };
            if runbook.slug != slug || self.folder(&runbook.client) != folder {
                continue;
            }
            let before = self.one(&runbook.client, slug, None)?.map_or(0, |before| before.version);
            if runbook.version == before + 1 && is_noted(&runbook, &sha256_of(text.as_bytes())) {
                let current = folder.join(format!("{slug}.md"));
                let moved = fs::rename(&fresh, &current).and_then(|()| private::sync(folder));
                moved.map_err(|error| failed(&current, "put the runbook in its place", &error))?;
            }
            drop(lock);
        }
        Ok(())
    }
}

/// The name of the runbook of which a file is a version that waits beside its place.
fn slug_left_behind(file: &Path) -> Option<&str> {
    file.file_name()?.to_str()?.strip_suffix(".new").filter(|slug| is_slug(slug))
}

fn locked(folder: &Path) -> Result<fs::File, ShelfError> {
    let lock = private::file(&folder.join("lock")).and_then(|file| file.lock().map(|()| file));
    lock.map_err(|error| failed(folder, "lock the folder", &error))
}

fn sha256_of(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a runbook from a file.
///
/// # Errors
/// [`ShelfError`] if it cannot be read, or is none.
pub fn read(file: &Path) -> Result<Runbook, ShelfError> {
    Ok(read_with_text(file)?.0)
}

fn read_with_text(file: &Path) -> Result<(Runbook, String), ShelfError> {
    let open = || {
        let mut bytes = Vec::new();
        fs::File::open(file)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "what is not UTF-8"))
    };
    let text = open().map_err(|error| failed(file, "read a runbook", &error))?;
    let runbook = Runbook::read(&text).map_err(|error| ShelfError::Text { file: file.display().to_string(), error })?;
    Ok((runbook, text))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, ShelfError> {
    let listed = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()),
    };
    let mut paths = listed.map_err(|error| failed(folder, "list the runbooks", &error))?;
    paths.sort();
    Ok(paths)
}

fn failed(file: &Path, doing: &'static str, error: &io::Error) -> ShelfError {
    ShelfError::File { file: file.display().to_string(), doing, found: error.to_string() }
}

fn misplaced(file: &Path, expected: &str, found: &str) -> ShelfError {
    ShelfError::Misplaced { file: file.display().to_string(), expected: expected.to_owned(), found: found.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::{RUNBOOK_SCHEMA, RunbookStatus, SourceCase};

    fn runbook(client: &str, slug: &str, version: u64) -> Runbook {
        Runbook {
            schema: RUNBOOK_SCHEMA.to_owned(),
            client: client.to_owned(),
            slug: slug.to_owned(),
            title: format!("Version {version}"),
            version,
            status: RunbookStatus::Draft,
            root_cause: "a/b".to_owned(),
            signal: "counts.held > 0".to_owned(),
            needs: Vec::new(),
            validation: "v".to_owned(),
            rollback: "r".to_owned(),
            owner: String::new(),
            written_by: "ben".to_owned(),
            written_at: "2026-11-20T09:00:00Z".parse().unwrap(),
            verified_by: String::new(),
            case: SourceCase::default(),
            text: String::new(),
        }
    }

    #[test]
    fn clients_never_share_a_folder() {
        let names = [
            "contoso",
            "Contoso Ltd",
            "contoso ltd",
            "contoso-ltd",
            "contoso_ltd",
            "contoso/ltd",
            "../contoso",
            "contoso.",
            "",
            " ",
            "con",
            "CON",
            "..",
            ".",
            "a\\b",
            "a:b",
            "a\u{202e}b",
            "ünal",
            "unal",
            "no-client",
            "x-0123456789abcdef",
        ];
        let mut seen: Vec<(String, String)> = Vec::new();
        for name in names {
            let folder = folder_of(name);
            let is_plain = folder.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
            assert!(is_plain && !folder.is_empty() && !DEVICES.contains(&folder.as_str()), "{name:?}: {folder}");
            let other = seen.iter().find(|(_, own)| *own == folder);
            assert!(other.is_none_or(|(other, _)| is_same_client(other, name)), "{name:?} and {other:?}");
            seen.push((name.to_owned(), folder));
        }
        assert_eq!(folder_of("Contoso"), folder_of("contoso "), "letters' case and blanks aside, as in the store");
    }

    /// Killed between note and rename: the version is put in its place if it was noted, and only then.
    #[test]
    fn a_version_that_was_left_behind() {
        for (name, client, version, is_noted, expected) in [
            ("noted", "contoso", 2, true, 2),
            ("not noted", "contoso", 2, false, 1),
            ("of another client", "fabrikam", 2, true, 1),
            ("not the next one", "contoso", 3, true, 1),
        ] {
            let store = tempfile::tempdir().unwrap();
            let shelf = Shelf::of(store.path());
            let current = shelf.keep::<ShelfError>(&runbook("contoso", "spam", 1), |_| Ok(())).unwrap();
            assert!(shelf.left_behind().unwrap().is_empty(), "{name}");
            let text = runbook(client, "spam", version).write();
            fs::write(current.with_extension("new"), &text).unwrap();
            fs::write(current.with_file_name("half.new"), text.get(..90).unwrap()).unwrap();
            assert_eq!(shelf.left_behind().unwrap().len(), 2, "{name}");
            shelf.mend(|_, sha256| is_noted && sha256 == sha256_of(text.as_bytes())).unwrap();
            let newest = shelf.one("contoso", "spam", None).unwrap().unwrap();
            assert_eq!(newest.version, expected, "{name}");
            assert_eq!(shelf.one("contoso", "half", None).unwrap(), None, "{name}");
            let next = runbook("contoso", "spam", expected + 1);
            shelf.keep::<ShelfError>(&next, |_| Ok(())).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn slugs() {
        for (text, slug) in [
            ("Released, and refused!", "released-and-refused"),
            ("release-handoff/released-rejected", "release-handoff-released-rejected"),
            ("../../etc/passwd", "etc-passwd"),
            ("ΩΩ", "runbook"),
            ("con", "runbook"),
            ("", "runbook"),
        ] {
            assert_eq!(slug_of(text), slug);
        }
        assert_eq!(slug_of(&"x".repeat(500)).len(), SLUG_CHARS);
        for bad in ["", "a/b", "..", "A", "a.v1", "a--b", "-a", "a-", "nul", "a\u{0}"] {
            assert!(!is_slug(bad), "{bad:?}");
        }
    }

    #[test]
    fn versions_are_kept() {
        let store = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(store.path());
        let keep = |one: &Runbook| shelf.keep::<ShelfError>(one, |_| Ok(()));
        assert!(shelf.one("a", "x", None).unwrap().is_none());
        keep(&runbook("a", "x", 1)).unwrap();
        keep(&runbook("a", "x", 2)).unwrap();
        keep(&runbook("b", "x", 1)).unwrap();
        assert!(keep(&runbook("a", "x", 2)).unwrap_err().to_string().contains("expected a runbook of version 3"));
        assert_eq!(shelf.one("A", "x", None).unwrap().unwrap().version, 2);
        assert_eq!(shelf.one("a", "x", Some(1)).unwrap().unwrap().title, "Version 1");
        assert!(shelf.one("a", "x", Some(9)).unwrap().is_none());
        assert!(shelf.one("a", "../b/x", None).unwrap().is_none());
        let refused = shelf.keep(&runbook("a", "x", 3), |_| Err(misplaced(Path::new("x"), "a", "b")));
        assert!(refused.is_err());
        assert_eq!(shelf.one("a", "x", None).unwrap().unwrap().version, 2, "nothing is kept that is not noted");
        let names: Vec<String> = shelf
            .all()
            .unwrap()
            .iter()
            .map(|one| one.file.strip_prefix(store.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["runbooks/a/x.md", "runbooks/b/x.md"]);
    }

    /// A file that was copied from one client to another is not run for the other.
    #[test]
    fn another_clients_runbook_is_refused() {
        let store = tempfile::tempdir().unwrap();
        let shelf = Shelf::of(store.path());
        let file = shelf.keep::<ShelfError>(&runbook("a", "x", 1), |_| Ok(())).unwrap();
        let other = store.path().join("runbooks/b");
        fs::create_dir_all(&other).unwrap();
        fs::copy(&file, other.join("x.md")).unwrap();
        fs::copy(&file, other.join("y.md")).unwrap();
        fs::write(other.join("z.md"), "no runbook").unwrap();
        fs::write(other.join("x.v7.md"), "no runbook").unwrap();
        let kept = shelf.of_client("b").unwrap();
        assert_eq!(kept.len(), 3);
        assert!(kept.iter().all(|one| one.runbook.is_err()), "{kept:?}");
        assert!(shelf.one("b", "x", None).is_err());
        assert_eq!(shelf.of_client("a").unwrap().len(), 1);
    }
}
