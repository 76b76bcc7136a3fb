//! What is known, in the store: every call is one whole, so that a watcher can end at any moment.

use std::collections::HashMap;

use case::{Sqlite, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use crate::alert::Alert;
use crate::world::{Change, Listed};

/// Where the watcher of a client is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) schedule: Option<String>,
    pub(crate) next_due: Option<Timestamp>,
    pub(crate) accounted: Option<Timestamp>,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) failures: u32,
    pub(crate) beat_at: Option<Timestamp>,
    pub(crate) mode: Option<String>,
    pub(crate) late_at: Option<Timestamp>,
}

/// The name of a client in these tables: letters' case makes no other client.
pub(crate) fn named(client: &str) -> String {
    client.trim().to_lowercase()
}

/// Does something as one whole.
pub(crate) fn whole<R>(
    store: &mut Sqlite,
    doing: &'static str,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<R>,
) -> Result<R, StoreError> {
    let mut kept = None;
    let done = store.whole(doing, |transaction| {
        work(transaction).map_err(|error| {
            kept = Some(error);
            StoreError::NoSuchCase(String::new())
        })
    });
    match kept {
        Some(error) => Err(store.failed(doing, &error)),
        None => done,
    }
}

pub(crate) fn place(connection: &Connection, client: &str) -> rusqlite::Result<Option<Place>> {
    let mut statement = connection.prepare_cached(
        "SELECT schedule, next_due, accounted, retry_at, failures, beat_at, mode, late_at FROM watch_client WHERE client = ?",
    )?;
    statement.query_row([client], read_place).optional()
}

pub(crate) fn read_place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place {
        schedule: row.get(0)?,
        next_due: instant(row, 1)?,
        accounted: instant(row, 2)?,
        retry_at: instant(row, 3)?,
        failures: row.get(4)?,
        beat_at: instant(row, 5)?,
        mode: row.get(6)?,
        late_at: instant(row, 7)?,
    })
}

pub(crate) fn keep_place(transaction: &Transaction<'_>, client: &str, place: &Place) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO watch_client
             (client, schedule, next_due, accounted, retry_at, failures, beat_at, mode, late_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            client,
            place.schedule,
            text(place.next_due),
            text(place.accounted),
            text(place.retry_at),
            place.failures,
            text(place.beat_at),
            place.mode,
            text(place.late_at)
        ])?;
    Ok(())
}

/// Notes that runs whose process ended before them will not end any more; only the one watcher of the client may say so.
pub(crate) fn break_off(transaction: &Transaction<'_>, client: &str) -> rusqlite::Result<()> {
    let sql = "UPDATE watch_run SET outcome = 'broken_off' WHERE client = ? AND outcome IS NULL";
    transaction.execute(sql, [client]).map(drop)
}

pub(crate) fn begin_run(
    transaction: &Transaction<'_>,
    client: &str,
    reasons: &str,
    slot: Option<Timestamp>,
    at: Timestamp,
) -> rusqlite::Result<i64> {
    transaction.execute(
        "INSERT INTO watch_run (client, reasons, slot, started_at) VALUES (?, ?, ?, ?)",
        params![client, reasons, text(slot), at.to_string()],
    )?;
    Ok(transaction.last_insert_rowid())
}

pub(crate) fn end_run(
    transaction: &Transaction<'_>,
    run: i64,
    at: Timestamp,
    outcome: &str,
    said: &str,
) -> rusqlite::Result<()> {
    let sql = "UPDATE watch_run SET ended_at = ?, outcome = ?, said = ? WHERE n = ?";
    transaction.execute(sql, params![at.to_string(), outcome, said, run]).map(drop)
}

/// The files of a folder as they were hashed last.
#[derive(Debug, Default)]
pub(crate) struct Hashes(HashMap<String, (i64, String, String)>);

impl Hashes {
    /// The hash of a file, if it was hashed as it is listed now.
    pub(crate) fn of(&self, file: &Listed) -> Option<&str> {
        let (bytes, changed_at, sha256) = self.0.get(&file.name)?;
        let is_same = u64::try_from(*bytes).ok() == Some(file.bytes) && *changed_at == file.changed_at.to_string();
        is_same.then_some(sha256.as_str())
    }
}

pub(crate) fn hashes(connection: &Connection, client: &str) -> rusqlite::Result<Hashes> {
    let mut statement =
        connection.prepare_cached("SELECT name, bytes, changed_at, sha256 FROM watch_file WHERE client = ?")?;
    let rows = statement.query_map([client], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))?;
    Ok(Hashes(rows.collect::<Result<_, _>>()?))
}

pub(crate) fn keep_hash(
    transaction: &Transaction<'_>,
    client: &str,
    file: &Listed,
    sha256: &str,
) -> rusqlite::Result<()> {
    let bytes = i64::try_from(file.bytes).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO watch_file (client, name, bytes, changed_at, sha256) VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![client, file.name, bytes, file.changed_at.to_string(), sha256])
        .map(drop)
}

/// Whether a run has looked at this content.
pub(crate) fn is_looked_at(connection: &Connection, client: &str, sha256: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM watch_content WHERE client = ? AND sha256 = ?")?.exists([client, sha256])
}

pub(crate) fn keep_content(
    transaction: &Transaction<'_>,
    client: &str,
    sha256: &str,
    name: &str,
    run: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO watch_content (client, sha256, name, run) VALUES (?, ?, ?, ?)")?
        .execute(params![client, sha256, name, run])
        .map(drop)
}

/// Whether a second look took place.
pub(crate) fn is_look_done(connection: &Connection, client: &str, key: &str) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM watch_look WHERE client = ? AND key = ?")?.exists([client, key])
}

pub(crate) fn keep_look(transaction: &Transaction<'_>, client: &str, key: &str, run: i64) -> rusqlite::Result<()> {
    transaction
        .execute("INSERT OR IGNORE INTO watch_look (client, key, run) VALUES (?, ?, ?)", params![client, key, run])
        .map(drop)
}

/// Whether an event of any of these keys is known.
pub(crate) fn is_event_known(connection: &Connection, client: &str, keys: &[&str]) -> rusqlite::Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT alert FROM watch_event WHERE client = ? AND key = ?")?;
    for key in keys {
        if let Some(alert) = statement.query_row([client, *key], |row| row.get(0)).optional()? {
            return Ok(Some(alert));
        }
    }
    Ok(None)
}

pub(crate) fn keep_event(
    transaction: &Transaction<'_>,
    client: &str,
    keys: &[&str],
    alert: &str,
) -> rusqlite::Result<()> {
    let mut statement =
        transaction.prepare_cached("INSERT OR IGNORE INTO watch_event (client, key, alert) VALUES (?, ?, ?)")?;
    keys.iter().try_for_each(|key| statement.execute([client, *key, alert]).map(drop))
}

/// How often a condition was there, and whether it is there now.
pub(crate) fn condition(connection: &Connection, client: &str, key: &str) -> rusqlite::Result<Option<(u64, bool)>> {
    let mut statement =
        connection.prepare_cached("SELECT times, over_at IS NULL FROM watch_condition WHERE client = ? AND key = ?")?;
    statement.query_row([client, key], |row| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))).optional()
}

pub(crate) fn keep_condition(
    transaction: &Transaction<'_>,
    client: &str,
    key: &str,
    source: &str,
    times: u64,
) -> rusqlite::Result<()> {
    let times = i64::try_from(times).unwrap_or(i64::MAX);
    transaction
        .execute(
            "INSERT OR REPLACE INTO watch_condition (client, key, source, times, over_at) VALUES (?, ?, ?, ?, NULL)",
            params![client, key, source, times],
        )
        .map(drop)
}

/// Notes that what lasted by the word of a source is over, but for `still`.
pub(crate) fn end_conditions(
    transaction: &Transaction<'_>,
    client: &str,
    source: &str,
    still: &[&str],
    at: Timestamp,
) -> rusqlite::Result<()> {
    let mut statement = transaction
        .prepare_cached("SELECT key FROM watch_condition WHERE client = ? AND source = ? AND over_at IS NULL")?;
    let keys: Vec<String> = statement.query_map([client, source], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for key in keys.iter().filter(|key| !still.contains(&key.as_str())) {
        let sql = "UPDATE watch_condition SET over_at = ? WHERE client = ? AND key = ?";
        transaction.execute(sql, params![at.to_string(), client, key])?;
    }
    Ok(())
}

/// Whether anything lasts by the word of a source.
pub(crate) fn lasts(connection: &Connection, client: &str, source: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM watch_condition WHERE client = ? AND source = ? AND over_at IS NULL")?
        .exists([client, source])
}

pub(crate) fn keep_alert(transaction: &Transaction<'_>, client: &str, alert: &Alert) -> rusqlite::Result<()> {
    let body =
        serde_json::to_string(alert).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    transaction
        .execute(
            "INSERT INTO watch_alert (id, client, kind, level, at, body) VALUES (?, ?, ?, ?, ?, ?)",
            params![alert.id, client, alert.kind.word(), alert.level.word(), alert.at.to_string(), body],
        )
        .map(drop)
}

/// The last alerts, the newest first.
pub(crate) fn alerts(connection: &Connection, most: usize) -> rusqlite::Result<Vec<Alert>> {
    let mut statement = connection.prepare_cached("SELECT body FROM watch_alert ORDER BY n DESC LIMIT ?")?;
    let rows = statement.query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| {
        serde_json::from_str(&row.get::<_, String>(0)?).map_err(unreadable)
    })?;
    rows.collect()
}

pub(crate) fn post(transaction: &Transaction<'_>, alert: &str, sink: &str) -> rusqlite::Result<()> {
    transaction.execute("INSERT OR IGNORE INTO watch_outbox (alert, sink) VALUES (?, ?)", [alert, sink]).map(drop)
}

/// Something that waits to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) alert: Alert,
    pub(crate) attempts: u32,
    pub(crate) first_at: Option<Timestamp>,
    pub(crate) next_at: Option<Timestamp>,
}

/// What waits to be sent to a sink, the oldest first.
pub(crate) fn waiting(
    connection: &Connection,
    client: &str,
    sink: &str,
    most: usize,
) -> rusqlite::Result<Vec<Waiting>> {
    let mut statement = connection.prepare_cached(
        "SELECT a.body, o.attempts, o.first_at, o.next_at FROM watch_outbox o JOIN watch_alert a ON a.id = o.alert
         WHERE a.client = ? AND o.sink = ? AND o.sent_at IS NULL AND o.given_up_at IS NULL ORDER BY a.n LIMIT ?",
    )?;
    let rows = statement.query_map(params![client, sink, i64::try_from(most).unwrap_or(i64::MAX)], |row| {
        Ok(Waiting {
            alert: serde_json::from_str(&row.get::<_, String>(0)?).map_err(unreadable)?,
            attempts: row.get(1)?,
            first_at: instant(row, 2)?,
            next_at: instant(row, 3)?,
        })
    })?;
    rows.collect()
}

pub(crate) fn attempt(
    transaction: &Transaction<'_>,
    alert: &str,
    sink: &str,
    first_at: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "UPDATE watch_outbox SET attempts = attempts + 1, first_at = ? WHERE alert = ? AND sink = ?";
    transaction.execute(sql, params![first_at.to_string(), alert, sink]).map(drop)
}

pub(crate) fn sent(transaction: &Transaction<'_>, alert: &str, sink: &str, at: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE watch_outbox SET sent_at = ?, fault = NULL WHERE alert = ? AND sink = ?";
    transaction.execute(sql, params![at.to_string(), alert, sink]).map(drop)
}

/// Notes that an attempt failed: when the next one is, or that there is none.
pub(crate) fn not_sent(
    transaction: &Transaction<'_>,
    alert: &str,
    sink: &str,
    fault: &str,
    next_at: Option<Timestamp>,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let given_up = if next_at.is_none() { Some(at) } else { None };
    let sql = "UPDATE watch_outbox SET fault = ?, next_at = ?, given_up_at = ? WHERE alert = ? AND sink = ?";
    transaction.execute(sql, params![fault, text(next_at), text(given_up), alert, sink]).map(drop)
}

/// Puts off all that waits for a sink.
pub(crate) fn put_off(
    transaction: &Transaction<'_>,
    client: &str,
    sink: &str,
    next_at: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "UPDATE watch_outbox SET next_at = ?1 WHERE sink = ?2 AND sent_at IS NULL AND given_up_at IS NULL
               AND alert IN (SELECT id FROM watch_alert WHERE client = ?3)";
    transaction.execute(sql, params![next_at.to_string(), sink, client]).map(drop)
}

/// A change that was seen and not looked at yet.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) change: Change,
    pub(crate) seen_at: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) is_missed: bool,
}

pub(crate) fn keep_change(
    transaction: &Transaction<'_>,
    client: &str,
    change: &Change,
    seen_at: Timestamp,
    deadline: Timestamp,
) -> rusqlite::Result<()> {
    let body =
        serde_json::to_string(change).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO watch_change (client, key, made_at, seen_at, deadline, body, state)
             VALUES (?, ?, ?, ?, ?, ?, 'waiting')",
        )?
        .execute(params![
            client,
            change.key,
            change.made_at.to_string(),
            seen_at.to_string(),
            deadline.to_string(),
            body
        ])
        .map(drop)
}

/// Changes that were not looked at yet, by time.
pub(crate) fn seen(connection: &Connection, client: &str) -> rusqlite::Result<Vec<Seen>> {
    let mut statement = connection.prepare_cached(
        "SELECT body, seen_at, deadline, state = 'missed' FROM watch_change WHERE client = ? AND state <> 'looked'",
    )?;
    let rows = statement.query_map([client], |row| {
        Ok(Seen {
            change: serde_json::from_str(&row.get::<_, String>(0)?).map_err(unreadable)?,
            seen_at: needed(row, 1)?,
            deadline: needed(row, 2)?,
            is_missed: row.get(3)?,
        })
    })?;
    let mut seen = rows.collect::<Result<Vec<Seen>, _>>()?;
    seen.sort_by(|a, b| (a.change.made_at, &a.change.key).cmp(&(b.change.made_at, &b.change.key)));
    Ok(seen)
}

pub(crate) fn set_change(
    transaction: &Transaction<'_>,
    client: &str,
    key: &str,
    state: &str,
    run: Option<i64>,
) -> rusqlite::Result<()> {
    let sql = "UPDATE watch_change SET state = ?, run = coalesce(?, run) WHERE client = ? AND key = ?";
    transaction.execute(sql, params![state, run, client, key]).map(drop)
}

/// Sets anew until when a change is waited for.
pub(crate) fn wait_anew(
    transaction: &Transaction<'_>,
    client: &str,
    key: &str,
    seen_at: Timestamp,
    deadline: Timestamp,
) -> rusqlite::Result<()> {
    let sql = "UPDATE watch_change SET seen_at = ?, deadline = ? WHERE client = ? AND key = ?";
    transaction.execute(sql, params![seen_at.to_string(), deadline.to_string(), client, key]).map(drop)
}

pub(crate) fn text(instant: Option<Timestamp>) -> Option<String> {
    instant.map(|instant| instant.to_string())
}

pub(crate) fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<String>>(column)?.map(|text| text.parse().map_err(unreadable)).transpose()
}

fn needed(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get::<_, String>(column)?.parse().map_err(unreadable)
}

fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
}
