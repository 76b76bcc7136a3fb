//! How the file of a store is opened, and brought to the present form.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{database, entries, put};
use crate::case::Case;
use crate::folder::file_error;
use crate::private;
use crate::store::StoreError;

/// The steps from an empty file to what this program writes; a file says in `user_version` how many of them it has gone. What the
/// journals add up to is written anew after a step: another [`Case`], or other marks, need a step too, if an empty one.
pub(super) const STEPS: &[&str] =
    &[include_str!("0001_cases.sql"), include_str!("0002_watch.sql"), include_str!("0003_causes.sql")];

/// Says in the file that it is ours: `thln`.
const APPLICATION: i64 = 0x7468_6c6e;

/// How long is waited for another process that writes.
const PATIENCE: Duration = Duration::from_secs(30);

const OPENING: &str = "open the store";

/// Opens the file, or makes it.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let failed = |error: rusqlite::Error| not_opened(path, &error);
    private::file(path).map(drop).map_err(|error| match error.kind() {
        std::io::ErrorKind::StorageFull => file_error(path, OPENING, &error),
        _ => unusable(path, error.to_string(), "Is it there, and may you write to it? --store names another"),
    })?;
    // Looked at before anything is changed: it may be the database of somebody else.
    let (mut connection, form) = match connected(path, Locking::Shared) {
        // On a full disk there is no room for memory that several processes share; who is alone needs none to read.
        Err(error) if has_no_room(&error) => connected(path, Locking::Alone).map_err(|_| failed(error))?,
        connected => connected.map_err(failed)?,
    };
    is_ours(path, form)?;
    write_ahead(&connection).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "full").map_err(failed)?;
    connection.pragma_update(None, "fullfsync", true).map_err(failed)?;
    if form != Form::Steps(STEPS.len() as i64) {
        migrate(path, &mut connection)?;
    }
    Ok(connection)
}

/// Who may use the file beside us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locking {
    Shared,
    Alone,
}

fn connected(path: &Path, locking: Locking) -> rusqlite::Result<(Connection, Form)> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if locking == Locking::Alone {
        connection.pragma_update(None, "locking_mode", "exclusive")?;
    }
    // In one look: between two, another process may make the store, and what is half old and half new looks like somebody else's.
    let look = connection.unchecked_transaction()?;
    let form = form(&look)?;
    look.finish()?;
    Ok((connection, form))
}

/// A file that cannot be opened as a store; what is no fault of the file is told as such.
fn not_opened(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, PermissionDenied, ReadOnly};
    match (database(path, OPENING, error), error.sqlite_error_code()) {
        (
            StoreError::Database { path, found, hint, .. },
            Some(CannotOpen | DatabaseCorrupt | NotADatabase | PermissionDenied | ReadOnly),
        ) => unusable(&path, found, hint),
        (failed, _) => failed,
    }
}

fn unusable(path: &Path, found: String, hint: &str) -> StoreError {
    StoreError::Unusable { path: path.to_owned(), expected: format!("to {OPENING}"), found: format!("{found}. {hint}") }
}

fn has_no_room(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{CannotOpen, DiskFull, SystemIoFailure};
    matches!(error.sqlite_error_code(), Some(CannotOpen | DiskFull | SystemIoFailure))
}

/// What a file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// There is nothing in it yet.
    Empty,
    /// It is ours, and has gone so many steps.
    Steps(i64),
    /// It is another program's.
    Foreign,
}

fn form(connection: &Connection) -> rusqlite::Result<Form> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok(match number("PRAGMA application_id")? {
        APPLICATION => Form::Steps(number("PRAGMA user_version")?),
        0 if number("SELECT count(*) FROM sqlite_schema")? == 0 => Form::Empty,
        _ => Form::Foreign,
    })
}

fn is_ours(path: &Path, form: Form) -> Result<(), StoreError> {
    let not = |found: String, hint| Err(unusable(path, found, hint));
    let known = STEPS.len() as i64;
    match form {
        Form::Steps(gone) if gone > known => {
            not(format!("form {gone} of a newer program; this one knows {known}"), "Use the newer throughline")
        }
        Form::Foreign => not(
            "the database of another program".to_owned(),
            "Nothing was changed: name another folder with --store or THROUGHLINE_STORE",
        ),
        Form::Steps(_) | Form::Empty => Ok(()),
    }
}

/// Who reads does not wait for who writes. Without a wait of its own, for the change to it is refused at once while somebody else reads.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let began = Instant::now();
    loop {
        let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
        let is_busy = match connection.query_row("PRAGMA journal_mode = wal", [], mode) {
            // Where shared memory is not to be had, the plain journal is as safe.
            Ok(_) => return Ok(()),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(error) => match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => true,
                _ => return Err(error),
            },
        };
        if is_busy {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| database(path, "bring the store to its present form", &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have done it meanwhile.
    let form = form(&transaction).map_err(failed)?;
    is_ours(path, form)?;
    let gone = if let Form::Steps(gone) = form { usize::try_from(gone).unwrap_or_default() } else { 0 };
    if gone < STEPS.len() {
        walk(&transaction, gone).map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

fn walk(transaction: &Transaction<'_>, gone: usize) -> rusqlite::Result<()> {
    STEPS.iter().skip(gone).try_for_each(|step| transaction.execute_batch(step))?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", STEPS.len() as i64)?;
    let mut statement = transaction.prepare("SELECT number, uid FROM cases")?;
    let cases = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, String>(1)?)))?;
    for numbered in cases.collect::<Result<Vec<_>, _>>()? {
        let (number, uid) = numbered;
        if let Some(added_up) = Case::of(number, &entries(transaction, &uid)?) {
            put(transaction, &added_up)?;
        }
    }
    Ok(())
}
