//! Watches the copying of evidence, from outside: how much of it stands ready by now.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use crate::progress::Meter;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(250);
/// Folders within folders are followed so far.
const MAX_DEPTH: usize = 32;

/// Does `work`, which copies `paths` into a folder, and shows how far it is if somebody looks.
pub fn watched<R>(paths: &[PathBuf], into: &Path, work: impl FnOnce() -> R) -> R {
    let meter = Meter::copying(paths.iter().map(|path| bytes_in(path, 0)).sum());
    if !meter.is_seen() {
        return work();
    }
    let (end, ended) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let ended = ended;
            while matches!(ended.recv_timeout(EVERY), Err(RecvTimeoutError::Timeout)) {
                meter.copied(bytes_in(into, 0));
            }
            meter.finish();
        });
        let done = work();
        drop(end);
        done
    })
}

/// The size of a file, or of all files in a folder; what cannot be looked at counts nothing.
fn bytes_in(path: &Path, depth: usize) -> u64 {
    let kind = if depth == 0 { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) };
    let Ok(kind) = kind else { return 0 };
    if !kind.is_dir() {
        return if kind.is_file() { kind.len() } else { 0 };
    }
    if depth > MAX_DEPTH {
        return 0;
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| bytes_in(&entry.path(), depth + 1)).sum()
}
