//! A file that a line of JSON is added to for each alert.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::alert::{Alert, Level};
use crate::world::{Before, Fault, NotSent, Sink};

/// A file that a line of JSON is added to for each alert. It is opened anew each time, so that it may be rotated away.
#[derive(Debug)]
pub struct FileSink {
    name: String,
    least: Level,
    path: PathBuf,
}

impl FileSink {
    /// A file at a path; it is made by the first alert.
    pub fn new(name: String, least: Level, path: PathBuf) -> FileSink {
        FileSink { name, least, path }
    }
}

impl Sink for FileSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn least(&self) -> Level {
        self.least
    }

    fn send(&mut self, alert: &Alert, _: Timestamp, before: Before) -> Result<(), NotSent> {
        add(&self.path, alert, before).map_err(|error| NotSent {
            fault: Fault::Place,
            said: format!("{}: expected to add a line, found {error}", self.path.display()),
        })
    }
}

/// Adds a line, on the disk when this returns. An attempt that was broken off may have added it, or a piece of it.
fn add(path: &Path, alert: &Alert, before: Before) -> io::Result<()> {
    let is_new = !path.exists();
    let mut file = File::options().create(true).read(true).append(true).open(path)?;
    file.lock()?;
    drop_torn_end(&mut file)?;
    if before == Before::MayBeThere && holds(&mut file, &alert.id)? {
        return file.sync_all();
    }
    let mut line = serde_json::to_vec(alert)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_all()?;
    if is_new && cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Takes away a last line without an end: a write that a kill or a full disk cut off, and that nobody was told of.
fn drop_torn_end(file: &mut File) -> io::Result<()> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut chunk = [0_u8; 4096];
    let mut at = end;
    while at > 0 {
        let from = at.saturating_sub(chunk.len() as u64);
        let part = chunk.get_mut(..usize::try_from(at - from).unwrap_or_default()).unwrap_or_default();
        file.seek(SeekFrom::Start(from))?;
        file.read_exact(part)?;
        if let Some(newline) = part.iter().rposition(|byte| *byte == b'\n') {
            let keep = from + newline as u64 + 1;
            return if keep < end { file.set_len(keep) } else { Ok(()) };
        }
        at = from;
    }
    if end > 0 { file.set_len(0) } else { Ok(()) }
}

/// Whether a line of the file is the alert of this id.
fn holds(file: &mut File, id: &str) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let is_it = serde_json::from_slice::<serde_json::Value>(&line).is_ok_and(|line| line["id"] == id);
        if is_it {
            return Ok(true);
        }
        line.clear();
    }
    Ok(false)
}
