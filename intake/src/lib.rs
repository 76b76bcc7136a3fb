//! Opens what the user names: folders, archives, files, standard input.
//!
//! Every file ends in one of two heaps: opened, with all its bytes, or refused, with what was expected, what was found
//! and what to try. A name within an archive is a label, never a path. What is unpacked beyond [`HELD_MAX_BYTES`] goes to temporary files
//! without a name; nothing else is ever written.

mod archive;
mod bytes;
mod folder;

use std::io::Read;
use std::path::{Path, PathBuf};

use evidence::FileName;
use sha2::{Digest, Sha256};

pub use bytes::Bytes;
use bytes::Ungathered;

/// How much is opened at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Files, in folders and archives together.
    pub files: usize,
    /// Folders within folders.
    pub depth: usize,
    /// Bytes unpacked from archives and gzip files, together.
    pub unpacked_bytes: u64,
    /// How many times larger than packed an archive member may become, once it is larger than 1 MiB.
    pub unpacked_ratio: u64,
    /// Bytes read from standard input.
    pub stdin_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { files: 10_000, depth: 16, unpacked_bytes: 4 << 30, unpacked_ratio: 200, stdin_bytes: 1 << 30 }
    }
}

/// All that was named, opened or refused.
#[derive(Debug, Default)]
pub struct Evidence {
    /// In the order of the arguments; within a folder or archive by name.
    pub files: Vec<Opened>,
    /// What could not be opened.
    pub refused: Vec<Refusal>,
}

/// One file and all its bytes.
#[derive(Debug)]
pub struct Opened {
    /// Name for cites, as [`open`] gives it; `archive.zip/inner` within an archive.
    pub name: FileName,
    /// The file on the disk that holds it, which is the archive for a member of one; `-` is standard input.
    pub path: PathBuf,
    /// The content.
    pub bytes: Bytes,
}

/// A file that was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file's name, as in [`Opened::name`].
    pub file: String,
    /// What was expected.
    pub expected: String,
    /// What was found instead.
    pub found: String,
    /// What to try.
    pub hint: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: expected {}, found {}. {}", self.file, self.expected, self.found, self.hint)
    }
}

/// Up to this size a file is hashed unasked: to hash 10 GB of log takes far longer than to follow a message through it.
pub const HASHED_MAX_BYTES: u64 = 64 << 20;

/// Of what is unpacked and of standard input so much is held in memory, all together.
pub const HELD_MAX_BYTES: u64 = 64 << 20;

/// What to try where temporary files find no room.
const NO_ROOM: &str = "make room in the folder for temporary files, or name another one in TMPDIR";

impl Opened {
    /// The SHA-256 of the content as lower-case hexadecimal. Reads the whole file.
    pub fn sha256(&self) -> String {
        Sha256::digest(&*self.bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The SHA-256 if the file is at most [`HASHED_MAX_BYTES`].
    pub fn sha256_if_small(&self) -> Option<String> {
        (self.bytes.len() as u64 <= HASHED_MAX_BYTES).then(|| self.sha256())
    }
}

/// Opens every path: a folder with all that is in it, a zip archive, a gzip file, a file; `-` is standard input.
///
/// With one folder its files are named relative to it, otherwise files are named relative to the deepest folder that
/// holds all that was named: a report tells nothing of the machine. The result does not depend on the order in which the
/// file system lists names.
pub fn open(paths: &[PathBuf], limits: Limits) -> Evidence {
    let mut opening = Opening {
        limits,
        budget: limits.unpacked_bytes,
        held_left: HELD_MAX_BYTES,
        path: PathBuf::new(),
        found: Evidence::default(),
    };
    let shared = shared_folder(paths);
    for path in paths {
        let name = display(path.strip_prefix(&shared).unwrap_or(path));
        if path.as_os_str() == "-" {
            opening.stdin(std::io::stdin().lock());
        } else if path.is_dir() && paths.len() == 1 {
            opening.folder(path, "");
        } else if path.is_dir() {
            opening.folder(path, &format!("{}/", name.trim_end_matches('/')));
        } else if path.exists() {
            opening.file(path, name);
        } else {
            opening.refuse(display(path), "a file or folder", "no such file or folder", "check the path");
        }
    }
    opening.distinguish();
    opening.found
}

/// The work under way.
struct Opening {
    limits: Limits,
    /// Bytes that may still be unpacked.
    budget: u64,
    /// Bytes that may still be held in memory.
    held_left: u64,
    /// The file on the disk that is being opened.
    path: PathBuf,
    found: Evidence,
}

impl Opening {
    fn is_full(&self) -> bool {
        self.found.files.len() >= self.limits.files
    }

    fn refuse(&mut self, file: String, expected: &str, found: impl Into<String>, hint: &str) {
        let (expected, hint) = (expected.to_owned(), hint.to_owned());
        self.found.refused.push(Refusal { file, expected, found: found.into(), hint });
    }

    fn add(&mut self, name: String, bytes: Bytes) {
        self.found.files.push(Opened { name: name.into(), path: self.path.clone(), bytes });
    }

    /// Opens a regular file by its content: an archive, a gzip file, or evidence as it is.
    fn file(&mut self, path: &Path, name: String) {
        if self.is_full() {
            return self.refuse_rest(name);
        }
        path.clone_into(&mut self.path);
        match bytes::read(path) {
            Ok(bytes) => self.content(name, bytes),
            Err(why) => self.refuse(name, "a file that can be read", why.found, why.hint),
        }
    }

    fn content(&mut self, name: String, bytes: Bytes) {
        if archive::is_zip(&bytes) && !archive::is_office_file(&bytes) {
            self.zip(&name, &bytes);
        } else if bytes.starts_with(b"\x1f\x8b") {
            self.gzip(name, &bytes);
        } else {
            self.add(name, bytes);
        }
    }

    fn refuse_rest(&mut self, name: String) {
        let found = format!("more than {} files", self.limits.files);
        if self.found.refused.last().is_none_or(|last| last.found != found) {
            self.refuse(name, "a limited number of files", found, "name the folder of this ticket only");
        }
    }

    /// Reads standard input to its end, or to the limit.
    fn stdin(&mut self, input: impl Read) {
        let name = "standard-input".to_owned();
        self.path = PathBuf::from("-");
        let limit = self.limits.stdin_bytes;
        match bytes::gather(input, limit, self.held_left) {
            Err(Ungathered::Stream(error)) => {
                self.refuse(name, "text on standard input", error.to_string(), "give a file instead");
            }
            Err(Ungathered::NoRoom(error)) => self.refuse(name, "room to keep it", error.to_string(), NO_ROOM),
            Err(Ungathered::TooLong) => {
                let found = format!("more than {limit} bytes");
                self.refuse(name, "a limited input", found, "save it to a file and name that: files are not limited");
            }
            Ok(bytes) => {
                self.held_left = self.held_left.saturating_sub(bytes.len() as u64);
                self.content(name, bytes);
            }
        }
    }

    /// Gives a number to names that occur twice, so that a cite names one file.
    fn distinguish(&mut self) {
        let mut seen = std::collections::HashMap::new();
        for file in &mut self.found.files {
            let count = seen.entry(file.name.clone()).or_insert(0u32);
            *count += 1;
            if *count > 1 {
                file.name = format!("{} ({count})", file.name).into();
            }
        }
    }
}

/// The deepest folder that holds all paths, by their names alone.
fn shared_folder(paths: &[PathBuf]) -> PathBuf {
    let mut folders = paths.iter().filter(|path| path.as_os_str() != "-").map(|path| path.parent().unwrap_or(path));
    let first = folders.next().unwrap_or(Path::new("")).to_owned();
    folders.fold(first, |shared, folder| {
        let same = shared.components().zip(folder.components()).take_while(|(left, right)| left == right);
        same.map(|(left, _)| left).collect()
    })
}

/// The path with `/` between parts and without a leading `./`.
fn display(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    text.strip_prefix("./").unwrap_or(&text).to_owned()
}
