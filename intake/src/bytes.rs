//! The bytes of a file: mapped, so that it may be larger than memory, or held.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::ops::Deref;
use std::path::Path;

use tempfile::{SpooledData, SpooledTempFile};

/// The whole content of a file.
#[derive(Debug)]
pub struct Bytes(Kept);

#[derive(Debug)]
enum Kept {
    Mapped(memmap2::Mmap),
    Held(Vec<u8>),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Kept::Mapped(map) => map,
            Kept::Held(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(Kept::Held(bytes))
    }
}

/// Why a path gave no bytes.
pub(crate) struct Unreadable {
    pub(crate) found: String,
    pub(crate) hint: &'static str,
}

/// Maps a regular file. Pipes, sockets and devices are refused before they are opened: opening one may wait for ever.
pub(crate) fn read(path: &Path) -> Result<Bytes, Unreadable> {
    let kind = std::fs::metadata(path).map_err(unreadable)?;
    if !kind.is_file() {
        let found = "a pipe, socket or device".to_owned();
        return Err(Unreadable { found, hint: "copy its content to a file, or pass it as `-`" });
    }
    let file = File::open(path).map_err(unreadable)?;
    // An empty file cannot be mapped.
    if kind.len() == 0 {
        return Ok(Vec::new().into());
    }
    map(&file).map(|map| Bytes(Kept::Mapped(map))).map_err(unreadable)
}

#[allow(unsafe_code)]
fn map(file: &File) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the map is private to this process and only read as plain bytes, for which every value is valid. If another
    // program cuts the file meanwhile, the system ends us with a bus error; evidence is a copy, not a file in use,
    // and the README says so.
    unsafe { memmap2::Mmap::map(file) }
}

/// Why a stream gave no bytes.
pub(crate) enum Ungathered {
    /// It could not be read to its end.
    Stream(io::Error),
    /// It is longer than the limit.
    TooLong,
    /// The folder for temporary files does not take it.
    NoRoom(io::Error),
}

/// All bytes of a stream of at most `limit`: held up to `held_max` of them, beyond that mapped from a temporary file without a name, which
/// is gone with the process.
pub(crate) fn gather(mut stream: impl Read, limit: u64, held_max: u64) -> Result<Bytes, Ungathered> {
    let mut kept = SpooledTempFile::new(usize::try_from(held_max).unwrap_or(usize::MAX));
    let mut chunk = vec![0; 64 << 10];
    let mut length: u64 = 0;
    loop {
        let read = match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Ungathered::Stream(error)),
        };
        length += read as u64;
        if length > limit {
            return Err(Ungathered::TooLong);
        }
        kept.write_all(&chunk[..read]).map_err(Ungathered::NoRoom)?;
    }
    match kept.into_inner() {
        SpooledData::InMemory(held) => Ok(held.into_inner().into()),
        SpooledData::OnDisk(_) if length == 0 => Ok(Vec::new().into()),
        SpooledData::OnDisk(file) => map(&file).map(|map| Bytes(Kept::Mapped(map))).map_err(Ungathered::NoRoom),
    }
}

fn unreadable(error: std::io::Error) -> Unreadable {
    let (found, hint) = match error.kind() {
        ErrorKind::NotFound => ("no such file or folder".to_owned(), "check the path"),
        ErrorKind::PermissionDenied => {
            ("a file that this user may not read".to_owned(), "ask its owner for a copy, or for the right to read it")
        }
        _ => (error.to_string(), "copy the file to a local disk and try again"),
    };
    Unreadable { found, hint }
}
