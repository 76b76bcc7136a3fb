//! Cases in one SQLite file.

mod deeds;
mod marks;
mod opening;
mod verify;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter};

use crate::case::{About, Asked, Case};
use crate::journal::{self, Deed, Draft, Entry, Tampered, chained};
use crate::store::{Head, Place, Store, StoreError, Wanted};

/// A store in one file.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
}

impl Sqlite {
    /// Opens the file, or makes it, for the owner alone; brings an older one to the present form.
    ///
    /// # Errors
    /// [`StoreError`] if it is no store of ours, of a newer program, or cannot be opened.
    pub fn open(path: &Path) -> Result<Sqlite, StoreError> {
        Ok(Sqlite { path: path.to_owned(), connection: opening::open(path)? })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Does something as one whole: after a kill at any moment all of it was done or nothing.
    ///
    /// # Errors
    /// What `work` gives, or [`StoreError`] if it could not be written.
    pub fn whole<R>(
        &mut self,
        doing: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<R, StoreError>,
    ) -> Result<R, StoreError> {
        let path = self.path.clone();
        let failed = |error: rusqlite::Error| database(&path, doing, &error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// Reads; what is read is of one moment.
    ///
    /// # Errors
    /// [`StoreError`] if it could not be read.
    pub fn read<R>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<R>,
    ) -> Result<R, StoreError> {
        let moment = self.connection.unchecked_transaction().map_err(|error| self.failed(doing, &error))?;
        let done = work(&moment).map_err(|error| self.failed(doing, &error))?;
        moment.finish().map_err(|error| self.failed(doing, &error))?;
        Ok(done)
    }

    /// What a fault of the database means to the one who asked.
    pub fn failed(&self, doing: &'static str, error: &rusqlite::Error) -> StoreError {
        database(&self.path, doing, error)
    }
}

impl Store for Sqlite {
    fn open_once(
        &mut self,
        at: Timestamp,
        who: &str,
        key: Option<String>,
        about: About,
        asked: Asked,
    ) -> Result<Case, StoreError> {
        let doing = "open a case";
        let path = self.path.clone();
        let uid = uid().map_err(|found| StoreError::File { path: path.clone(), doing, found })?;
        let draft = Draft { at, who: who.to_owned(), key, deed: Deed::Opened { about, asked } };
        self.whole(doing, |transaction| {
            let failed = |error: rusqlite::Error| database(&path, doing, &error);
            if let Some(known) =
                draft.key.as_ref().map(|key| opened_with(transaction, key)).transpose().map_err(failed)?
                && let Some(known) = known
            {
                return Ok(known);
            }
            let entry = written(&uid, None, draft)?;
            insert(transaction, &entry).map_err(failed)?;
            keep(transaction, None, &[entry]).map_err(failed)
        })
    }

    fn append(&mut self, uid: &str, drafts: Vec<Draft>) -> Result<Case, StoreError> {
        let doing = "add to a journal";
        let path = self.path.clone();
        self.whole(doing, |transaction| {
            let failed = |error: rusqlite::Error| database(&path, doing, &error);
            let case = case(transaction, uid).map_err(failed)?;
            let case = case.ok_or_else(|| StoreError::NoSuchCase(uid.to_owned()))?;
            add(transaction, case, drafts, &failed)
        })
    }

    fn journal(&self, uid: &str) -> Result<Vec<Entry>, StoreError> {
        self.read("read a journal", |connection| entries(connection, uid))
    }

    fn list(&self, wanted: &Wanted) -> Result<Vec<Case>, StoreError> {
        let (sql, values) = marks::query(wanted);
        self.read("list cases", |connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(0))?;
            rows.map(|body| from_body(&body?)).collect()
        })
    }

    fn done(&self, words: &[&str]) -> Result<Vec<Entry>, StoreError> {
        self.read("read what was done", |connection| deeds::entries(connection, words))
    }

    fn import(&mut self, journal: &[Entry], drafts: Vec<Draft>) -> Result<Case, StoreError> {
        let uid = journal.first().map(|entry| entry.uid.clone()).unwrap_or_default();
        let broken = |expected: &str, found: String| StoreError::Journal {
            uid: uid.clone(),
            expected: expected.to_owned(),
            found,
        };
        if let Some(wrong) = journal::tampered(journal).first() {
            return Err(broken(&wrong.expected, wrong.found.clone()));
        }
        if Case::of(0, journal).is_none() {
            return Err(broken("a journal that begins with the opening of a case", "another one".to_owned()));
        }
        if let Some(twice) = journal::same_key(journal) {
            return Err(broken(
                "one entry of each deed and key",
                format!("two with the key `{}`", twice.escape_debug()),
            ));
        }
        let doing = "import a case";
        let path = self.path.clone();
        self.whole(doing, |transaction| {
            let failed = |error: rusqlite::Error| database(&path, doing, &error);
            let there = entries(transaction, &uid).map_err(failed)?;
            let known = case(transaction, &uid).map_err(failed)?;
            if let Some((here, archived)) = there.iter().zip(journal).find(|(here, archived)| here != archived) {
                let found =
                    format!("another one from entry {} on: {} here, {} there", here.seq, here.hash, archived.hash);
                return Err(broken("no journal of this case in the store, or the same one", found));
            }
            let more = match (known, journal.get(there.len()..)) {
                (Some(known), None | Some([])) => return Ok(known),
                (known, more) => (known, more.unwrap_or_default()),
            };
            more.1.iter().try_for_each(|entry| insert(transaction, entry)).map_err(failed)?;
            let case = keep(transaction, more.0, more.1).map_err(failed)?;
            add(transaction, case, drafts, &failed)
        })
    }

    fn tampered(&self) -> Result<Vec<Tampered>, StoreError> {
        let doing = "read all journals";
        let moment = self.connection.unchecked_transaction().map_err(|error| self.failed(doing, &error))?;
        match verify::all(&moment) {
            Ok(wrong) => Ok(wrong),
            Err(error) if is_damaged(&error) => Ok(vec![Tampered {
                uid: None,
                seq: None,
                expected: format!("a database that can be read, in {}", self.path.display()),
                found: error.to_string(),
            }]),
            Err(error) => Err(self.failed(doing, &error)),
        }
    }

    fn uids(&self) -> Result<Vec<String>, StoreError> {
        self.read("list the journals", |connection| {
            let mut statement = connection.prepare("SELECT uid FROM entry GROUP BY uid ORDER BY min(n)")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        })
    }

    fn head(&self) -> Result<Head, StoreError> {
        self.read("read the head of the store", |connection| {
            let cases = connection.query_row("SELECT count(*) FROM cases", [], |row| row.get::<_, i64>(0))?;
            let head = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, String>(1)?));
            let head = connection.query_row("SELECT n, store_hash FROM head", [], head).optional()?;
            let (entries, hash) = head.unwrap_or_default();
            Ok(Head { cases: cases.unsigned_abs(), entries, hash })
        })
    }

    fn hashed(&self, hash: &str) -> Result<Option<Place>, StoreError> {
        self.read("look for a hash", |connection| {
            let mut statement = connection
                .prepare("SELECT uid, seq, n FROM entry WHERE hash = ?1 OR store_hash = ?1 ORDER BY n LIMIT 1")?;
            let place = |row: &rusqlite::Row<'_>| {
                let [seq, n] = [row.get::<_, i64>(1)?, row.get::<_, i64>(2)?].map(i64::unsigned_abs);
                Ok(Place { uid: row.get(0)?, seq, n })
            };
            statement.query_row([hash], place).optional()
        })
    }
}

/// Whether the file of the database is not what a database is.
fn is_damaged(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

/// What a fault of the database means.
fn database(path: &Path, doing: &'static str, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    let hint = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "Nothing was changed: make room on the disk and try again",
        Some(ErrorCode::SystemIoFailure) => {
            "Nothing was changed. Is there room on the disk, and is the disk sound? Try again then"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "Another process writes: try again",
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            "Is it a store of throughline? Restore it from a copy, or name another with --store"
        }
        _ if matches!(error, rusqlite::Error::FromSqlConversionFailure(..)) => {
            "It is not as it was written: `throughline case verify-journal` says where"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            "Is it there, and may you write to it? --store names another"
        }
        _ => "Nothing was changed: try again",
    };
    StoreError::Database { path: path.to_owned(), doing, found: error.to_string(), hint }
}

/// A new name everywhere.
fn uid() -> Result<String, String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(journal::hexadecimal(&bytes))
}

fn written(uid: &str, last: Option<(u64, &str)>, draft: Draft) -> Result<Entry, StoreError> {
    Entry::behind(uid, last, draft).map_err(|error| StoreError::Journal {
        uid: uid.to_owned(),
        expected: "a deed that can be written".to_owned(),
        found: error.to_string(),
    })
}

/// Adds drafts to the journal of a case and keeps what it adds up to.
fn add(
    transaction: &Transaction<'_>,
    case: Case,
    drafts: Vec<Draft>,
    failed: &dyn Fn(rusqlite::Error) -> StoreError,
) -> Result<Case, StoreError> {
    let mut added: Vec<Entry> = Vec::new();
    for draft in drafts {
        let known = |key: &String| {
            let mut statement =
                transaction.prepare_cached("SELECT 1 FROM entry WHERE uid = ? AND key = ? AND kind = ?")?;
            statement.exists(params![case.uid, key, draft.deed.word()])
        };
        if draft.key.as_ref().map(known).transpose().map_err(failed)?.unwrap_or(false) {
            continue;
        }
        let last = added.last().map_or((case.entries, case.head.as_str()), |last| (last.seq, last.hash.as_str()));
        let entry = written(&case.uid, Some(last), draft)?;
        insert(transaction, &entry).map_err(failed)?;
        added.push(entry);
    }
    keep(transaction, Some(case), &added).map_err(failed)
}

fn insert(transaction: &Transaction<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let head = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    let (before, store_hash) = transaction.query_row("SELECT n, store_hash FROM head", [], head)?;
    let (n, store_hash) = (before + 1, chained(&[&store_hash, &entry.hash]));
    let mut statement = transaction.prepare_cached(
        "INSERT INTO entry (n, uid, seq, at, who, key, kind, deed, previous, hash, store_hash) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    statement.execute(params![
        n,
        entry.uid,
        i64::try_from(entry.seq).unwrap_or(i64::MAX),
        entry.at.to_string(),
        entry.who,
        entry.key,
        entry.deed.word(),
        entry.written,
        entry.previous,
        entry.hash,
        store_hash
    ])?;
    transaction.execute("UPDATE head SET n = ?, store_hash = ?", params![n, store_hash])?;
    Ok(())
}

/// Writes down what the journal of a case adds up to after some more entries; a new case gets its number.
fn keep(transaction: &Transaction<'_>, case: Option<Case>, added: &[Entry]) -> rusqlite::Result<Case> {
    let case = match case {
        Some(mut case) => {
            added.iter().for_each(|entry| case.take(entry));
            case
        }
        None => {
            let last = "SELECT coalesce(max(number), 0) FROM cases";
            let number = transaction.query_row(last, [], |row| row.get::<_, i64>(0))?.unsigned_abs() + 1;
            Case::of(number, added).ok_or(rusqlite::Error::InvalidQuery)?
        }
    };
    put(transaction, &case)?;
    Ok(case)
}

/// Puts what a journal adds up to beside it, in place of what stood there.
fn put(transaction: &Transaction<'_>, case: &Case) -> rusqlite::Result<()> {
    let row = marks::row(case)?;
    transaction.execute(
        "INSERT INTO cases (number, uid, client, ticket, status, subject, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (uid) DO UPDATE SET client = ?3, ticket = ?4, status = ?5, subject = ?6, body = ?7",
        params![
            i64::try_from(case.number).unwrap_or(i64::MAX),
            case.uid,
            row.client,
            row.ticket,
            row.status,
            row.subject,
            row.body
        ],
    )?;
    transaction.execute("DELETE FROM mark WHERE uid = ?", [&case.uid])?;
    let mut statement = transaction.prepare_cached("INSERT OR IGNORE INTO mark (uid, kind, value) VALUES (?, ?, ?)")?;
    for (kind, value) in marks::of(case) {
        statement.execute(params![case.uid, kind, value])?;
    }
    Ok(())
}

/// The case that was opened with a key.
fn opened_with(connection: &Connection, key: &str) -> rusqlite::Result<Option<Case>> {
    let mut statement =
        connection.prepare_cached("SELECT uid FROM entry WHERE seq = 1 AND key = ? ORDER BY n LIMIT 1")?;
    let uid = statement.query_row([key], |row| row.get::<_, String>(0)).optional()?;
    uid.map_or(Ok(None), |uid| case(connection, &uid))
}

fn case(connection: &Connection, uid: &str) -> rusqlite::Result<Option<Case>> {
    let mut statement = connection.prepare_cached("SELECT body FROM cases WHERE uid = ?")?;
    let body = statement.query_row([uid], |row| row.get::<_, String>(0)).optional()?;
    body.map(|body| from_body(&body)).transpose()
}

fn from_body(body: &str) -> rusqlite::Result<Case> {
    serde_json::from_str(body).map_err(unreadable)
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}

/// What [`entry`] reads, in its order.
const ENTRY: &str = "uid, seq, at, who, key, deed, previous, hash";

/// The entries of one case, as they were added.
fn entries(connection: &Connection, uid: &str) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {ENTRY} FROM entry WHERE uid = ? ORDER BY seq"))?;
    let rows = statement.query_map([uid], entry)?;
    rows.collect()
}

fn entry(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let written: String = row.get(5)?;
    Ok(Entry {
        uid: row.get(0)?,
        seq: row.get::<_, i64>(1)?.unsigned_abs(),
        at: row.get::<_, String>(2)?.parse().map_err(unreadable)?,
        who: row.get(3)?,
        key: row.get(4)?,
        deed: serde_json::from_str(&written).map_err(unreadable)?,
        written,
        previous: row.get(6)?,
        hash: row.get(7)?,
    })
}
