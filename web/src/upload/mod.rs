//! Files on their way in: streamed to the disk below a folder of ours, and there until they are added to a case together, or thrown away.
//!
//! A batch is of one session. Its files get names that [`names::plain`] makes of the client's; they are made anew, never opened by a name that a
//! client gives, and nothing here follows or makes a link. Whatever breaks off leaves nothing: who writes a file removes it unless it is whole,
//! and a batch removes its folder when nobody holds it any more.

mod form;
mod names;

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use case::told::AddedEvidence;
use tokio::io::AsyncWriteExt as _;

use crate::entry::{User, Visitor, secret};
use crate::office::{Trouble, TroubleKind};

pub use form::{Sent, sent};
use names::Names;
pub use names::plain;

/// How many files one batch may have.
pub const MAX_FILES: usize = 2_000;
/// How many batches one session has open; the one that was not used for longest goes first.
const MAX_OF_SESSION: usize = 4;
/// How many batches one user has open, over all sessions and calls with a token.
const MAX_OF_USER: usize = 16;
/// How many batches are open at all.
const MAX_OPEN: usize = 64;
/// A batch that was not used for so long is thrown away.
const LASTS: Duration = Duration::from_secs(60 * 60);
/// How many results are kept for their pages.
const MAX_TOLD: usize = 64;

/// All files on their way in.
#[derive(Clone, Default)]
pub struct Uploads(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    open: HashMap<String, Batch>,
    told: VecDeque<(String, Told)>,
}

/// Files that will be added together, so that their cites stand in one folder.
pub struct Batch {
    /// Of which session, or of which call with a token.
    owner: Arc<str>,
    /// Of whom.
    user: Arc<User>,
    room: Arc<Room>,
    names: Names,
    files: Vec<Taken>,
    /// Bytes of all files, those under way too.
    bytes: Arc<AtomicU64>,
    under_way: usize,
    last: u64,
    used: Instant,
}

/// A file of a batch.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its number in the batch.
    pub number: u64,
    /// Its name, as cites will name it below the folder of the batch.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// What came of adding a batch, until its page has shown it.
#[derive(Clone)]
pub struct Told {
    /// To whom.
    owner: Arc<str>,
    /// Of which case.
    pub number: u64,
    /// What was added, what was there already, what was refused.
    pub added: AddedEvidence,
}

/// A folder that goes with who holds it.
struct Room(PathBuf);

impl Drop for Room {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Uploads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a batch of a visitor's session in an empty folder of its own; gives its name, which nobody guesses.
    ///
    /// # Errors
    /// [`Trouble`] if too many are open.
    pub fn open(&self, visitor: &Visitor, folder: PathBuf) -> Result<String, Trouble> {
        let (owner, user) = (&visitor.csrf, &visitor.user);
        let room = Arc::new(Room(folder));
        let mut gone = self.tidy();
        let mut state = self.state();
        while state.open.values().filter(|batch| batch.owner == *owner).count() >= MAX_OF_SESSION {
            let idle = state.open.iter().filter(|(_, batch)| batch.owner == *owner && batch.under_way == 0);
            let oldest = idle.min_by_key(|(_, batch)| batch.used).map(|(id, _)| id.clone());
            let Some(batch) = oldest.and_then(|id| state.open.remove(&id)) else { break };
            gone.push(batch);
        }
        let of_session = state.open.values().filter(|batch| batch.owner == *owner).count();
        let of_user = state.open.values().filter(|batch| batch.user.name == user.name).count();
        if of_session >= MAX_OF_SESSION || of_user >= MAX_OF_USER || state.open.len() >= MAX_OPEN {
            let what = format!(
                "expected at most {MAX_OF_SESSION} uploads under way for one session, {MAX_OF_USER} for one user and {MAX_OPEN} for all, \
                 found as many. Wait until one is added"
            );
            return Err(Trouble::new(TroubleKind::TooLarge, what));
        }
        let id = secret();
        let batch = Batch {
            owner: Arc::clone(owner),
            user: Arc::clone(user),
            room,
            names: Names::default(),
            files: Vec::new(),
            bytes: Arc::default(),
            under_way: 0,
            last: 0,
            used: Instant::now(),
        };
        state.open.insert(id.clone(), batch);
        Ok(id)
    }

    /// Throws away what was not used for long. What comes back is removed from the disk when it is dropped, outside of the lock.
    #[must_use]
    pub fn tidy(&self) -> Vec<Batch> {
        let is_left = |_: &String, batch: &mut Batch| batch.under_way == 0 && batch.used.elapsed() >= LASTS;
        self.state().open.extract_if(is_left).map(|(_, batch)| batch).collect()
    }

    /// Throws everything away: the program ends.
    pub fn clear(&self) {
        let open = std::mem::take(&mut self.state().open);
        drop(open);
    }

    /// A place for one more file in a batch of this session. The batch has room for so many bytes together.
    ///
    /// # Errors
    /// [`Trouble`] if there is no such batch, if the name cannot be kept, or if it is full.
    pub fn place(&self, id: &str, owner: &str, name: &str, max_bytes: u64) -> Result<Place, Trouble> {
        let name = plain(name).map_err(|why| Trouble::new(TroubleKind::Unfit, why))?;
        let mut state = self.state();
        let batch = state.batch(id, owner)?;
        if batch.files.len() + batch.under_way >= MAX_FILES {
            let what =
                format!("{name}: expected at most {MAX_FILES} files in one upload, found more. Pack them as a ZIP");
            return Err(Trouble::new(TroubleKind::TooLarge, what));
        }
        batch.used = Instant::now();
        batch.under_way += 1;
        batch.last += 1;
        let name = batch.names.give(&name);
        Ok(Place {
            uploads: self.clone(),
            id: id.to_owned(),
            room: Arc::clone(&batch.room),
            all_bytes: Arc::clone(&batch.bytes),
            max_bytes,
            taken: Taken { number: batch.last, name, bytes: 0 },
            file: None,
            is_kept: false,
        })
    }

    /// Takes one file out of a batch again.
    ///
    /// # Errors
    /// [`Trouble`] if there is no such batch.
    pub fn take_out(&self, id: &str, owner: &str, number: u64) -> Result<(), Trouble> {
        let mut state = self.state();
        let batch = state.batch(id, owner)?;
        batch.used = Instant::now();
        let Some(at) = batch.files.iter().position(|file| file.number == number) else { return Ok(()) };
        let file = batch.files.remove(at);
        batch.names.take_back(&file.name);
        batch.bytes.fetch_sub(file.bytes, Ordering::Relaxed);
        std::fs::remove_file(batch.room.0.join(&file.name)).map_err(|error| not_written(&file.name, &error))
    }

    /// The files of a batch.
    pub fn files(&self, id: &str, owner: &str) -> Vec<Taken> {
        self.state().batch(id, owner).map(|batch| batch.files.clone()).unwrap_or_default()
    }

    /// Where the files of a batch stand.
    ///
    /// # Errors
    /// [`Trouble`] if there is no such batch.
    pub fn path(&self, id: &str, owner: &str, file: &Taken) -> Result<PathBuf, Trouble> {
        Ok(self.state().batch(id, owner)?.room.0.join(&file.name))
    }

    /// Takes a batch, to add it; `None` if it has no file.
    ///
    /// # Errors
    /// [`Trouble`] if there is no such batch, or if a file of it is still under way.
    pub fn take(&self, id: &str, owner: &str) -> Result<Batch, Trouble> {
        let mut state = self.state();
        if state.batch(id, owner)?.under_way > 0 {
            let what = "expected files that are here as a whole, found one still on its way. Wait for it, or remove it";
            return Err(Trouble::new(TroubleKind::Conflict, what));
        }
        state.open.remove(id).ok_or_else(gone)
    }

    /// Puts one back that could not be added.
    pub fn put_back(&self, id: &str, batch: Batch) {
        self.state().open.insert(id.to_owned(), batch);
    }

    /// Throws a batch away.
    pub fn throw_away(&self, id: &str, owner: &str) {
        let mut state = self.state();
        let is_own = state.batch(id, owner).is_ok();
        let batch = if is_own { state.open.remove(id) } else { None };
        drop(state);
        drop(batch);
    }

    /// Throws away all that somebody has under way.
    pub fn throw_away_all(&self, owner: &str) {
        let gone: Vec<Batch> =
            self.state().open.extract_if(|_, batch| *batch.owner == *owner).map(|(_, batch)| batch).collect();
        drop(gone);
    }

    /// Keeps what came of adding, for the page that tells it; gives the name under which it is asked for.
    pub fn tell(&self, owner: &Arc<str>, number: u64, added: AddedEvidence) -> String {
        let id = secret();
        let mut state = self.state();
        state.told.push_back((id.clone(), Told { owner: Arc::clone(owner), number, added }));
        if state.told.len() > MAX_TOLD {
            state.told.pop_front();
        }
        id
    }

    /// What came of adding.
    pub fn told(&self, id: &str, owner: &str) -> Option<Told> {
        let state = self.state();
        let told = state.told.iter().find(|(known, told)| known == id && *told.owner == *owner);
        told.map(|(_, told)| told.clone())
    }
}

impl State {
    /// A batch of this session. One of another session is as good as none.
    fn batch(&mut self, id: &str, owner: &str) -> Result<&mut Batch, Trouble> {
        self.open.get_mut(id).filter(|batch| *batch.owner == *owner).ok_or_else(gone)
    }
}

fn gone() -> Trouble {
    let what = "expected an upload of this session, found none: one that is not used for an hour is thrown away. Drop the files again";
    Trouble::new(TroubleKind::NotFound, what)
}

impl Batch {
    /// Where its files stand.
    pub fn folder(&self) -> &Path {
        &self.room.0
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// A file on its way into a batch. Unless it is kept, nothing of it stays.
pub struct Place {
    uploads: Uploads,
    id: String,
    room: Arc<Room>,
    all_bytes: Arc<AtomicU64>,
    max_bytes: u64,
    taken: Taken,
    file: Option<tokio::fs::File>,
    is_kept: bool,
}

impl Place {
    /// Writes more of it.
    ///
    /// # Errors
    /// [`Trouble`] if there is no room for it.
    pub async fn write(&mut self, bytes: &Bytes) -> Result<(), Trouble> {
        let more = bytes.len() as u64;
        self.taken.bytes += more;
        if self.all_bytes.fetch_add(more, Ordering::Relaxed) + more > self.max_bytes {
            return Err(too_large(&self.taken.name, self.max_bytes));
        }
        let path = self.room.0.join(&self.taken.name);
        let name = &self.taken.name;
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(made(&path).await.map_err(|error| not_written(name, &error))?),
        };
        file.write_all(bytes).await.map_err(|error| not_written(name, &error))
    }

    /// All of it is there.
    ///
    /// # Errors
    /// [`Trouble`] if it could not be written.
    pub async fn keep(mut self) -> Result<Taken, Trouble> {
        // A file without a byte is made too: that it is empty is told when it is read.
        self.write(&Bytes::new()).await?;
        if let Some(file) = &mut self.file {
            file.flush().await.map_err(|error| not_written(&self.taken.name, &error))?;
        }
        let mut state = self.uploads.state();
        // The batch may have been thrown away meanwhile.
        let Some(batch) = state.open.get_mut(&self.id).filter(|batch| Arc::ptr_eq(&batch.room, &self.room)) else {
            drop(state);
            return Err(gone());
        };
        batch.files.push(self.taken.clone());
        batch.under_way -= 1;
        batch.used = Instant::now();
        drop(state);
        self.is_kept = true;
        Ok(self.taken.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        if self.file.take().is_some() {
            let _ = std::fs::remove_file(self.room.0.join(&self.taken.name));
        }
        self.all_bytes.fetch_sub(self.taken.bytes, Ordering::Relaxed);
        let mut state = self.uploads.state();
        if let Some(batch) = state.open.get_mut(&self.id).filter(|batch| Arc::ptr_eq(&batch.room, &self.room)) {
            batch.names.take_back(&self.taken.name);
            batch.under_way -= 1;
        }
    }
}

/// A new file for the owner alone, and the folders that lead to it. What is there already is never opened.
async fn made(path: &Path) -> io::Result<tokio::fs::File> {
    if let Some(folder) = path.parent() {
        let mut builder = tokio::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        builder.mode(0o700);
        builder.create(folder).await?;
    }
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await
}

/// More than is taken.
pub fn too_large(name: &str, max_bytes: u64) -> Trouble {
    let what = format!(
        "{name}: expected an upload of at most {max_bytes} bytes, found more; nothing of this file was kept. \
        `throughline serve --max-upload` takes more, and `throughline case add` reads from the disk"
    );
    Trouble::new(TroubleKind::TooLarge, what)
}

fn not_written(name: &str, error: &io::Error) -> Trouble {
    let (kind, what) = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => (
            TroubleKind::TooLarge,
            format!(
                "{name}: expected room for it on the disk of the store, found {error}; nothing of this file was kept. Make room, then add it again"
            ),
        ),
        ErrorKind::AlreadyExists | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => (
            TroubleKind::Unfit,
            format!(
                "{name}: expected a name that can be kept beside the others, found {error}. Rename it, then add it again"
            ),
        ),
        _ => (TroubleKind::Internal, format!("{name}: expected to write it, found {error}; nothing of it was kept")),
    };
    Trouble::new(kind, what)
}

/// The next bytes of a body; `None` at its end.
///
/// # Errors
/// [`Trouble`] if it was broken off.
pub async fn next(body: &mut Body) -> Option<Result<Bytes, Trouble>> {
    loop {
        let frame = std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context)).await?;
        match frame {
            Ok(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Some(Ok(data));
                }
            }
            Err(error) => return Some(Err(broken_off(&error))),
        }
    }
}

/// The client went away, or sent nothing for long.
pub fn broken_off(error: &dyn std::fmt::Display) -> Trouble {
    let what =
        format!("expected all of the upload, found its end before that ({error}); nothing of this file was kept");
    Trouble::new(TroubleKind::Unfit, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Role, Roles};

    fn visitor(user: &str, session: &str) -> Visitor {
        let user = User { name: user.to_owned(), roles: Roles::default().with(Role::Engineer) };
        Visitor { user: Arc::new(user), csrf: session.into() }
    }

    #[test]
    fn one_user_does_not_take_all_places() {
        let uploads = Uploads::default();
        let root = tempfile::tempdir().expect("a folder");
        let open = |visitor: &Visitor, at: usize| uploads.open(visitor, root.path().join(at.to_string()));
        let of_kim = |at: usize| open(&visitor("kim", &format!("call-{at}")), at);
        for at in 0..MAX_OF_USER {
            of_kim(at).expect("a place");
        }
        assert!(of_kim(MAX_OF_USER).is_err());
        open(&visitor("sam", "another"), MAX_OPEN).expect("a place of another user");
    }
}
